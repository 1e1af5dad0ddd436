// SPDX-License-Identifier: BSD-3-Clause
// What Screen leaves open is read, looked up and decided in passes over the burst, too: in a large
// flow cache a look-up visits memory twice, and each pass waits only for what the one before it has
// asked for.
#include <bit>

#include "forwarding/screen.h"
#include "packet/plain_segment.h"

namespace covey::forwarding {

Screen::Positions Screen::decide(Positions open, const Burst& burst,
                                 const Surroundings& around) noexcept {
  const Positions placed = open & placed_;
  read_placed(placed, burst, around.flows);
  // decide() begins anew with these; what it touches is closer then.
  for (Positions left = open & ~placed; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    packet::parse_into(burst.frames[i], burst.views[i]);
    hashes_[i] = around.flows.begin(burst.views[i].key);
  }
  for (Positions left = open; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    around.flows.go_on(hashes_[i], sought_[i]);
  }
  decide_placed({.positions = placed,
                 .frames = burst.frames.data(),
                 .views = burst.views.data(),
                 .rules = rules_,
                 .rule_at = positions_.data(),
                 .buckets = buckets_.data(),
                 .sought = sought_.data()},
                around, burst.decisions.data());
  return placed;
}

void Screen::read_placed(Positions placed, const Burst& burst,
                         const flow::FlowCache& flows) noexcept {
  const std::span<std::uint8_t>* frames = burst.frames.data();
  packet::FrameView* views = burst.views.data();
  for (; placed != 0; placed &= placed - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(placed));
    hashes_[i] = packet::is_plain_ipv4(frames[i])
                     ? flows.begin(packet::read_plain_ipv4(frames[i], views[i]))
                     : flows.begin(packet::read_plain_ipv6(frames[i], views[i]));
  }
}

}  // namespace covey::forwarding
