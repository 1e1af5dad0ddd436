// SPDX-License-Identifier: BSD-3-Clause
// Strong small integers of the domain: which host, which bucket, which rule, and sets of hosts.
//
// Owner: base. Thread: any; plain values.
// HostId 0 means "nobody"; real hosts are 1..kMaxHosts. A HostSet is a 64-bit set, bit (id - 1) for
// host id, so that sets compare, print and travel on the wire identically on every host.
#pragma once

#include <bit>
#include <compare>
#include <cstdint>
#include <functional>

namespace covey::base {

inline constexpr unsigned kMaxHosts = 64;  // one machine word of membership; NLB stops at 32
inline constexpr unsigned kMinBuckets = 64;
inline constexpr unsigned kMaxBuckets = 65536;
inline constexpr unsigned kMaxRules = 1024;  // port rules; NLB stops at 32
inline constexpr unsigned kMaxVirtualIps = 256;

struct HostId {
  std::uint8_t value = 0;
  friend constexpr auto operator<=>(const HostId&, const HostId&) = default;
  [[nodiscard]] constexpr bool is_nobody() const { return value == 0; }
  [[nodiscard]] constexpr bool is_valid() const { return value >= 1 && value <= kMaxHosts; }
};

inline constexpr HostId kNobody{};

struct BucketIndex {
  std::uint32_t value = 0;
  friend constexpr auto operator<=>(const BucketIndex&, const BucketIndex&) = default;
};

/// Which map class a rule uses; see bucket/bucket_table.h for what a class is.
struct ClassIndex {
  std::uint16_t value = 0;
  friend constexpr auto operator<=>(const ClassIndex&, const ClassIndex&) = default;
};

class HostSet {
 public:
  constexpr HostSet() = default;
  constexpr explicit HostSet(std::uint64_t bits) : bits_(bits) {}

  [[nodiscard]] constexpr bool contains(HostId id) const {
    return id.is_valid() && ((bits_ >> (id.value - 1U)) & 1U) != 0;
  }
  constexpr void insert(HostId id) {
    if (id.is_valid()) bits_ |= std::uint64_t{1} << (id.value - 1U);
  }
  constexpr void erase(HostId id) {
    if (id.is_valid()) bits_ &= ~(std::uint64_t{1} << (id.value - 1U));
  }
  [[nodiscard]] constexpr bool empty() const { return bits_ == 0; }
  [[nodiscard]] constexpr int size() const { return std::popcount(bits_); }
  [[nodiscard]] constexpr std::uint64_t bits() const { return bits_; }
  [[nodiscard]] constexpr HostId lowest() const {
    return empty() ? kNobody : HostId{static_cast<std::uint8_t>(std::countr_zero(bits_) + 1)};
  }
  [[nodiscard]] constexpr bool intersects(HostSet other) const {
    return (bits_ & other.bits_) != 0;
  }
  [[nodiscard]] constexpr HostSet intersection(HostSet other) const {
    return HostSet(bits_ & other.bits_);
  }
  [[nodiscard]] constexpr HostSet united_with(HostSet other) const {
    return HostSet(bits_ | other.bits_);
  }
  [[nodiscard]] constexpr HostSet without(HostSet other) const {
    return HostSet(bits_ & ~other.bits_);
  }

  /// Calls visit(HostId) in ascending id order: the one order every host uses.
  template <typename Visit>
  constexpr void for_each(Visit&& visit) const {
    for (std::uint64_t rest = bits_; rest != 0; rest &= rest - 1) {
      visit(HostId{static_cast<std::uint8_t>(std::countr_zero(rest) + 1)});
    }
  }

  friend constexpr bool operator==(HostSet, HostSet) = default;

 private:
  std::uint64_t bits_ = 0;
};

}  // namespace covey::base
