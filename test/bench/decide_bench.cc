// SPDX-License-Identifier: BSD-3-Clause
// Nanoseconds per frame of all that a worker finds out about a burst, by scene (see scenes.h).
//
// Owner: test/bench. Thread: one.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstring>
#include <memory>
#include <string>
#include <type_traits>
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

/// From one cache line to the next that it names, all of them in an order without order: how long
/// each takes to come. As many lines one behind the other, and one to each page of 4 KiB: what the
/// second takes longer, it takes to find the page.
void follow(benchmark::State& state, std::size_t apart) {
  constexpr std::size_t lines = 8192;  // half a megabyte: a cache's, be they wherever
  constexpr std::size_t leap = 5003;   // odd: leads through all of them
  const bench::Memory memory(lines * apart);
  const auto line = [&](std::size_t i) { return memory.at(i * leap % lines * apart); };
  for (std::size_t i = 0; i < lines; ++i) {
    const std::uint8_t* next = line(i + 1);
    std::memcpy(line(i), &next, sizeof next);
  }
  const std::uint8_t* at = line(0);
  while (state.KeepRunningBatch(lines)) {
    for (std::size_t i = 0; i < lines; ++i)
      std::memcpy(&at, at, sizeof at);
    benchmark::DoNotOptimize(at);
  }
  state.SetItemsProcessed(state.iterations());
}

/// With the least of several runs besides their median: what others do on the machine only adds.
template <typename What>
void add(const std::string& name, void (*measure)(benchmark::State&, What),
         std::type_identity_t<What> what) {
  benchmark::RegisterBenchmark(name.c_str(), measure, what)
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
  add("lines_in_a_row", follow, 64);
  add("lines_in_pages", follow, 4096 + 64);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
