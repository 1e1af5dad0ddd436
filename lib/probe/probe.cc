// SPDX-License-Identifier: BSD-3-Clause
#include "probe/probe.h"

#include <algorithm>

#include "base/text.h"

namespace covey::probe {
namespace {

constexpr std::size_t kMaxDetail = 160;

/// It goes into logs, tables and JSON.
std::string printable(std::string_view text) {
  std::string line(text.substr(0, kMaxDetail));
  std::ranges::replace_if(
      line, [](char c) { return c < ' ' || c > '~'; }, '?');
  return line;
}

std::string_view first_line(std::string_view text) {
  return text.substr(0, std::min(text.find_first_of("\r\n"), kMaxLine));
}

}  // namespace

health::Outcome failure(std::string_view why) {
  return {.is_well = false, .detail = printable(why), .report = {}};
}

health::Outcome success(const health::Settings& settings, std::string_view detail,
                        std::string_view answer) {
  health::Outcome outcome{.is_well = true, .detail = printable(detail), .report = {}};
  if (!settings.agent) return outcome;
  const std::string_view line = first_line(answer);
  const auto report = health::parse_report(line);
  if (!report) return failure("the agent " + report.error().context);
  outcome.detail = printable("says: " + std::string(line));
  outcome.report = *report;
  return outcome;
}

std::string too_late(const health::Settings& settings) {
  return "no answer within " + base::format_duration(settings.timeout);
}

std::shared_ptr<Probe> make_probe(boost::asio::io_context& io, const health::Settings& settings) {
  return settings.kind == health::Kind::exec ? make_program_probe(io, settings)
                                             : make_server_probe(io, settings);
}

}  // namespace covey::probe
