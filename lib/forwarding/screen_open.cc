// SPDX-License-Identifier: BSD-3-Clause
// What Screen leaves open is read, looked up and decided in passes over the burst: a look-up visits
// memory twice, and all of them go there together.
#include <bit>

#include "forwarding/screen.h"
#include "packet/plain_segment.h"

namespace covey::forwarding {

namespace {

template <typename Take>
void each(Screen::Positions positions, Take&& take) {
  for (; positions != 0; positions &= positions - 1)
    take(static_cast<unsigned>(std::countr_zero(positions)));
}

}  // namespace

Screen::Positions Screen::decide(Positions open, const Burst& burst,
                                 const Surroundings& around) noexcept {
  if (open == 0) return 0;
  const Positions placed = open & placed_;
  const flow::FlowCache& flows = around.flows;
  read(open, burst, flows);
  each(open, [&](unsigned i) { flows.fetch(hashes_[i]); });
  each(open, [&](unsigned i) { flows.go_on(hashes_[i], sought_[i]); });
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

void Screen::read(Positions open, const Burst& burst, const flow::FlowCache& flows) noexcept {
  const std::span<std::uint8_t>* frames = burst.frames.data();
  packet::FrameView* views = burst.views.data();
  each(open & placed_, [&](unsigned i) {
    hashes_[i] = packet::is_plain_ipv4(frames[i])
                     ? flows.begin(packet::read_plain_ipv4(frames[i], views[i]))
                     : flows.begin(packet::read_plain_ipv6(frames[i], views[i]));
  });
  // decide() begins anew with the others; what it touches is closer then.
  each(open & ~placed_, [&](unsigned i) {
    packet::parse_into(frames[i], views[i]);
    hashes_[i] = flows.begin(views[i].key);
  });
}

}  // namespace covey::forwarding
