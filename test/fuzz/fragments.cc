// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: fragments of many datagrams in any order, whole and damaged, and time that passes:
// six bytes each, through decide() and the memory for fragments as a worker uses it.
//
// Owner: test/fuzz. Thread: one. What is remembered of a datagram is the last verdict about its
// first fragment and no other datagram's, and is forgotten in time; who waits comes out once, in
// the order of arrival: ready if the first fragment came since, else when the time is up and not
// before.
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <tuple>

#include "forwarding/decide.h"
#include "forwarding/fragments.h"
#include "support.h"
#include "support/world.h"

namespace {

using namespace covey;
using forwarding::Decision;
using forwarding::Fragments;
using forwarding::Verdict;
using fuzz::require;

/// What the fragments of one datagram have in common (RFC 791, RFC 8200).
struct Name {
  packet::FlowKey key;
  std::uint32_t id = 0;

  explicit Name(const packet::FrameView& view) : id(view.fragment_id) {
    key.family = view.key.family;
    key.source = view.key.source;
    key.destination = view.key.destination;
    if (key.family == base::Family::ipv4) key.protocol = view.key.protocol;
  }
  friend bool operator<(const Name& a, const Name& b) {
    const auto tie = [](const Name& it) {
      return std::tie(it.id, it.key.family, it.key.protocol, it.key.source, it.key.destination);
    };
    return tie(a) < tie(b);
  }
};

test::Frame fragment(std::span<const std::uint8_t, 6> bytes) {
  constexpr std::array<std::uint16_t, 4> kPorts = {80, 23, 8000, 9999};
  constexpr std::array<std::uint16_t, 8> kOffsets = {0, 0, 0, 1, 2, 9, 9, 8191};
  const bool ipv6 = (bytes[1] & 0x80) != 0;
  const std::string source =
      (ipv6 ? "2001:db8:77::1:" : "10.77.1.") + std::to_string(bytes[1] % 16U);
  test::FrameBuilder frame;
  frame.ip(source, ipv6 ? test::kVip6 : (bytes[1] & 0x40) != 0 ? test::kVip2 : test::kVip);
  const std::uint16_t port = kPorts[bytes[3] / 16 % kPorts.size()];
  if ((bytes[3] & 0x80) != 0) {
    frame.udp(5000, port);
  } else {
    frame.tcp(5000, port, test::kAck);
  }
  frame.fragment(kOffsets[bytes[3] % kOffsets.size()], (bytes[3] & 0x08) != 0, bytes[2] % 160U);
  frame.payload(bytes[0] / 4U);
  test::Frame built = frame;
  const std::size_t at = bytes[4];
  if (bytes[0] % 4 == 2 && at < built.size()) built[at] = bytes[5];
  if (bytes[0] % 4 == 2 && at >= built.size()) built.resize(bytes[5] % (built.size() + 1));
  return {built.begin(), built.end()};  // of exact capacity, so that a sanitizer sees its end
}

/// Compiled once: that takes longer than a session.
const forwarding::Snapshot& cluster() {
  static const forwarding::Snapshot snapshot = test::World().dirty().snapshot();
  return snapshot;
}

class Session {
 public:
  Session() : flows_({.capacity = 64}, snapshot_.policy->classes().class_sizes, 1) {}

  void step(std::span<const std::uint8_t, 6> bytes) {
    if (bytes[0] % 4 != 3) return arrive(fragment(bytes));
    now_ = now_ + std::chrono::milliseconds(1 << (bytes[1] % 12));
    for (unsigned calls = bytes[2]; calls > 0; --calls)
      end_waiting();
    end_waiting();
  }

 private:
  struct Waiting {
    Name name;
    base::TimePoint since;
    std::uint64_t number = 0;
  };
  struct Known {
    Verdict verdict{};
    base::TimePoint learnt;
  };

  void arrive(const test::Frame& frame) {
    const packet::FrameView view = packet::parse(frame);
    const Decision decision =
        forwarding::decide(frame, view, {snapshot_, flows_, true, &fragments_});
    check_memory(view, decision);
    const bool was_learnt = fragments_.learn(view, decision, now_);
    require(was_learnt == (view.is_fragment && !view.is_later_fragment &&
                           (decision.has_rule || decision.has_bucket)));
    if (was_learnt) {
      known_.insert_or_assign(Name(view), Known{decision.verdict, now_});
      take_ready(Name(view));
    }
    require(!fragments_.take_ready().has_value());
    if (decision.verdict == Verdict::drop_fragment_unknown) park(view);
  }

  /// Memory may be short, but it is never of another datagram nor of an earlier one.
  void check_memory(const packet::FrameView& view, const Decision& decision) {
    if (view.status != packet::ParseStatus::ok || !view.is_later_fragment) return;
    const std::optional<Verdict> found = fragments_.find(view);
    if (!found) return;
    const auto known = known_.find(Name(view));
    require(known != known_.end() && known->second.verdict == *found);
    const bool is_decided_by_memory = !decision.has_rule && !decision.has_bucket;
    if (is_decided_by_memory && view.key.protocol != packet::kProtocolIcmp &&
        decision.verdict != Verdict::drop_not_for_us) {
      require(decision.verdict == *found || decision.verdict == Verdict::drop_own_echo);
    }
  }

  void park(const packet::FrameView& view) {
    require(view.is_later_fragment);
    const auto slot = fragments_.park(view, now_);
    if (!slot) {
      require(waiting_.size() >= Fragments::kParkedPerRoom);
      return;
    }
    require(*slot < Fragments::kParkingSlots);
    require(waiting_.emplace(*slot, Waiting{Name(view), now_, ++arrivals_}).second);
  }

  /// All that wait for this datagram, and no others.
  void take_ready(const Name& name) {
    std::uint64_t last = 0;
    const auto is_of = [&name](const Waiting& it) { return !(it.name < name || name < it.name); };
    while (const auto slot = fragments_.take_ready()) {
      const auto ready = waiting_.find(*slot);
      require(ready != waiting_.end() && is_of(ready->second) && ready->second.number > last);
      last = ready->second.number;
      waiting_.erase(ready);
    }
    for (const auto& [slot, it] : waiting_)
      require(!is_of(it));
  }

  void end_waiting() {
    for (const Fragments::Slot slot : fragments_.expire(now_)) {
      const auto ended = waiting_.find(slot);
      require(ended != waiting_.end() && now_ - ended->second.since >= Fragments::kParkingLife);
      waiting_.erase(ended);
    }
    for (const auto& [slot, it] : waiting_)
      require(now_ - it.since < Fragments::kParkingLife);
    // A look at each room forgets what is old.
    if (++looks_ % Fragments::kSourceRooms != 0) return;
    std::erase_if(known_, [this](const auto& it) { return it.second.learnt < forgotten_before_; });
    forgotten_before_ = now_ - Fragments::kDatagramLife;
  }

  const forwarding::Snapshot& snapshot_ = cluster();
  flow::FlowCache flows_;
  Fragments fragments_{1};
  base::TimePoint now_{std::chrono::nanoseconds(std::chrono::hours(1)).count()};
  base::TimePoint forgotten_before_ = base::TimePoint::distant_past();
  std::map<Name, Known> known_;
  std::map<Fragments::Slot, Waiting> waiting_;
  std::uint64_t arrivals_ = 0;
  std::uint64_t looks_ = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMostSteps = 400;
  const auto session = std::make_unique<Session>();
  std::span<const std::uint8_t> rest(data, size);
  for (std::size_t steps = 0; rest.size() >= 6 && steps < kMostSteps; ++steps) {
    session->step(rest.first<6>());
    rest = rest.subspan(6);
  }
  return 0;
}
