// SPDX-License-Identifier: BSD-3-Clause
// CommandChannel: commands between hosts, each obeyed at most once.
//
// Owner: control. Thread: the control thread. Sans-IO: time comes in, frames go out through `send`.
// A target obeys only a command that names the challenge it has for that start of the asker, with a
// sequence number above the last one. There are no clocks and nothing is kept on disk. One command
// per target is under way at a time; who gets no answer in time does not know whether it was
// obeyed. What a command means is the owner's business.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "bucket/siphash.h"
#include "heartbeat/command.h"

namespace covey::control {

inline constexpr base::Duration kAnswerTime = std::chrono::seconds(2);
inline constexpr base::Duration kCallTime = std::chrono::milliseconds(300);

struct CommandCounts {
  std::uint64_t obeyed = 0;
  std::uint64_t challenged = 0;  // told which challenge to name
  std::uint64_t repeated = 0;    // answered again
  std::uint64_t replayed = 0;    // a sequence number of the past: nothing done, nothing said
  std::uint64_t limited = 0;     // more than a target answers in a second
};

///     asker                                    target
///       | command, challenge 0 (or an old one)   |   first command after a start of either
///       |--------------------------------------->|
///       | challenge C                            |   nothing was done
///       |<---------------------------------------|
///       | command, challenge C, sequence 7       |
///       |--------------------------------------->|   obeyed, once
///       | reply                                  |
///       |<---------------------------------------|
///
/// The number that was obeyed last is answered again from memory (the reply may have been lost), a
/// lower one is not. The challenge is a keyed hash of the asker, its nonce and how many of its
/// starts have given commands before: one of an earlier start is never good again, and handing one
/// out takes no memory. So a recording can at most repeat an answer.
class CommandChannel {
 public:
  struct Settings {
    base::HostId self;
    std::string host_name;
    std::uint64_t nonce = 0;  // random per start of the daemon
    bucket::SipKey secret;    // random per start, never told
  };
  /// Sealed with that key; nothing: with the one that heartbeats are sealed with.
  using Send =
      std::function<void(const heartbeat::CommandFrame&, std::optional<std::uint8_t> key_id)>;
  using Obey = std::function<std::string(base::HostId from, const std::string& text)>;
  /// The reply, or nothing when there was none in time.
  using Answered = std::function<void(const std::optional<std::string>& reply)>;
  using Called = std::function<void(const std::map<base::HostId, std::string>& names)>;

  CommandChannel(Settings settings, Send send, Obey obey)
      : settings_(std::move(settings)), send_(std::move(send)), obey_(std::move(obey)) {}

  /// `text` fits a frame. `answered` is called once, never from within.
  void ask(base::TimePoint now, base::HostId target, std::string text, Answered answered);
  /// Who is there: whoever answers within kCallTime, started or stopped.
  void call(base::TimePoint now, Called called);

  void receive(base::TimePoint now, const heartbeat::CommandFrame& frame, std::uint8_t key_id);
  void timer(base::TimePoint now);
  /// When timer() is wanted next.
  [[nodiscard]] base::TimePoint next_wakeup() const;
  [[nodiscard]] const CommandCounts& counts() const { return counts_; }

 private:
  struct Order {
    std::string text;
    Answered answered;
    base::TimePoint deadline;
    std::uint32_t sequence = 0;
    base::TimePoint again;  // when it is sent once more
  };
  struct Target {
    std::uint64_t challenge = 0;
    std::deque<Order> orders;  // the first is under way
  };
  struct Round {
    base::TimePoint deadline;
    std::map<base::HostId, std::string> names;
    Called called;
  };
  /// What is known of another host as an asker.
  struct Session {
    std::uint64_t starts = 0;  // that gave commands
    std::uint64_t nonce = 0;   // of the last one of them
    std::uint64_t challenge = 0;
    std::uint32_t sequence = 0;  // obeyed last
    std::string reply;
  };

  void send_first(base::TimePoint now, base::HostId target);
  void take_command(base::TimePoint now, const heartbeat::CommandFrame& frame, std::uint8_t key_id);
  void take_challenge(base::TimePoint now, const heartbeat::CommandFrame& frame);
  void take_reply(base::TimePoint now, const heartbeat::CommandFrame& frame);
  void answer(base::TimePoint now, heartbeat::CommandKind kind,
              const heartbeat::CommandFrame& frame, std::uint64_t challenge, std::string text,
              std::uint8_t key_id);
  [[nodiscard]] std::uint64_t challenge_for(const heartbeat::CommandFrame& frame) const;

  Settings settings_;
  Send send_;
  Obey obey_;
  std::uint32_t sequence_ = 0;
  std::map<base::HostId, Target> targets_;
  std::vector<Round> rounds_;
  std::array<Session, base::kMaxHosts + 1> sessions_;  // by host id
  base::TimePoint second_began_ = base::TimePoint::distant_past();
  unsigned answers_this_second_ = 0;
  CommandCounts counts_;
};

}  // namespace covey::control
