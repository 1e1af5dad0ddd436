// SPDX-License-Identifier: BSD-3-Clause
// The parts of decide(): what its files share.
//
// Owner: forwarding, internal. Thread: as decide().
#pragma once

#include <cstdint>
#include <span>

#include "forwarding/decide.h"
#include "forwarding/placement.h"

namespace covey::forwarding {

// ---- Ownership, the end of every path

/// The lease makes "ours" safe against a pause of this host: when it runs out, peers may have taken
/// over.
[[nodiscard]] inline Verdict if_owner(const Placement& place, const Surroundings& around,
                                      Verdict taken) noexcept {
  if (place.state == bucket::BucketState::refused) [[unlikely]]
    return Verdict::drop_draining;
  if (!bucket::takes_new_flows(place.state)) return Verdict::drop_not_owner;
  return around.lease_valid ? taken : Verdict::drop_lease_expired;
}

[[nodiscard]] inline Verdict verdict_of_owner(const Placement& place) noexcept {
  const bool by_default = place.has_rule && place.rule == kDefaultRule;
  return by_default ? Verdict::deliver_default : Verdict::deliver_owned;
}

[[nodiscard]] inline Decision decide_by_source(const packet::FlowKey& key,
                                               const Surroundings& around, Verdict taken) noexcept {
  const Placement place = place_by_source(around.snapshot, key);
  return decided(if_owner(place, around, taken), place);
}

/// No memory: the owner takes it.
[[nodiscard]] inline Decision decide_stateless(const Placement& place,
                                               const Surroundings& around) noexcept {
  if (place.is_disabled) return decided(Verdict::drop_rule_disabled, place);
  const Verdict taken = verdict_of_owner(place);
  return decided(if_owner(place, around, taken), place);
}

// ---- ICMP: decide_icmp.cc

[[nodiscard]] Decision decide_icmp(std::span<const std::uint8_t> frame,
                                   const packet::FrameView& view,
                                   const Surroundings& around) noexcept;
[[nodiscard]] Decision decide_icmpv6(std::span<const std::uint8_t> frame,
                                     const packet::FrameView& view,
                                     const Surroundings& around) noexcept;

// ---- Address resolution: decide_link.cc

/// Of the gateway, to a question of ours whether it is there.
[[nodiscard]] bool is_gateway_answer(std::span<const std::uint8_t> frame,
                                     const packet::FrameView& view, const Policy& policy) noexcept;
[[nodiscard]] Decision decide_arp(std::span<const std::uint8_t> frame,
                                  const packet::FrameView& view,
                                  const Surroundings& around) noexcept;
[[nodiscard]] Decision decide_solicitation(std::span<const std::uint8_t> frame,
                                           const packet::FrameView& view,
                                           const Surroundings& around) noexcept;
/// An unsolicited neighbour advertisement.
[[nodiscard]] Decision decide_announcement(std::span<const std::uint8_t> frame,
                                           const packet::FrameView& view,
                                           const Policy& policy) noexcept;

}  // namespace covey::forwarding
