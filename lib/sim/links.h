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
  Links() : cuts_(kSlots * kSlots, 0), since_(kSlots * kSlots, base::TimePoint::distant_past()) {}

  void cut(Slot from, Slot to) { ++cuts_[index(from, to)]; }
  void mend(Slot from, Slot to, base::TimePoint now) {
    std::uint8_t& cuts = cuts_[index(from, to)];
    if (cuts == 0 || --cuts != 0) return;
    since_[index(from, to)] = now;
  }
  void mend_all(base::TimePoint now) {
    for (std::size_t at = 0; at < cuts_.size(); ++at) {
      if (cuts_[at] != 0) since_[at] = now;
      cuts_[at] = 0;
    }
    disturbed_until_ = std::min(disturbed_until_, now);
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

  std::vector<std::uint8_t> cuts_;      // by sender, receiver: how often it is cut
  std::vector<base::TimePoint> since_;  // when it was last mended
  base::TimePoint disturbed_until_ = base::TimePoint::distant_past();
};

}  // namespace covey::sim
