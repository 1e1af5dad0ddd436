// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds per frame of all that a worker finds out about a burst, by scene (see scenes.h).
//
// Owner: test/bench. Thread: one.
#include <benchmark/benchmark.h>

#include <memory>

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

}  // namespace

int main(int argc, char** argv) {
  for (const bench::Scene& scene : bench::all_scenes()) {
    benchmark::RegisterBenchmark(scene.name.c_str(),
                                 [scene](benchmark::State& state) { run(state, scene); });
    // For comparison: frames that lie in memory, and nothing done with them but reading a word, of
    // IPv6 two, since what is to be read lies in two lines.
    const bool is_plain = scene.flows == 0 && !scene.tracked && scene.frames != bench::kFewFrames;
    if (is_plain) {
      const std::string name = (scene.is_ipv6 ? "touch_only_ipv6" : "touch_only") +
                               scene.name.substr(scene.name.find('/'));
      benchmark::RegisterBenchmark(name.c_str(),
                                   [scene](benchmark::State& state) { touch(state, scene); });
    }
    // Likewise what of the time of a held segment is memory alone.
    if (scene.tracked && !scene.is_ipv6 && scene.frames != bench::kFewFrames) {
      const std::string name = "touch_flows" + scene.name.substr(scene.name.find('/'));
      benchmark::RegisterBenchmark(name.c_str(),
                                   [scene](benchmark::State& state) { touch_flows(state, scene); });
    }
  }
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
