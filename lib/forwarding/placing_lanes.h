// SPDX-License-Identifier: BSD-3-Clause
// Rules and buckets of segments, looked up for several at once in the lanes of vector registers.
//
// Owner: forwarding, internal. Thread: any; pure. As with segment_lanes.h: plain arrays, for a file
// that is compiled for processors which the rest of the program must not ask for. What is said here
// of the layout of a Policy, policy.cc asserts.
#pragma once

#include <cstddef>
#include <cstdint>

#include "forwarding/segment_lanes.h"

namespace covey::forwarding::lanes {

/// What looking up a segment takes of a Policy, as little-endian words.
struct Rules {
  /// Virtual IPs by address, see Policy::find().
  const std::uint64_t* slots = nullptr;
  /// What a segment of IPv4 needs of each slot, in one word: most hosts have few addresses, those
  /// that have many would not find all slots in the nearest cache.
  const std::uint64_t* brief_slots = nullptr;
  std::uint64_t slot_mask = 0;
  unsigned mix_shift = 0;
  /// Positions of rules, by table and port.
  const std::uint16_t* ports = nullptr;
  /// By position of a rule: in the lower half its class, in the upper its kind.
  const std::uint32_t* briefs = nullptr;
  /// A CompiledRule of each kind, that is, way to hash: mostly all rules share a few, and these
  /// stay in the nearest cache however many rules there are.
  const std::uint64_t* kinds = nullptr;
};
inline constexpr std::size_t kPortBits = 16;
inline constexpr std::uint64_t kLookCloser = 0x8000;  // positions from here on
inline constexpr std::uint64_t kMixHigh = 0x9e3779b97f4a7c15;
inline constexpr std::uint64_t kMixLow = 0xc2b2ae3d27d4eb4f;
inline constexpr unsigned kLeastMixShift = 24;
inline constexpr unsigned kMostMixShift = 48;

// Of a slot.
inline constexpr std::size_t kSlotWords = 4;
inline constexpr std::size_t kSlotHigh = 0;
inline constexpr std::size_t kSlotLow = 1;
inline constexpr std::size_t kSlotRest = 2;
inline constexpr std::uint64_t kSlotFamily = 0xff;  // bits of the rest
inline constexpr unsigned kSlotTable = 32;          // the first of sixteen bits of the rest

// Of a brief slot, 0 if it is empty.
inline constexpr std::uint64_t kBriefSlotAddress = 0xffff'ffff;  // of IPv4
inline constexpr unsigned kBriefSlotTable = 32;                  // the first of sixteen bits
inline constexpr std::uint64_t kBriefSlotIpv4 = std::uint64_t{1} << 48U;
inline constexpr std::uint64_t kBriefSlotOther = std::uint64_t{1} << 49U;

inline constexpr unsigned kBriefKind = 16;  // the first of sixteen bits

// Of a rule.
inline constexpr std::size_t kRuleWords = 8;
inline constexpr std::size_t kRuleIpv4 = 0;  // sender, first, second, count
inline constexpr std::size_t kRuleIpv6High = 5;
inline constexpr std::size_t kRuleIpv6Low = 6;
inline constexpr std::size_t kRuleWithPorts = 7;  // one bit
inline constexpr unsigned kRuleWithPortsBit = 32;

/// Where what was found is put, by position.
struct Places {
  std::uint64_t* rules;   // positions of rules
  std::uint32_t* briefs;  // of these, see Rules
  std::uint64_t* first;   // as in HashInputs
  std::uint64_t* second;
  std::uint64_t* third;
  std::uint64_t* counts;
};

/// Of segments those that their rule places, and the lengths of what is to be hashed of them.
struct LookedUp {
  std::uint64_t placeable = 0;
  std::uint32_t lengths = 0;
};
/// Segments of a burst, and what was read of them.
struct Unplaced {
  std::uint64_t which = 0;
  const Segments& read;
};
[[nodiscard]] LookedUp look_up_ipv4_avx512(const Unplaced& segments, const Ahead& ahead,
                                           const Rules& rules, const Places& places) noexcept;
[[nodiscard]] LookedUp look_up_ipv6_avx512(const Unplaced& segments, const Ahead& ahead,
                                           const Rules& rules, const Places& places) noexcept;

/// What is known of buckets, see bucket::ClassTables and flow::BucketCounts.
struct Buckets {
  const std::uint64_t* rows;  // by class: mask, and from bit 32 on start
  const std::uint32_t* runs;  // by class: first class, and of that one from bit 16 on the end
  const std::uint64_t* foreign;
  const std::uint64_t* occupied;
};
/// Frames of a burst, by position.
struct Candidates {
  std::uint64_t which = 0;
  const std::uint32_t* briefs = nullptr;
  const std::uint64_t* hashes = nullptr;
};
struct Parts {
  std::uint64_t none = 0;  // in their bucket this host has no part, for certain
  std::uint64_t some = 0;  // it is not foreign
};
/// What part this host has in the buckets of candidates; `at` has these then, by position.
[[nodiscard]] Parts parts_avx512(const Candidates& candidates, const Ahead& ahead,
                                 const Buckets& buckets, std::uint32_t* at) noexcept;

}  // namespace covey::forwarding::lanes
