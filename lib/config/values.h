// SPDX-License-Identifier: BSD-3-Clause
// Values that are written as text of a certain form: port lists, CPU lists, devices, end points.
//
// Owner: config. Thread: any; pure functions. Errors are invalid_argument and say what is wrong
// with the text; what would be allowed is in the table of keys and appended by the caller.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "control/settings.h"
#include "dataplane/settings.h"
#include "forwarding/settings.h"
#include "health/settings.h"

namespace covey::config {

inline constexpr std::size_t kMaxPortRanges = 64;  // of one rule
inline constexpr unsigned kMaxCpu = 1023;

/// A whole decimal number without sign or leading zeros; nothing if it is not one of 0..max.
[[nodiscard]] std::optional<unsigned> parse_number(std::string_view text, unsigned max);

[[nodiscard]] bool is_name(std::string_view text);
[[nodiscard]] bool is_interface_name(std::string_view text);
[[nodiscard]] bool is_absolute_path(std::string_view text);

/// Comma-separated parts of a text, which may be empty.
[[nodiscard]] std::vector<std::string_view> parts_of(std::string_view text);

/// Ascending; ranges that touch each other stay as they were written.
[[nodiscard]] base::Result<std::vector<forwarding::PortRange>> parse_ports(std::string_view text);
[[nodiscard]] std::string format_ports(const std::vector<forwarding::PortRange>& ports);

/// Empty for `any`.
[[nodiscard]] base::Result<std::vector<unsigned>> parse_cpus(std::string_view text,
                                                             std::size_t most);
/// One or more host ids, as "1-4,7".
[[nodiscard]] base::Result<base::HostSet> parse_hosts(std::string_view text);
[[nodiscard]] std::string format_hosts(base::HostSet hosts);
[[nodiscard]] std::string format_cpus(const std::vector<unsigned>& cpus);

struct Device {
  dataplane::DeviceKind kind = dataplane::DeviceKind::af_packet;
  std::string argument;
};
[[nodiscard]] base::Result<Device> parse_device(std::string_view text);
[[nodiscard]] std::string format_device(const dataplane::Uplink& uplink);

/// Nothing for `off`.
[[nodiscard]] base::Result<std::optional<control::HttpEndpoint>> parse_http(std::string_view text);
[[nodiscard]] std::string format_http(const std::optional<control::HttpEndpoint>& endpoint);

/// "http://127.0.0.1:8080/healthz" or "https://[::1]/".
[[nodiscard]] base::Result<health::Target> parse_url(std::string_view text, health::Kind kind);
/// "127.0.0.1:80", "[::1]:80" or "localhost:80".
[[nodiscard]] base::Result<health::Target> parse_service(std::string_view text);
/// Ascending ranges of HTTP status codes.
[[nodiscard]] base::Result<std::vector<health::StatusRange>> parse_status(std::string_view text);
[[nodiscard]] std::string format_status(const std::vector<health::StatusRange>& ranges);

}  // namespace covey::config
