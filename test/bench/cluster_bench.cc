// SPDX-License-Identifier: BSD-3-Clause
// What a cluster costs each of its hosts, for test/bench/cluster:
//
//     cluster_bench map HOSTS BUCKETS RULES ROUNDS
//     cluster_bench control HOSTS SECONDS            seconds of simulated time
//     cluster_bench memory FLOWS
//
// Owner: test/bench. Thread: one, and for `map` a worker.
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "cluster_parts.h"

namespace {

using namespace covey;

unsigned number(const char* text) {
  const long value = std::strtol(text, nullptr, 10);
  if (value <= 0) {
    std::fprintf(stderr, "cluster_bench: %s is not a number above 0\n", text);
    std::exit(2);
  }
  return static_cast<unsigned>(value);
}

}  // namespace

int main(int argc, char** argv) {
  const auto is = [&](const char* part, int arguments) {
    return argc == arguments + 2 && std::strcmp(argv[1], part) == 0;
  };
  if (is("map", 4)) {
    bench::measure_map({number(argv[2]), number(argv[3]), number(argv[4])}, number(argv[5]));
  } else if (is("control", 2)) {
    bench::measure_control({.hosts = number(argv[2])}, std::chrono::seconds(number(argv[3])));
  } else if (is("memory", 1)) {
    bench::measure_memory(number(argv[2]));
  } else {
    std::fputs(
        "usage: cluster_bench map HOSTS BUCKETS RULES ROUNDS | control HOSTS SECONDS | "
        "memory FLOWS\n",
        stderr);
    return 2;
  }
  return 0;
}
