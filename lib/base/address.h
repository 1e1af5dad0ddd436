// SPDX-License-Identifier: BSD-3-Clause
// MacAddress, IpAddress (IPv4 or IPv6) and IpPrefix as comparable values, with text forms.
//
// Owner: base. Thread: any; plain values.
// An IPv4 address occupies the first four bytes and the rest is zero; bytes are in network order.
// Parsing is strict (no host names, no leading zeros, no trailing text) and returns Result with
// what was wrong.
#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/result.h"

namespace covey::base {

struct MacAddress {
  std::array<std::uint8_t, 6> bytes{};
  friend constexpr auto operator<=>(const MacAddress&, const MacAddress&) = default;
  [[nodiscard]] constexpr bool is_multicast() const { return (bytes[0] & 1U) != 0; }
  [[nodiscard]] static constexpr MacAddress broadcast() {
    return {{0xff, 0xff, 0xff, 0xff, 0xff, 0xff}};
  }
  [[nodiscard]] static MacAddress from(const std::uint8_t* at) {
    MacAddress mac;
    std::memcpy(mac.bytes.data(), at, mac.bytes.size());
    return mac;
  }
  [[nodiscard]] static Result<MacAddress> parse(std::string_view text);
  /// Lower-case, colon-separated: "02:bf:0a:4d:00:32".
  [[nodiscard]] std::string to_string() const;
};

enum class Family : std::uint8_t { none = 0, ipv4 = 4, ipv6 = 6 };

struct IpAddress {
  std::array<std::uint8_t, 16> bytes{};
  Family family = Family::none;

  friend constexpr auto operator<=>(const IpAddress&, const IpAddress&) = default;
  [[nodiscard]] static IpAddress from_ipv4(const std::uint8_t* at) {
    IpAddress ip;
    std::memcpy(ip.bytes.data(), at, 4);
    ip.family = Family::ipv4;
    return ip;
  }
  [[nodiscard]] static IpAddress from_ipv6(const std::uint8_t* at) {
    IpAddress ip;
    std::memcpy(ip.bytes.data(), at, 16);
    ip.family = Family::ipv6;
    return ip;
  }
  /// 32 for IPv4, 128 for IPv6, 0 for none.
  [[nodiscard]] constexpr unsigned bit_length() const {
    return family == Family::ipv4 ? 32U : family == Family::ipv6 ? 128U : 0U;
  }
  /// 4, 16 or 0: how many leading bytes of `bytes` count.
  [[nodiscard]] constexpr unsigned byte_length() const { return bit_length() / 8; }
  [[nodiscard]] bool is_multicast() const;
  [[nodiscard]] static Result<IpAddress> parse(std::string_view text);
  /// Canonical text: dotted quad, or RFC 5952 for IPv6.
  [[nodiscard]] std::string to_string() const;
};

/// The address with all bits after the first `prefix_length` cleared.
[[nodiscard]] IpAddress masked(const IpAddress& ip, unsigned prefix_length);

struct IpPrefix {
  IpAddress address;  // host bits are kept: 10.77.0.50/24 is an address on a subnet
  std::uint8_t length = 0;
  friend constexpr auto operator<=>(const IpPrefix&, const IpPrefix&) = default;
  [[nodiscard]] static Result<IpPrefix> parse(std::string_view text);
  [[nodiscard]] std::string to_string() const;
};

}  // namespace covey::base
