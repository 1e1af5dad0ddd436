// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry/metrics.h"

#include <fmt/format.h>

#include <cmath>
#include <iterator>

#include "base/assert.h"

namespace covey::telemetry {

namespace {

bool is_metric_name(std::string_view name) {
  if (name.empty() || (name.front() >= '0' && name.front() <= '9')) return false;
  for (const char c : name) {
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_')) return false;
  }
  return true;
}

/// Escapes as OpenMetrics 1.0 asks of label values and help texts alike.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '\\') out += "\\\\";
    if (c == '"') out += "\\\"";
    if (c == '\n') out += "\\n";
    if (c != '\\' && c != '"' && c != '\n') out.push_back(c);
  }
  return out;
}

std::string number(double value) {
  if (std::isnan(value)) return "NaN";
  if (std::isinf(value)) return value > 0 ? "+Inf" : "-Inf";
  return fmt::format("{}", value);
}

void append_labels(std::string& out, const std::vector<Label>& labels) {
  if (labels.empty()) return;
  char separator = '{';
  for (const auto& [name, value] : labels) {
    COVEY_ASSERT(is_metric_name(name));
    fmt::format_to(std::back_inserter(out), "{}{}=\"{}\"", separator, name, escaped(value));
    separator = ',';
  }
  out.push_back('}');
}

struct TypeText {
  std::string_view name;
  std::string_view suffix;  // of samples
};

TypeText text_of(MetricType type) {
  switch (type) {
    case MetricType::counter:
      return {"counter", "_total"};
    case MetricType::gauge:
      return {"gauge", ""};
    case MetricType::info:
      return {"info", "_info"};
  }
  COVEY_ASSERT(false);
}

void append_family(std::string& out, const Metric& metric) {
  const TypeText type = text_of(metric.type);
  COVEY_ASSERT(is_metric_name(metric.name));
  COVEY_ASSERT(!metric.name.ends_with("_total") && !metric.name.ends_with("_info"));
  COVEY_ASSERT(metric.unit.empty() || metric.name.ends_with("_" + metric.unit));
  const auto end = std::back_inserter(out);
  fmt::format_to(end, "# TYPE {} {}\n", metric.name, type.name);
  if (!metric.unit.empty()) fmt::format_to(end, "# UNIT {} {}\n", metric.name, metric.unit);
  fmt::format_to(end, "# HELP {} {}\n", metric.name, escaped(metric.help));
  for (const Sample& sample : metric.samples) {
    out += metric.name;
    out += type.suffix;
    append_labels(out, sample.labels);
    fmt::format_to(end, " {}\n", number(sample.value));
  }
}

}  // namespace

std::string to_openmetrics(const std::vector<Metric>& metrics) {
  std::string out;
  for (const Metric& metric : metrics) {
    if (!metric.samples.empty()) append_family(out, metric);
  }
  out += "# EOF\n";
  return out;
}

}  // namespace covey::telemetry
