// SPDX-License-Identifier: BSD-3-Clause
#include "config/values.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string>

#include "base/address.h"

namespace covey::config {
namespace {

using base::ErrorCode;
using base::fail;

struct Driver {
  std::string_view prefix;
  dataplane::DeviceKind kind;
};
constexpr std::array<Driver, 4> kDrivers = {{{"af_packet:", dataplane::DeviceKind::af_packet},
                                             {"af_xdp:", dataplane::DeviceKind::af_xdp},
                                             {"pci:", dataplane::DeviceKind::pci},
                                             {"vdev:", dataplane::DeviceKind::vdev}}};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}
bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
bool is_hex(char c) {
  return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_visible(char c) {
  return c > ' ' && c < 0x7f;
}

/// 0000:03:00.0
bool is_pci_address(std::string_view text) {
  constexpr std::string_view form = "xxxx:xx:xx.x";
  return text.size() == form.size() && std::ranges::equal(text, form, [](char c, char f) {
           return f == 'x' ? is_hex(c) : c == f;
         });
}

struct Range {
  unsigned first = 0;
  unsigned last = 0;
};

/// "8" or "8-15".
std::optional<Range> parse_range(std::string_view text, unsigned max) {
  const std::size_t dash = text.find('-');
  const auto first = parse_number(text.substr(0, dash), max);
  const auto last =
      dash == std::string_view::npos ? first : parse_number(text.substr(dash + 1), max);
  if (!first || !last || *first > *last) return std::nullopt;
  return Range{*first, *last};
}

/// Comma-separated ranges, ascending, each number at most once. `limit` bounds the ranges.
base::Result<std::vector<Range>> parse_ranges(std::string_view text, unsigned max,
                                              std::size_t limit) {
  std::vector<Range> ranges;
  std::string wrong;
  for (const std::string_view part : parts_of(text)) {
    const auto range = parse_range(part, max);
    if (!range && wrong.empty())
      wrong = fmt::format("'{}' is neither a number nor a range", part.substr(0, 60));
    if (range && ranges.size() <= limit) ranges.push_back(*range);
  }
  if (!wrong.empty()) return fail(ErrorCode::invalid_argument, wrong);
  if (ranges.size() > limit)
    return fail(ErrorCode::invalid_argument, fmt::format("has more than {} parts", limit));
  std::ranges::sort(ranges, {}, &Range::first);
  for (std::size_t i = 1; i < ranges.size(); ++i) {
    if (ranges[i].first <= ranges[i - 1].last) {
      return fail(ErrorCode::invalid_argument, fmt::format("{} is named twice", ranges[i].first));
    }
  }
  return ranges;
}

/// "127.0.0.1", or "[::1]" with brackets.
base::Result<base::IpAddress> parse_host_part(std::string_view text) {
  std::string_view address = text;
  const bool has_brackets =
      address.starts_with('[') && address.ends_with(']') && address.size() > 2;
  if (has_brackets) address = address.substr(1, address.size() - 2);
  const auto ip = base::IpAddress::parse(address);
  if (ip && has_brackets == (ip->family == base::Family::ipv6)) return *ip;
  return fail(ErrorCode::invalid_argument, fmt::format("'{}' is no address", text.substr(0, 60)));
}

base::Result<std::uint16_t> parse_port(std::string_view text) {
  const auto port = parse_number(text, 65535);
  if (port && *port != 0) return static_cast<std::uint16_t>(*port);
  return fail(ErrorCode::invalid_argument,
              fmt::format("'{}' is no port of 1..65535", text.substr(0, 60)));
}

struct Endpoint {
  base::IpAddress address;
  std::uint16_t port = 0;
};

/// `other`: taken for 127.0.0.1, unless it is empty.
base::Result<Endpoint> parse_endpoint(std::string_view text, std::string_view other = {}) {
  const std::size_t colon = text.rfind(':');
  if (colon == std::string_view::npos || text.ends_with(']'))
    return fail(ErrorCode::invalid_argument, "has no port");
  const std::string_view host = text.substr(0, colon);
  const auto address = parse_host_part(!other.empty() && host == other ? "127.0.0.1" : host);
  if (!address) return std::unexpected(address.error());
  const auto port = parse_port(text.substr(colon + 1));
  if (!port) return std::unexpected(port.error());
  return Endpoint{*address, *port};
}

std::string format_range(unsigned first, unsigned last) {
  return first == last ? fmt::format("{}", first) : fmt::format("{}-{}", first, last);
}

}  // namespace

std::optional<unsigned> parse_number(std::string_view text, unsigned max) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool is_whole = error == std::errc() && end == text.data() + text.size();
  if (!is_whole || value > max || (text.size() > 1 && text.starts_with('0'))) return std::nullopt;
  return value;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && std::ranges::all_of(text, [](char c) {
    return is_letter(c) || is_digit(c) || c == '.' || c == '_' || c == '-';
  });
}

bool is_interface_name(std::string_view text) {
  return !text.empty() && text.size() <= 15 && text != "." && text != ".." &&
         std::ranges::all_of(
             text, [](char c) { return is_visible(c) && c != '/' && c != ':' && c != ','; });
}

bool is_absolute_path(std::string_view text) {
  return text.starts_with('/') && text.size() < 4096 && text.find('\0') == std::string_view::npos;
}

std::vector<std::string_view> parts_of(std::string_view text) {
  std::vector<std::string_view> parts;
  for (;;) {
    const std::size_t comma = text.find(',');
    parts.push_back(text.substr(0, comma));
    if (comma == std::string_view::npos) return parts;
    text.remove_prefix(comma + 1);
  }
}

base::Result<std::vector<forwarding::PortRange>> parse_ports(std::string_view text) {
  const auto ranges = parse_ranges(text, 65535, kMaxPortRanges);
  if (!ranges) return std::unexpected(ranges.error());
  std::vector<forwarding::PortRange> ports;
  for (const Range& range : *ranges) {
    ports.push_back(
        {static_cast<std::uint16_t>(range.first), static_cast<std::uint16_t>(range.last)});
  }
  return ports;
}

std::string format_ports(const std::vector<forwarding::PortRange>& ports) {
  std::string text;
  for (const forwarding::PortRange& range : ports) {
    if (!text.empty()) text += ',';
    text += format_range(range.first, range.last);
  }
  return text;
}

base::Result<std::vector<unsigned>> parse_cpus(std::string_view text, std::size_t most) {
  std::vector<unsigned> cpus;
  if (text == "any") return cpus;
  const auto ranges = parse_ranges(text, kMaxCpu, most);
  if (!ranges) return std::unexpected(ranges.error());
  for (const Range& range : *ranges) {
    for (unsigned cpu = range.first; cpu <= range.last; ++cpu)
      cpus.push_back(cpu);
  }
  if (cpus.size() > most) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("names {} CPUs, more than {}", cpus.size(), most));
  }
  return cpus;
}

std::string format_cpus(const std::vector<unsigned>& cpus) {
  if (cpus.empty()) return "any";
  std::string text;
  for (const unsigned cpu : cpus) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}", cpu);
  }
  return text;
}

base::Result<base::HostSet> parse_hosts(std::string_view text) {
  const auto ranges = parse_ranges(text, base::kMaxHosts, base::kMaxHosts);
  if (!ranges) return std::unexpected(ranges.error());
  base::HostSet hosts;
  for (const Range& range : *ranges) {
    if (range.first == 0) return fail(ErrorCode::invalid_argument, "0 is no host id");
    for (unsigned id = range.first; id <= range.last; ++id)
      hosts.insert(base::HostId{static_cast<std::uint8_t>(id)});
  }
  return hosts;
}

std::string format_hosts(base::HostSet hosts) {
  std::string text;
  hosts.for_each([&](base::HostId host) {
    if (!text.empty()) text += ',';
    text += fmt::format("{}", host.value);
  });
  return text;
}

base::Result<Device> parse_device(std::string_view text) {
  for (const Driver& driver : kDrivers) {
    if (!text.starts_with(driver.prefix)) continue;
    const std::string_view argument = text.substr(driver.prefix.size());
    const bool is_good = driver.kind == dataplane::DeviceKind::pci ? is_pci_address(argument)
                         : driver.kind == dataplane::DeviceKind::vdev
                             ? argument.starts_with("net_") && argument.size() > 4
                             : is_interface_name(argument);
    if (!is_good) {
      return fail(ErrorCode::invalid_argument,
                  fmt::format("'{}' is no device for {}", argument.substr(0, 60), driver.prefix));
    }
    return Device{driver.kind, std::string(argument)};
  }
  return fail(ErrorCode::invalid_argument, "names no known driver");
}

std::string format_device(const dataplane::Uplink& uplink) {
  return fmt::format("{}{}", kDrivers[static_cast<std::size_t>(uplink.kind)].prefix,
                     uplink.argument);
}

base::Result<std::optional<control::HttpEndpoint>> parse_http(std::string_view text) {
  if (text == "off") return std::nullopt;
  const auto endpoint = parse_endpoint(text);
  if (!endpoint) return std::unexpected(endpoint.error());
  return control::HttpEndpoint{endpoint->address.to_string(), endpoint->port};
}

std::string format_http(const std::optional<control::HttpEndpoint>& endpoint) {
  if (!endpoint) return "off";
  const bool is_ipv6 = endpoint->address.find(':') != std::string::npos;
  return fmt::format(fmt::runtime(is_ipv6 ? "[{}]:{}" : "{}:{}"), endpoint->address,
                     endpoint->port);
}

base::Result<health::Target> parse_service(std::string_view text) {
  const auto endpoint = parse_endpoint(text, "localhost");
  if (!endpoint) return std::unexpected(endpoint.error());
  if (endpoint->address.is_multicast() || endpoint->address == base::masked(endpoint->address, 0)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("{} is not the address of a machine", endpoint->address.to_string()));
  }
  return health::Target{std::string(text), endpoint->address, endpoint->port, ""};
}

base::Result<health::Target> parse_url(std::string_view text, health::Kind kind) {
  constexpr std::size_t longest = 1024;
  const bool is_secure = kind == health::Kind::https;
  const std::string_view scheme = is_secure ? "https://" : "http://";
  if (!text.starts_with(scheme) || text.size() > longest ||
      !std::ranges::all_of(text, is_visible)) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not a URL that begins with {}", text.substr(0, 60), scheme));
  }
  const std::string_view rest = text.substr(scheme.size());
  const std::size_t slash = std::min(rest.find_first_of("/?#"), rest.size());
  if (rest.find('#') != std::string_view::npos)
    return fail(ErrorCode::invalid_argument, "has a fragment, which is never sent");
  std::string authority(rest.substr(0, slash));
  const std::size_t colon = authority.rfind(':');
  if (colon == std::string::npos || authority.ends_with(']'))
    authority += is_secure ? ":443" : ":80";
  auto target = parse_service(authority);
  if (!target) return target;
  target->written = text;
  const std::string_view path = rest.substr(slash);
  target->path = fmt::format("{}{}", path.starts_with('/') ? "" : "/", path);
  return target;
}

base::Result<std::vector<health::StatusRange>> parse_status(std::string_view text) {
  constexpr unsigned lowest = 100;
  constexpr unsigned highest = 599;
  constexpr std::size_t most = 16;
  const auto ranges = parse_ranges(text, highest, most);
  if (!ranges) return std::unexpected(ranges.error());
  std::vector<health::StatusRange> status;
  for (const Range& range : *ranges) {
    if (range.first < lowest)
      return fail(ErrorCode::invalid_argument, fmt::format("{} is no status code", range.first));
    status.push_back(
        {static_cast<std::uint16_t>(range.first), static_cast<std::uint16_t>(range.last)});
  }
  return status;
}

std::string format_status(const std::vector<health::StatusRange>& ranges) {
  std::string text;
  for (const health::StatusRange& range : ranges) {
    if (!text.empty()) text += ',';
    text += format_range(range.first, range.last);
  }
  return text;
}

}  // namespace covey::config
