// SPDX-License-Identifier: BSD-3-Clause
// Metric: a named family of numbers for monitoring systems, and its text form (OpenMetrics 1.0).
//
// Owner: telemetry. Thread: any; plain values, made afresh for each scrape.
// Names are `covey_<thing>_<unit>`; a counter's samples get the suffix `_total` in the text, those
// of an info `_info`, so `name` is written without it. Label names and metric names are ours and
// asserted; label values may be anything and are escaped. Written by hand: prometheus-cpp's
// serializer emits the older text format (no UNIT, no EOF, other counter names), and would tie this
// pure library to a shell's dependency for some forty lines.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace covey::telemetry {

/// `info` says what something is, in its labels; the value of its samples is 1.
enum class MetricType : std::uint8_t { counter, gauge, info };

using Label = std::pair<std::string, std::string>;

struct Sample {
  std::vector<Label> labels;
  double value = 0;
  friend bool operator==(const Sample&, const Sample&) = default;
};

struct Metric {
  std::string name;  // "covey_verdict_frames": [a-z_][a-z0-9_]*, ends in `unit` if there is one
  std::string help;  // one sentence
  MetricType type = MetricType::gauge;
  std::string unit;  // "bytes", "seconds", or empty for plain counts
  std::vector<Sample> samples;
  friend bool operator==(const Metric&, const Metric&) = default;
};

/// What an HTTP reply with to_openmetrics() must say it is.
inline constexpr std::string_view kOpenMetricsContentType =
    "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The whole exposition with its end mark. Families come in the given order; a family without
/// samples is left out.
[[nodiscard]] std::string to_openmetrics(const std::vector<Metric>& metrics);

}  // namespace covey::telemetry
