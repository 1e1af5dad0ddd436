// SPDX-License-Identifier: BSD-3-Clause
#include "base/address.h"

#include <arpa/inet.h>
#include <fmt/format.h>

#include <charconv>
#include <optional>

namespace covey::base {
namespace {

std::optional<unsigned> parse_hex_byte(std::string_view text) {
  unsigned value = 0;
  if (text.size() != 2) return std::nullopt;
  const auto [end, error] = std::from_chars(text.data(), text.data() + 2, value, 16);
  if (error != std::errc() || end != text.data() + 2) return std::nullopt;
  return value;
}

}  // namespace

Result<MacAddress> MacAddress::parse(std::string_view text) {
  MacAddress mac;
  const auto bad = [&] {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not a MAC address (allowed: xx:xx:xx:xx:xx:xx)", text));
  };
  if (text.size() != 17) return bad();
  for (std::size_t i = 0; i < 6; ++i) {
    const auto byte = parse_hex_byte(text.substr(i * 3, 2));
    if (!byte || (i < 5 && text[i * 3 + 2] != ':')) return bad();
    mac.bytes[i] = static_cast<std::uint8_t>(*byte);
  }
  return mac;
}

std::string MacAddress::to_string() const {
  return fmt::format("{:02x}:{:02x}:{:02x}:{:02x}:{:02x}:{:02x}", bytes[0], bytes[1], bytes[2],
                     bytes[3], bytes[4], bytes[5]);
}

bool IpAddress::is_multicast() const {
  if (family == Family::ipv4) return (bytes[0] & 0xf0U) == 0xe0U;
  return family == Family::ipv6 && bytes[0] == 0xff;
}

Result<IpAddress> IpAddress::parse(std::string_view text) {
  const std::string terminated(text);
  IpAddress ip;
  if (terminated.size() == text.size() && terminated.find('\0') == std::string::npos) {
    if (inet_pton(AF_INET, terminated.c_str(), ip.bytes.data()) == 1) {
      ip.family = Family::ipv4;
      return ip;
    }
    if (inet_pton(AF_INET6, terminated.c_str(), ip.bytes.data()) == 1) {
      ip.family = Family::ipv6;
      return ip;
    }
  }
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is not an IP address (allowed: IPv4 or IPv6)", text));
}

std::string IpAddress::to_string() const {
  char text[INET6_ADDRSTRLEN] = "none";
  if (family == Family::ipv4) inet_ntop(AF_INET, bytes.data(), text, sizeof(text));
  if (family == Family::ipv6) inet_ntop(AF_INET6, bytes.data(), text, sizeof(text));
  return text;
}

IpAddress masked(const IpAddress& ip, unsigned prefix_length) {
  IpAddress result = ip;
  for (unsigned i = 0; i < result.bytes.size(); ++i) {
    const unsigned first_bit = i * 8;
    if (first_bit >= prefix_length) {
      result.bytes[i] = 0;
    } else if (first_bit + 8 > prefix_length) {
      const unsigned keep = prefix_length - first_bit;
      result.bytes[i] = static_cast<std::uint8_t>(result.bytes[i] & (0xff00U >> keep));
    }
  }
  return result;
}

Result<IpPrefix> IpPrefix::parse(std::string_view text) {
  const auto slash = text.find('/');
  const auto address = IpAddress::parse(text.substr(0, slash));
  if (!address) return std::unexpected(address.error());
  IpPrefix prefix{*address, static_cast<std::uint8_t>(address->bit_length())};
  if (slash == std::string_view::npos) return prefix;
  const std::string_view digits = text.substr(slash + 1);
  unsigned length = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), length);
  if (digits.empty() || error != std::errc() || end != digits.data() + digits.size() ||
      length > address->bit_length()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' has no prefix length of 0..{}", text, address->bit_length()));
  }
  prefix.length = static_cast<std::uint8_t>(length);
  return prefix;
}

std::string IpPrefix::to_string() const {
  return fmt::format("{}/{}", address.to_string(), length);
}

}  // namespace covey::base
