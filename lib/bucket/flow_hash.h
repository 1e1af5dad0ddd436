// SPDX-License-Identifier: BSD-3-Clause
// Which fields of a flow are hashed, by affinity, and the bucket they give.
//
// Owner: bucket. Thread: any; pure. The input of SipHash-1-3 is, in network byte order:
//   none     source address (4 or 16 bytes), source port (2), destination port (2)
//   single   source address
//   network  source address with all but the first prefix4/prefix6 bits cleared
// The bucket is the hash modulo the bucket count (a power of two). The destination address and the
// protocol are left out on purpose: one client then lands on one host across virtual IPs and rules
// of equal weights.
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

/// What of a flow counts, as masks over bytes that were read as little-endian words.
struct HashMasks {
  std::uint64_t ipv6_high = 0;
  std::uint64_t ipv6_low = 0;
  std::uint32_t ipv4 = 0;
  bool with_ports = false;
  friend bool operator==(const HashMasks&, const HashMasks&) = default;
};

/// What can count, as it lies in a packet, read as little-endian words. Composed in registers:
/// storing bytes and loading them as one word would stall on store forwarding.
struct HashedFields {
  std::uint64_t source_high = 0;  // of IPv4 the lower half is all of the address
  std::uint64_t source_low = 0;   // IPv6
  std::uint32_t ports = 0;        // source port, then destination port
  bool is_ipv6 = false;
};

/// A prefix longer than the address counts as all of it.
[[nodiscard]] constexpr HashMasks masks_of(const HashRule& rule) {
  const bool is_network = rule.affinity == Affinity::network;
  const unsigned bits4 = is_network ? rule.prefix4 : 32U;
  const unsigned bits6 = is_network ? rule.prefix6 : 128U;
  const auto first_bits = [](unsigned bits) {
    if (bits == 0) return std::uint64_t{0};
    return std::byteswap(~std::uint64_t{0} << (64U - std::min(bits, 64U)));
  };
  return {.ipv6_high = first_bits(bits6),
          .ipv6_low = first_bits(bits6 > 64 ? bits6 - 64 : 0),
          .ipv4 = static_cast<std::uint32_t>(first_bits(std::min(bits4, 32U))),
          .with_ports = rule.affinity == Affinity::none};
}

[[nodiscard]] constexpr HashWords words_of(const HashedFields& fields, const HashMasks& masks) {
  const std::uint64_t ports = masks.with_ports ? fields.ports : 0;
  if (fields.is_ipv6) {
    return {fields.source_high & masks.ipv6_high, fields.source_low & masks.ipv6_low,
            detail::last_word(ports, masks.with_ports ? 20 : 16), 3};
  }
  const std::uint64_t address = fields.source_high & masks.ipv4;
  if (!masks.with_ports) return {detail::last_word(address, 4), 0, 0, 1};
  return {address | ports << 32U, detail::last_word(0, 8), 0, 2};
}

/// HashMasks for what lies in a packet of IPv4 as one word: source address, then ports as in
/// HashedFields. The rest of the message is the same for all.
struct Ipv4Masks {
  std::uint64_t sender = 0;
  std::uint64_t first = 0;  // what the first word has besides
  std::uint64_t second = 0;
  std::uint64_t count = 0;  // of words
};

[[nodiscard]] constexpr Ipv4Masks ipv4_masks_of(const HashMasks& masks) {
  const std::uint64_t sender = masks.ipv4 | (masks.with_ports ? ~std::uint64_t{0} << 32U : 0);
  const HashWords rest = words_of({}, masks);
  return {sender, rest.first, rest.second, rest.count};
}

/// Hash of what the masks leave. A flow that is not IPv6 counts as IPv4.
[[nodiscard]] inline std::uint64_t flow_hash(const SipKey& key, const HashMasks& masks,
                                             const packet::FlowKey& flow) noexcept {
  const HashedFields fields{
      base::load_le64(flow.source.data()), base::load_le64(flow.source.data() + 8),
      static_cast<std::uint32_t>(std::byteswap(flow.source_port)) |
          static_cast<std::uint32_t>(std::byteswap(flow.destination_port)) << 16U,
      flow.family == base::Family::ipv6};
  return siphash13_words(key, words_of(fields, masks));
}
/// Hash of the fields `rule` names.
[[nodiscard]] inline std::uint64_t flow_hash(const SipKey& key, const HashRule& rule,
                                             const packet::FlowKey& flow) noexcept {
  return flow_hash(key, masks_of(rule), flow);
}

/// `mask` is the bucket count minus one; a class with one bucket has mask 0.
[[nodiscard]] inline base::BucketIndex bucket_of(std::uint64_t hash, std::uint32_t mask) {
  return base::BucketIndex{static_cast<std::uint32_t>(hash) & mask};
}

}  // namespace covey::bucket
