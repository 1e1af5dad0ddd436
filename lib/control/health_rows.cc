// SPDX-License-Identifier: BSD-3-Clause
#include "control/health_rows.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <array>
#include <chrono>
#include <utility>

namespace covey::control {

namespace {

using telemetry::Metric;
using telemetry::MetricType;

constexpr std::array<std::string_view, 4> kKinds = {"http", "https", "tcp", "exec"};
constexpr std::array<std::string_view, 4> kOnFail = {"drain", "drain_host", "weight", "report"};
constexpr double kMsPerSecond = 1000;

std::string rule_text(const health::Settings& settings) {
  if (settings.on_fail == health::OnFail::drain_host) return "";
  return settings.rules.empty() ? "all" : fmt::format("{}", fmt::join(settings.rules, ","));
}

std::string target_text(const health::Settings& settings) {
  return settings.kind == health::Kind::exec ? fmt::format("{}", fmt::join(settings.program, " "))
                                             : settings.target.written;
}

api::HealthRow to_row(const HealthChecks::Row& row, base::TimePoint now, const TimeText& text) {
  const health::Settings& settings = row.check.settings();
  return {.name = settings.name,
          .rule = rule_text(settings),
          .kind = std::string(kKinds.at(static_cast<std::size_t>(settings.kind))),
          .target = target_text(settings),
          .on_fail = std::string(kOnFail.at(static_cast<std::size_t>(settings.on_fail))),
          .state = std::string(name(row.check.state())),
          .since = text(row.check.since()),
          .percent = row.check.percent(now),
          .last = row.last,
          .last_ok = row.was_well,
          .duration_ms = std::chrono::duration<double, std::milli>(row.took).count(),
          .succeeded = row.succeeded,
          .failed = row.failed};
}

/// One sample for each check.
template <typename Value>
Metric by_check(const char* name, const char* help, const char* unit,
                const std::vector<api::HealthRow>& rows, const Value& value) {
  Metric metric{name, help, MetricType::gauge, unit, {}};
  for (const api::HealthRow& row : rows)
    metric.samples.push_back({{{"check", row.name}}, value(row)});
  return metric;
}

}  // namespace

std::vector<api::HealthRow> to_rows(const std::vector<HealthChecks::Row>& checks,
                                    base::TimePoint now, const TimeText& text) {
  std::vector<api::HealthRow> rows;
  for (const HealthChecks::Row& check : checks)
    rows.push_back(to_row(check, now, text));
  return rows;
}

std::vector<std::string> complaints(const std::vector<api::HealthRow>& rows) {
  std::vector<std::string> lines;
  for (const api::HealthRow& row : rows) {
    if (row.state == "up") continue;
    lines.push_back(fmt::format("{} is {}: {}", row.name, row.state,
                                row.last.empty() ? "no answer yet" : row.last));
  }
  return lines;
}

void append_health_metrics(const std::vector<api::HealthRow>& rows, std::vector<Metric>& out) {
  if (rows.empty()) return;
  out.push_back(by_check("covey_health_up", "1 while a health check finds its service well.", "",
                         rows, [](const api::HealthRow& row) {
                           return row.state == "down" || row.state == "starting" ? 0.0 : 1.0;
                         }));
  out.push_back(by_check("covey_health_share_ratio",
                         "What this host takes of its share because of a health check.", "ratio",
                         rows, [](const api::HealthRow& row) { return row.percent / 100.0; }));
  out.push_back(by_check("covey_health_check_duration_seconds",
                         "How long the last answer to a health check took.", "seconds", rows,
                         [](const api::HealthRow& row) { return row.duration_ms / kMsPerSecond; }));
  Metric answers{"covey_health_checks",
                 "Answers to a health check by what they were.",
                 MetricType::counter,
                 "",
                 {}};
  for (const api::HealthRow& row : rows) {
    for (const auto& [result, count] :
         {std::pair("success", row.succeeded), std::pair("failure", row.failed)}) {
      answers.samples.push_back(
          {{{"check", row.name}, {"result", result}}, static_cast<double>(count)});
    }
  }
  out.push_back(std::move(answers));
}

}  // namespace covey::control
