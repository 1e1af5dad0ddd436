// SPDX-License-Identifier: BSD-3-Clause
#include "cli/endpoint.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>

namespace covey::cli {
namespace {

using base::ErrorCode;
using base::fail;

std::optional<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return port;
}

}  // namespace

base::Result<Endpoint> parse_endpoint(std::string_view text) {
  const auto bad = [&](std::string_view why) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' {} (allowed: ADDRESS:PORT or [IPV6]:PORT)", text, why));
  };
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos) return bad("has no port");
  std::string_view host = text.substr(0, colon);
  const bool has_brackets = host.starts_with('[') && host.ends_with(']') && host.size() > 2;
  if (has_brackets) host = host.substr(1, host.size() - 2);
  const auto address = base::IpAddress::parse(host);
  if (!address) return bad("has no IP address");
  if (has_brackets != (address->family == base::Family::ipv6)) {
    return bad(has_brackets ? "has brackets around an IPv4 address" : "needs brackets");
  }
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return bad("has no port of 0..65535");
  return Endpoint{*address, *port};
}

base::Result<PortTarget> parse_port_target(std::string_view text) {
  if (text.find(':') != std::string_view::npos) {
    const auto endpoint = parse_endpoint(text);
    if (!endpoint) return std::unexpected(endpoint.error());
    return PortTarget{endpoint->address, endpoint->port};
  }
  const auto port = parse_port(text);
  if (port) return PortTarget{std::nullopt, *port};
  return fail(
      ErrorCode::invalid_argument,
      fmt::format("'{}' is not a port (allowed: 0..65535, ADDRESS:PORT or [IPV6]:PORT)", text));
}

bool covers(std::string_view ports, std::uint16_t port) {
  if (ports == "all") return true;
  while (!ports.empty()) {
    const std::string_view part = ports.substr(0, ports.find(','));
    ports.remove_prefix(std::min(part.size() + 1, ports.size()));
    const std::size_t dash = part.find('-');
    const auto first = parse_port(part.substr(0, dash));
    const auto last = dash == std::string_view::npos ? first : parse_port(part.substr(dash + 1));
    if (first && last && port >= *first && port <= *last) return true;
  }
  return false;
}

ClusterMacs cluster_macs(const base::IpAddress& primary) {
  std::array<std::uint8_t, 4> word{};
  for (unsigned i = 0; i < primary.byte_length(); ++i)
    word[i % 4] ^= primary.bytes[i];
  const auto [w, x, y, z] = word;
  const std::array<std::uint8_t, 4> group = {239, 255, y, z};
  return {{{0x02, 0xbf, w, x, y, z}},
          {{0x03, 0xbf, w, x, y, z}},
          {{0x01, 0x00, 0x5e, 0x7f, y, z}},
          base::IpAddress::from_ipv4(group.data())};
}

std::vector<base::IpAddress> virtual_ips_in(std::string_view yaml) {
  constexpr std::string_view key = "virtual_ips: [";
  std::vector<base::IpAddress> addresses;
  const std::size_t at = yaml.find(key);
  if (at == std::string_view::npos) return addresses;
  std::string_view rest = yaml.substr(at + key.size());
  rest = rest.substr(0, rest.find(']'));
  while (!rest.empty()) {
    std::string_view item = rest.substr(0, rest.find(','));
    rest.remove_prefix(std::min(item.size() + 1, rest.size()));
    item.remove_prefix(std::min(item.find_first_not_of(" \""), item.size()));
    const auto address = base::IpAddress::parse(item.substr(0, item.find_first_of("/\"")));
    if (address) addresses.push_back(*address);
  }
  return addresses;
}

}  // namespace covey::cli
