// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds per frame of all that a worker finds out about a burst, by scene (see scenes.h).
//
// Owner: test/bench. Thread: one.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <memory>
#include <string>
#include <vector>

#include "scenes.h"

namespace {

using namespace covey;

void run(benchmark::State& state, const bench::Scene& scene) {
  const auto stage = std::make_unique<bench::Stage>(scene);
  std::size_t unexpected = 0;
  while (state.KeepRunningBatch(bench::kBurst))
    unexpected += stage->decide_burst();
  if (unexpected != 0) state.SkipWithError("a frame got another verdict than the one measured");
  state.SetItemsProcessed(state.iterations());
}

void touch(benchmark::State& state, const bench::Scene& scene) {
  const auto stage = std::make_unique<bench::Stage>(scene);
  while (state.KeepRunningBatch(bench::kBurst))
    benchmark::DoNotOptimize(stage->touch_burst());
  state.SetItemsProcessed(state.iterations());
}

void touch_flows(benchmark::State& state, const bench::Scene& scene) {
  const auto stage = std::make_unique<bench::Stage>(scene);
  while (state.KeepRunningBatch(bench::kBurst))
    benchmark::DoNotOptimize(stage->touch_flows());
  state.SetItemsProcessed(state.iterations());
}

/// With the least of several runs besides their median: what others do on the machine only adds.
void add(const std::string& name, void (*measure)(benchmark::State&, const bench::Scene&),
         const bench::Scene& scene) {
  benchmark::RegisterBenchmark(name.c_str(), measure, scene)
      ->ComputeStatistics("least",
                          [](const std::vector<double>& runs) { return std::ranges::min(runs); });
}

}  // namespace

int main(int argc, char** argv) {
  for (const bench::Scene& scene : bench::all_scenes()) {
    add(scene.name, run, scene);
    // For comparison: frames that lie in memory, and nothing done with them but reading a word, of
    // IPv6 two, since what is to be read lies in two lines.
    const bool is_plain = scene.flows == 0 && !scene.tracked && scene.frames != bench::kFewFrames;
    if (is_plain) {
      add((scene.is_ipv6 ? "touch_only_ipv6" : "touch_only") +
              scene.name.substr(scene.name.find('/')),
          touch, scene);
    }
    // Likewise what of the time of a held segment is memory alone.
    if (scene.tracked && !scene.is_ipv6 && scene.frames != bench::kFewFrames) {
      add("touch_flows" + scene.name.substr(scene.name.find('/')), touch_flows, scene);
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
