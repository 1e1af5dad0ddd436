// SPDX-License-Identifier: BSD-3-Clause
// The parts of cluster_bench, and what they share: clocks and the way figures are printed.
//
// Owner: test/bench. Thread: one, the caller's.
// A figure is a line of a name without spaces and a number; test/bench/cluster makes rows of them.
#pragma once

#include <time.h>

#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "rehearsal.h"

namespace covey::bench {

/// How long a generation takes from the agreed view to the table that workers follow.
void measure_map(const ClusterShape& shape, unsigned rounds);
/// What it costs one host to stay a member.
void measure_control(const ClusterShape& shape, base::Duration span);
/// Memory of flows, rules and hosts.
void measure_memory(std::uint32_t flows);

[[nodiscard]] inline double clock_us(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<double>(now.tv_sec) * 1e6 + static_cast<double>(now.tv_nsec) / 1e3;
}

[[nodiscard]] inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

inline void print_figure(const std::string& name, double value) {
  std::printf("%s %.3f\n", name.c_str(), value);
}

}  // namespace covey::bench
