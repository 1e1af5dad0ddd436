// SPDX-License-Identifier: BSD-3-Clause
// Which fields of a flow are hashed, by affinity, and the bucket they give.
//
// Owner: bucket. Thread: any; pure. The input of SipHash-1-3 is, in network byte order:
//   none     source address (4 or 16 bytes), source port (2), destination port (2)
//   single   source address
//   network  source address with all but the first prefix4/prefix6 bits cleared
// The bucket is the hash modulo the bucket count (a power of two). The destination address and the
// protocol are left out on purpose: one client then lands on one host across virtual IPs and rules
// of equal weights. Every length is a constant here, so each case is straight-line code.
#pragma once

#include <algorithm>
#include <bit>
#include <cstdint>

#include "base/endian.h"
#include "base/ids.h"
#include "bucket/siphash.h"
#include "packet/flow_key.h"

namespace covey::bucket {

enum class Affinity : std::uint8_t { none, single, network };

struct HashRule {
  Affinity affinity = Affinity::none;
  std::uint8_t prefix4 = 24;  // bits of an IPv4 source that count under Affinity::network
  std::uint8_t prefix6 = 64;  // likewise IPv6
  friend constexpr bool operator==(const HashRule&, const HashRule&) = default;
};

namespace detail {

/// Clears all but the first `bits` bits of a big-endian number; more than 64 bits keep all of it.
[[nodiscard]] constexpr std::uint64_t keep_first_bits(std::uint64_t number, unsigned bits) {
  if (bits == 0) return 0;
  return bits >= 64 ? number : number & (~std::uint64_t{0} << (64U - bits));
}

/// Source port, then destination port, as four little-endian input bytes. The words are composed
/// in registers: storing bytes and loading them as one word would stall on store forwarding.
[[nodiscard]] constexpr std::uint64_t port_bytes(const packet::FlowKey& flow) {
  return static_cast<std::uint64_t>(std::byteswap(flow.source_port)) |
         static_cast<std::uint64_t>(std::byteswap(flow.destination_port)) << 16U;
}

[[nodiscard]] inline std::uint64_t hash_ipv4(const SipKey& key, const HashRule& rule,
                                             const packet::FlowKey& flow) noexcept {
  std::uint64_t address = base::load_be64(flow.source.data());
  const unsigned bits = rule.affinity == Affinity::network ? rule.prefix4 : 32U;
  address = keep_first_bits(address, std::min(bits, 32U));
  const std::uint64_t word = std::byteswap(address);
  if (rule.affinity != Affinity::none) return siphash13_short(key, word, 4);
  SipState<1, 3> state(key);
  state.absorb(word | port_bytes(flow) << 32U);
  state.absorb(last_word(0, 8));
  return state.finish();
}

[[nodiscard]] inline std::uint64_t hash_ipv6(const SipKey& key, const HashRule& rule,
                                             const packet::FlowKey& flow) noexcept {
  const unsigned bits = rule.affinity == Affinity::network ? rule.prefix6 : 128U;
  const std::uint64_t upper = base::load_be64(flow.source.data());
  const std::uint64_t lower = base::load_be64(flow.source.data() + 8);
  SipState<1, 3> state(key);
  state.absorb(std::byteswap(keep_first_bits(upper, bits)));
  state.absorb(std::byteswap(keep_first_bits(lower, bits > 64 ? bits - 64 : 0)));
  state.absorb(rule.affinity == Affinity::none ? last_word(port_bytes(flow), 20)
                                               : last_word(0, 16));
  return state.finish();
}

}  // namespace detail

/// Hash of the fields `rule` names. A flow that is not IPv6 counts as IPv4; a prefix longer than
/// the address counts as all of it.
[[nodiscard]] inline std::uint64_t flow_hash(const SipKey& key, const HashRule& rule,
                                             const packet::FlowKey& flow) noexcept {
  return flow.family == base::Family::ipv6 ? detail::hash_ipv6(key, rule, flow)
                                           : detail::hash_ipv4(key, rule, flow);
}

/// `mask` is the bucket count minus one; a class with one bucket has mask 0.
[[nodiscard]] inline base::BucketIndex bucket_of(std::uint64_t hash, std::uint32_t mask) {
  return base::BucketIndex{static_cast<std::uint32_t>(hash) & mask};
}

}  // namespace covey::bucket
