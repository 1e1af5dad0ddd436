// SPDX-License-Identifier: BSD-3-Clause
// The two ends of a connection in the model: a client and the stacks of hosts, as simple as TCP
// allows.
//
// Owner: test/unit/forwarding. Thread: one; pure. Neither end retransmits by itself: the model says
// when. What is never lost here (data, FIN, RST) needs no retransmission.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <random>

#include "packet/parse.h"
#include "support/flow_reference.h"

namespace covey::test {

using Random = std::mt19937_64;

struct TcpSegment {
  std::uint8_t flags = 0;
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  std::uint32_t length = 0;

  [[nodiscard]] bool has(std::uint8_t flag) const { return (flags & flag) != 0; }
  [[nodiscard]] bool opens() const {
    using packet::TcpFlags;
    return (flags & (TcpFlags::kSyn | TcpFlags::kAck | TcpFlags::kRst)) == TcpFlags::kSyn;
  }
  [[nodiscard]] std::uint32_t end() const {
    return sequence + length + (has(packet::TcpFlags::kFin) ? 1 : 0);
  }
};

inline constexpr std::uint8_t kSynAck = packet::TcpFlags::kSyn | packet::TcpFlags::kAck;
inline constexpr std::uint8_t kFinAck = packet::TcpFlags::kFin | packet::TcpFlags::kAck;
inline constexpr std::uint8_t kRstAck = packet::TcpFlags::kRst | packet::TcpFlags::kAck;

/// The stack of a host, with a server that greets whoever connects and closes when the client does.
class Stack {
 public:
  /// What it answers to a segment that was delivered.
  [[nodiscard]] std::optional<TcpSegment> receive(const packet::FlowKey& key, const TcpSegment& got,
                                                  Random& random) {
    using packet::TcpFlags;
    const auto found = sockets_.find(key);
    const bool is_known = found != sockets_.end();
    if (got.has(TcpFlags::kRst)) return is_known ? reset(found, got) : std::nullopt;
    const bool opens = (got.flags & kSynAck) == TcpFlags::kSyn;
    if (opens && !(is_known && found->second.established)) {
      if (!is_known)
        sockets_[key] = {false, static_cast<std::uint32_t>(random()), got.sequence + 1};
      Socket& socket = sockets_[key];
      const bool is_another = socket.awaited != got.sequence + 1;
      return is_another ? question(socket) : syn_ack(socket);
    }
    if (!is_known) return TcpSegment{TcpFlags::kRst, got.acknowledgement, 0, 0};
    Socket& socket = found->second;
    std::uint32_t greeting = 0;
    if (!socket.established) {
      if (!got.has(TcpFlags::kAck)) return std::nullopt;
      if (got.acknowledgement != socket.next + 1) {
        return TcpSegment{TcpFlags::kRst, got.acknowledgement, 0, 0};
      }
      socket.established = true;
      socket.next += 1;
      greeting = kData;
    }
    const bool is_new = got.sequence == socket.awaited && got.end() != got.sequence;
    if (!is_new && got.sequence == socket.awaited && greeting == 0) return std::nullopt;
    if (is_new) socket.awaited = got.end();
    if (!is_new || !got.has(TcpFlags::kFin)) return say(socket, greeting);
    const TcpSegment last{kFinAck, socket.next, socket.awaited, 0};
    sockets_.erase(found);
    return last;
  }
  /// The server says something, or its unanswered SYN-ACK is sent again.
  [[nodiscard]] std::optional<TcpSegment> speak(const packet::FlowKey& key) {
    const auto found = sockets_.find(key);
    if (found == sockets_.end()) return std::nullopt;
    return found->second.established ? say(found->second, kData) : syn_ack(found->second);
  }
  /// The SYN-ACK of a socket that is not open yet, if there is one.
  [[nodiscard]] std::optional<TcpSegment> half_open(const packet::FlowKey& key) const {
    const auto found = sockets_.find(key);
    if (found == sockets_.end() || found->second.established) return std::nullopt;
    return syn_ack(found->second);
  }
  /// A connection that is open, if there is one: what comes next in either direction.
  struct Numbers {
    std::uint32_t sent = 0;
    std::uint32_t awaited = 0;
  };
  [[nodiscard]] std::optional<Numbers> connection(const packet::FlowKey& key) const {
    const auto found = sockets_.find(key);
    if (found == sockets_.end() || !found->second.established) return std::nullopt;
    return Numbers{found->second.next, found->second.awaited};
  }

 private:
  struct Socket {
    bool established = false;
    std::uint32_t next = 0;     // that it sends
    std::uint32_t awaited = 0;  // from the client
  };
  using Sockets = std::map<packet::FlowKey, Socket, ByBytes>;
  static constexpr std::uint32_t kData = 7;

  /// RFC 5961: at the awaited number it is believed, else asked about.
  std::optional<TcpSegment> reset(Sockets::iterator found, const TcpSegment& got) {
    const bool is_exact = got.sequence == found->second.awaited;
    if (!is_exact && found->second.established) return say(found->second, 0);
    if (is_exact) sockets_.erase(found);
    return std::nullopt;
  }
  /// RFC 9293, 3.10.7.4: to another SYN. Who sent the first says what to think of it.
  static std::optional<TcpSegment> question(const Socket& socket) {
    return TcpSegment{packet::TcpFlags::kAck, socket.next + 1, socket.awaited, 0};
  }
  static std::optional<TcpSegment> syn_ack(const Socket& socket) {
    return TcpSegment{kSynAck, socket.next, socket.awaited, 0};
  }
  static std::optional<TcpSegment> say(Socket& socket, std::uint32_t length) {
    const TcpSegment segment{packet::TcpFlags::kAck, socket.next, socket.awaited, length};
    socket.next += length;
    return segment;
  }

  Sockets sockets_;
};

/// A client that keeps to TCP and uses its ports again and again, one connection after the other.
/// What was not acknowledged it sends again, and nothing beyond.
class TcpClient {
 public:
  /// Whether these are the numbers of its connection, the last one if it has none.
  [[nodiscard]] bool agrees(const Stack::Numbers& numbers) const {
    return numbers.sent == awaited_ && numbers.awaited == unacknowledged_;
  }
  [[nodiscard]] bool awaits_answer(const TcpSegment& syn) const {
    return state_ == State::opening && unacknowledged_ == syn.sequence;
  }
  /// Its next move.
  [[nodiscard]] TcpSegment move(Random& random) {
    using packet::TcpFlags;
    constexpr std::uint32_t kData = 11;
    const std::uint64_t roll = random() % 16;
    switch (state_) {
      case State::closed:
        unacknowledged_ = static_cast<std::uint32_t>(random());
        state_ = State::opening;
        return {TcpFlags::kSyn, unacknowledged_, 0, 0};
      case State::opening:
        if (roll == 0) state_ = State::closed;  // gives up
        return {TcpFlags::kSyn, unacknowledged_, 0, 0};
      case State::open:
        break;
    }
    if (roll < 2) state_ = State::closed;
    if (roll == 0) return {kRstAck, unacknowledged_, awaited_, 0};
    if (roll == 1) return {kFinAck, unacknowledged_, awaited_, 0};
    const bool only_asks = roll < 4;  // whether the server is still there
    if (only_asks) return {TcpFlags::kAck, unacknowledged_ - 1, awaited_, 0};
    return {TcpFlags::kAck, unacknowledged_, awaited_, kData};
  }
  /// What it answers to a segment that reached it.
  [[nodiscard]] std::optional<TcpSegment> receive(const TcpSegment& got) {
    using packet::TcpFlags;
    if (got.has(TcpFlags::kRst)) {
      if (state_ == State::open && got.sequence == awaited_) state_ = State::closed;
      return std::nullopt;
    }
    const bool acknowledges_syn = got.acknowledgement == unacknowledged_ + 1;
    if (state_ == State::closed || (state_ == State::opening && !acknowledges_syn)) {
      return TcpSegment{TcpFlags::kRst, got.acknowledgement, 0, 0};
    }
    if (state_ == State::opening) {
      if ((got.flags & kSynAck) != kSynAck) return std::nullopt;
      state_ = State::open;
      unacknowledged_ += 1;
      awaited_ = got.sequence + 1;
      return acknowledgement();
    }
    const bool is_next = got.sequence == awaited_;
    if (is_next) {
      awaited_ = got.end();
      unacknowledged_ = got.acknowledgement;
    }
    if (is_next && got.has(TcpFlags::kFin)) state_ = State::closed;
    return is_next && got.end() == got.sequence ? std::nullopt : std::optional(acknowledgement());
  }

 private:
  enum class State : std::uint8_t { closed, opening, open };

  [[nodiscard]] TcpSegment acknowledgement() const {
    return {packet::TcpFlags::kAck, unacknowledged_, awaited_, 0};
  }

  State state_ = State::closed;
  std::uint32_t unacknowledged_ = 0;
  std::uint32_t awaited_ = 0;  // from the server
};

}  // namespace covey::test
