// SPDX-License-Identifier: BSD-3-Clause
// Links: which machine of the segment hears which, and since when two of them hear each other.
//
// Owner: sim. Thread: any, one at a time. Machines stand in slots; a slot is the host id, unless
// two machines use one id. One-way cuts add up: a link cut twice must be mended twice.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/time.h"

namespace covey::sim {

using Slot = std::uint8_t;
inline constexpr std::size_t kSlots = 129;  // 1..64 by id, the rest for second machines with an id

class Links {
 public:
  Links()
      : cuts_(kSlots * kSlots, 0),
        since_(kSlots * kSlots, base::TimePoint::distant_past()),
        asleep_until_(kSlots, base::TimePoint::distant_past()) {}

  void cut(Slot from, Slot to) { ++cuts_[index(from, to)]; }
  void mend(Slot from, Slot to, base::TimePoint now) {
    std::uint8_t& cuts = cuts_[index(from, to)];
    if (cuts == 0 || --cuts != 0) return;
    since_[index(from, to)] = std::max({now, asleep_until_[from], asleep_until_[to]});
  }
  void mend_all(base::TimePoint now) {
    for (Slot from = 0; from < kSlots; ++from) {
      for (Slot to = 0; to < kSlots; ++to) {
        std::uint8_t& cuts = cuts_[index(from, to)];
        cuts = std::min<std::uint8_t>(cuts, 1);
        mend(from, to, now);
      }
    }
    disturbed_until_ = std::min(disturbed_until_, now);
  }
  /// The machine hears nothing until then. Links of it that were mended after `lately` count as
  /// whole only from its awakening on: it has had no time to hear what it missed.
  void sleep(Slot slot, base::TimePoint lately, base::TimePoint until) {
    asleep_until_[slot] = std::max(asleep_until_[slot], until);
    const auto postpone = [&](base::TimePoint& since) {
      if (since > lately) since = std::max(since, until);
    };
    for (Slot other = 0; other < kSlots; ++other) {
      postpone(since_[index(slot, other)]);
      postpone(since_[index(other, slot)]);
    }
    postpone(disturbed_until_);
  }
  /// So many messages are lost until then that no pair counts as connected.
  void disturb_until(base::TimePoint end) { disturbed_until_ = std::max(disturbed_until_, end); }

  [[nodiscard]] bool carries(Slot from, Slot to) const { return cuts_[index(from, to)] == 0; }
  /// Since when both hear each other; never while one does not.
  [[nodiscard]] base::TimePoint whole_since(Slot a, Slot b) const {
    if (!carries(a, b) || !carries(b, a)) return base::TimePoint::never();
    return std::max({since_[index(a, b)], since_[index(b, a)], disturbed_until_});
  }

  /// The same for `one` with everybody at once.
  [[nodiscard]] base::TimePoint whole_since(Slot one) const {
    base::TimePoint latest = base::TimePoint::distant_past();
    for (Slot other = 1; other < kSlots; ++other)
      latest = std::max(latest, whole_since(one, other));
    return latest;
  }

 private:
  [[nodiscard]] static std::size_t index(Slot from, Slot to) {
    return std::size_t{from} * kSlots + to;
  }

  std::vector<std::uint8_t> cuts_;             // by sender, receiver: how often it is cut
  std::vector<base::TimePoint> since_;         // when it was last mended, and both were awake
  std::vector<base::TimePoint> asleep_until_;  // by slot
  base::TimePoint disturbed_until_ = base::TimePoint::distant_past();
};

}  // namespace covey::sim
