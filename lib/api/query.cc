// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <array>
#include <charconv>

#include "api/messages.h"
#include "api/numbers.h"
#include "base/ids.h"

namespace covey::api {

namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kMaxParameters = 16;  // more than any request of ours has

constexpr std::array<std::string_view, 6> kFlagNames = {"fin", "syn", "rst", "psh", "ack", "urg"};

bool is_unreserved(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

base::Result<std::string> percent_decode(std::string_view text) {
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out.push_back(text[at]);
      continue;
    }
    unsigned value = 0;
    const std::string_view digits = text.substr(at + 1, 2);
    const char* end = digits.data() + digits.size();
    const auto [stop, error] = std::from_chars(digits.data(), end, value, 16);
    if (digits.size() != 2 || error != std::errc() || stop != end) {
      return fail(ErrorCode::invalid_argument, "broken percent escape in the query");
    }
    out.push_back(static_cast<char>(value));
    at += 2;
  }
  return out;
}

base::Result<std::uint16_t> port_from_text(const std::string& name, std::string_view text) {
  std::uint16_t port = 0;
  if (is_number(text, port)) return port;
  return fail(ErrorCode::invalid_argument, name + ": not a port (allowed: 0..65535)");
}

base::Result<void> take(FlowsRequest& request, const std::string& name, const std::string& value) {
  if (name == "limit") {
    const auto limit = number_in(Range<std::uint64_t>{0, kMaxFlowRows}, name, value);
    if (!limit) return std::unexpected(limit.error());
    request.limit = *limit;
  } else if (name == "bucket") {
    const auto bucket = number_in(Range<std::uint32_t>{0, base::kMaxBuckets - 1}, name, value);
    if (!bucket) return std::unexpected(bucket.error());
    request.bucket = *bucket;
  } else if (name == "rule") {
    request.rule = value;
  } else {
    return fail(ErrorCode::invalid_argument, "unknown parameter " + name);
  }
  return {};
}

base::Result<void> take(TraceRequest& request, const std::string& name, const std::string& value) {
  if (name == "count") {
    const auto count = number_in(Range<std::uint64_t>{1, kMaxTraced}, name, value);
    if (!count) return std::unexpected(count.error());
    request.count = *count;
  } else if (name == "timeout_ms") {
    const auto timeout = number_in(Range<std::int64_t>{1, kMaxTraceMs}, name, value);
    if (!timeout) return std::unexpected(timeout.error());
    request.timeout_ms = *timeout;
  } else if (name == "verdict") {
    request.verdict = value;
  } else if (name == "host") {
    auto address = base::IpAddress::parse(value);
    if (!address) return wrap(name, std::move(address.error()));
    request.host = *address;
  } else {
    return fail(ErrorCode::invalid_argument, "unknown parameter " + name);
  }
  return {};
}

base::Result<void> take(ExplainRequest& request, const std::string& name,
                        const std::string& value) {
  if (name == "protocol") {
    if (value != "tcp" && value != "udp") {
      return fail(ErrorCode::invalid_argument, "protocol: not one of tcp, udp");
    }
    request.protocol = value == "tcp" ? 6 : 17;
    return {};
  }
  if (name == "source" || name == "destination") {
    auto address = base::IpAddress::parse(value);
    if (!address) return wrap(name, std::move(address.error()));
    (name == "source" ? request.source : request.destination) = *address;
    return {};
  }
  if (name == "source_port" || name == "destination_port") {
    const auto port = port_from_text(name, value);
    if (!port) return std::unexpected(port.error());
    (name == "source_port" ? request.source_port : request.destination_port) = *port;
    return {};
  }
  if (name == "flags") {
    auto flags = tcp_flags_from_text(value);
    if (!flags) return wrap(name, std::move(flags.error()));
    request.tcp_flags = *flags;
    return {};
  }
  if (name == "without") {
    request.without = value;
    return {};
  }
  return fail(ErrorCode::invalid_argument, "unknown parameter " + name);
}

template <typename Request>
base::Result<Request> request_of(const std::vector<std::pair<std::string, std::string>>& said) {
  Request request;
  for (const auto& [name, value] : said) {
    const auto taken = take(request, name, value);
    if (!taken) return std::unexpected(taken.error());
  }
  return request;
}

/// Of a request that may leave out everything.
template <typename Request>
base::Result<Request> request_from(std::string_view query) {
  const auto parameters = parse_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  return request_of<Request>(*parameters);
}

}  // namespace

std::string percent_encode(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    if (is_unreserved(c)) {
      out.push_back(c);
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out.push_back('%');
      out.push_back(kHex[byte >> 4U]);
      out.push_back(kHex[byte & 15U]);
    }
  }
  return out;
}

base::Result<std::vector<std::pair<std::string, std::string>>> parse_query(std::string_view query) {
  std::vector<std::pair<std::string, std::string>> parameters;
  while (!query.empty()) {
    const std::size_t end = std::min(query.find('&'), query.size());
    const std::string_view part = query.substr(0, end);
    query.remove_prefix(std::min(end + 1, query.size()));
    const std::size_t equals = std::min(part.find('='), part.size());
    auto name = percent_decode(part.substr(0, equals));
    auto value = percent_decode(part.substr(std::min(equals + 1, part.size())));
    if (!name) return std::unexpected(name.error());
    if (!value) return std::unexpected(value.error());
    for (const auto& [known, unused] : parameters) {
      if (known == *name) return fail(ErrorCode::invalid_argument, "parameter twice: " + *name);
    }
    if (parameters.size() == kMaxParameters) {
      return fail(ErrorCode::invalid_argument, "too many parameters");
    }
    parameters.emplace_back(std::move(*name), std::move(*value));
  }
  return parameters;
}

Absence absence_of(unsigned gone, bool is_member, const ExplainReply& reply,
                   std::optional<unsigned> owner) {
  Absence absence{gone, owner, ""};
  const auto named = [](unsigned host) { return "host " + std::to_string(host); };
  if (!reply.bucket) {
    absence.reason = "nothing would change: no bucket is asked for such a packet";
  } else if (!is_member) {
    absence.reason = "nothing would change: " + named(gone) + " takes no part at present";
  } else if (!owner) {
    absence.reason = "nobody would own the bucket";
  } else if (owner == reply.owner) {
    absence.reason = "nothing would change: it stays with " + named(*owner);
  } else {
    absence.reason = named(*owner) + " would take the bucket over from " +
                     (reply.owner ? named(*reply.owner) : "nobody");
  }
  return absence;
}

std::string tcp_flags_to_text(std::uint8_t flags) {
  std::string out;
  for (std::size_t bit = 0; bit < kFlagNames.size(); ++bit) {
    if (((flags >> bit) & 1U) == 0) continue;
    if (!out.empty()) out += ',';
    out += kFlagNames[bit];
  }
  return out.empty() ? "none" : out;
}

base::Result<std::uint8_t> tcp_flags_from_text(std::string_view text) {
  unsigned flags = 0;
  if (text == "none") return std::uint8_t{0};
  for (bool more = true; more;) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::size_t bit = 0;
    while (bit < kFlagNames.size() && kFlagNames[bit] != text.substr(0, comma))
      ++bit;
    if (bit == kFlagNames.size()) {
      return fail(ErrorCode::invalid_argument,
                  "not a TCP flag: \"" + std::string(text.substr(0, comma)) +
                      "\" (allowed: fin, syn, rst, psh, ack, urg with commas, or none)");
    }
    flags |= 1U << bit;
    more = comma < text.size();
    text.remove_prefix(std::min(comma + 1, text.size()));
  }
  return static_cast<std::uint8_t>(flags);
}

std::string to_query(const ExplainRequest& request) {
  return "protocol=" + std::string(request.protocol == 17 ? "udp" : "tcp") +
         "&source=" + percent_encode(request.source.to_string()) +
         "&source_port=" + std::to_string(request.source_port) +
         "&destination=" + percent_encode(request.destination.to_string()) +
         "&destination_port=" + std::to_string(request.destination_port) +
         "&flags=" + percent_encode(tcp_flags_to_text(request.tcp_flags)) +
         (request.without.empty() ? "" : "&without=" + percent_encode(request.without));
}

std::string to_query(const FlowsRequest& request) {
  std::string query = "limit=" + std::to_string(request.limit);
  if (request.bucket) query += "&bucket=" + std::to_string(*request.bucket);
  if (!request.rule.empty()) query += "&rule=" + percent_encode(request.rule);
  return query;
}

std::string to_query(const TraceRequest& request) {
  std::string query = "count=" + std::to_string(request.count) +
                      "&timeout_ms=" + std::to_string(request.timeout_ms);
  if (!request.verdict.empty()) query += "&verdict=" + percent_encode(request.verdict);
  if (request.host) query += "&host=" + percent_encode(request.host->to_string());
  return query;
}

base::Result<TraceRequest> trace_request_from_query(std::string_view query) {
  return request_from<TraceRequest>(query);
}

base::Result<FlowsRequest> flows_request_from_query(std::string_view query) {
  return request_from<FlowsRequest>(query);
}

base::Result<ExplainRequest> explain_request_from_query(std::string_view query) {
  auto parameters = parse_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  auto request = request_of<ExplainRequest>(*parameters);
  if (!request) return request;
  for (const char* needed :
       {"protocol", "source", "source_port", "destination", "destination_port"}) {
    const bool given = std::ranges::any_of(
        *parameters, [needed](const auto& parameter) { return parameter.first == needed; });
    if (!given) {
      return fail(ErrorCode::invalid_argument, std::string("missing parameter ") + needed);
    }
  }
  if (request->source.family != request->destination.family) {
    return fail(ErrorCode::invalid_argument, "source and destination: one is IPv4, one is IPv6");
  }
  return request;
}

}  // namespace covey::api
