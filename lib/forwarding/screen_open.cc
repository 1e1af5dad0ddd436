// SPDX-License-Identifier: BSD-3-Clause
// What Screen leaves open is read, looked up and decided part by part: in a large flow cache a
// look-up visits memory twice, and while one part waits for that another one is read.
#include <bit>

#include "forwarding/screen.h"
#include "packet/plain_segment.h"

namespace covey::forwarding {

namespace {

constexpr unsigned kPart = 32;  // frames

/// Those among frames `at` to `at` + kPart - 1, if there are such.
Screen::Positions part_of(Screen::Positions positions, int at) {
  if (at < 0 || at >= static_cast<int>(Screen::kMostFrames)) return 0;
  return positions & Screen::first(kPart) << static_cast<unsigned>(at);
}

}  // namespace

Screen::Positions Screen::decide(Positions open, const Burst& burst,
                                 const Surroundings& around) noexcept {
  if (open == 0) return 0;
  const Positions placed = open & placed_;
  constexpr int part = kPart;
  for (int at = 0; at < static_cast<int>(kMostFrames) + 2 * part; at += part) {
    read(part_of(open, at), burst, around.flows);
    for (Positions left = part_of(open, at - part); left != 0; left &= left - 1) {
      const auto i = static_cast<unsigned>(std::countr_zero(left));
      around.flows.go_on(hashes_[i], sought_[i]);
    }
    decide_placed({.positions = part_of(placed, at - 2 * part),
                   .frames = burst.frames.data(),
                   .views = burst.views.data(),
                   .rules = rules_,
                   .rule_at = positions_.data(),
                   .buckets = buckets_.data(),
                   .sought = sought_.data()},
                  around, burst.decisions.data());
  }
  return placed;
}

/// Those that are placed, and others.
void Screen::read(Positions open, const Burst& burst, const flow::FlowCache& flows) noexcept {
  read_placed(open & placed_, burst, flows);
  // decide() begins anew with these; what it touches is closer then.
  for (Positions left = open & ~placed_; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    packet::parse_into(burst.frames[i], burst.views[i]);
    hashes_[i] = flows.begin(burst.views[i].key);
  }
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
