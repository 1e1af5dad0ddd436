// SPDX-License-Identifier: BSD-3-Clause
#include "api/capture.h"

#include <array>

#include "api/messages.h"
#include "api/numbers.h"

namespace covey::api {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::size_t kCode = 4;
constexpr std::size_t kJump = 2;
constexpr std::size_t kOperand = 8;
constexpr std::size_t kStep = kCode + 2 * kJump + kOperand;  // digits

void append_hex(std::string& out, std::uint32_t value, std::size_t digits) {
  constexpr std::string_view hex = "0123456789abcdef";
  for (std::size_t i = digits; i > 0; --i)
    out.push_back(hex[value >> (4U * (i - 1)) & 15U]);
}

/// False if those digits are none.
template <typename Integer>
bool take_hex(std::string_view& text, std::size_t digits, Integer& value) {
  const bool good = is_number(text.substr(0, digits), value, 16);
  text.remove_prefix(digits);
  return good;
}

base::Result<std::vector<FilterStep>> filter_from_text(std::string_view text) {
  constexpr int hex = 16;
  static_assert(kStep == hex);
  if (text.size() % kStep != 0 || text.size() / kStep > kMaxFilterSteps) {
    return fail(ErrorCode::invalid_argument, "filter: not at most " +
                                                 std::to_string(kMaxFilterSteps) +
                                                 " steps of 16 hexadecimal digits");
  }
  std::vector<FilterStep> steps;
  while (!text.empty()) {
    FilterStep& step = steps.emplace_back();
    const bool good = take_hex(text, kCode, step.code) && take_hex(text, kJump, step.if_true) &&
                      take_hex(text, kJump, step.if_false) &&
                      take_hex(text, kOperand, step.operand);
    if (!good) return fail(ErrorCode::invalid_argument, "filter: not hexadecimal digits");
  }
  return steps;
}

base::Result<void> take(CaptureRequest& request, const std::string& name,
                        const std::string& value) {
  if (name == "count") {
    const auto count = number_in(Range<std::uint64_t>{1, kMaxCaptured}, name, value);
    if (!count) return std::unexpected(count.error());
    request.count = *count;
  } else if (name == "time_ms") {
    const auto time = number_in(Range<std::int64_t>{1, kMaxCaptureMs}, name, value);
    if (!time) return std::unexpected(time.error());
    request.time_ms = *time;
  } else if (name == "filter") {
    auto filter = filter_from_text(value);
    if (!filter) return std::unexpected(filter.error());
    request.filter = std::move(*filter);
  } else {
    return fail(ErrorCode::invalid_argument, "unknown parameter " + name);
  }
  return {};
}

}  // namespace

std::string to_query(const CaptureRequest& request) {
  std::string query =
      "count=" + std::to_string(request.count) + "&time_ms=" + std::to_string(request.time_ms);
  if (request.filter.empty()) return query;
  query += "&filter=";
  for (const FilterStep& step : request.filter) {
    append_hex(query, step.code, kCode);
    append_hex(query, step.if_true, kJump);
    append_hex(query, step.if_false, kJump);
    append_hex(query, step.operand, kOperand);
  }
  return query;
}

base::Result<CaptureRequest> capture_request_from_query(std::string_view query) {
  const auto parameters = parse_query(query);
  if (!parameters) return std::unexpected(parameters.error());
  CaptureRequest request;
  for (const auto& [name, value] : *parameters) {
    const auto taken = take(request, name, value);
    if (!taken) return std::unexpected(taken.error());
  }
  return request;
}

}  // namespace covey::api
