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
#include "stage.h"

namespace {

using namespace covey;

void run(benchmark::State& state, const bench::Scene& scene) {
  const auto stage = std::make_unique<bench::Stage>(scene);
  if (stage->rehearse() != 0)
    return state.SkipWithError("a frame gets another verdict than the one measured");
  while (state.KeepRunningBatch(bench::kBurst))
    stage->decide_burst();
  state.SetItemsProcessed(state.iterations());
}

/// What by itself is only a part of deciding a burst.
template <auto part>
void run_part(benchmark::State& state, const bench::Scene& scene) {
  const auto stage = std::make_unique<bench::Stage>(scene);
  while (state.KeepRunningBatch(bench::kBurst))
    benchmark::DoNotOptimize((*stage.*part)());
  state.SetItemsProcessed(state.iterations());
}

struct BesideLines {
  const bench::Scene& scene;
  std::size_t lines;
};
void run_beside(benchmark::State& state, const BesideLines& what) {
  const auto stage = std::make_unique<bench::Stage>(what.scene);
  const bench::Memory memory(what.lines * bench::kLine);
  std::memset(memory.at(0), 1, memory.size());
  while (state.KeepRunningBatch(bench::kBurst))
    stage->decide_beside(memory);
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

void add_parts(const bench::Scene& scene) {
  const std::string where = scene.name.substr(scene.name.find('/') + 1);
  const bool streams = scene.frames != bench::kFewFrames;
  const bool is_foreign = !scene.tracked && streams && scene.flows == 0;
  // Frames that lie in memory, and nothing done with them but reading a word, of IPv6 two, since
  // what is to be read lies in two lines.
  if (is_foreign) {
    const std::string name = scene.is_ipv6 ? "touch_only_ipv6/" : "touch_only/";
    add(name + where, run_part<&bench::Stage::touch_burst>, scene);
  }
  if (is_foreign && !scene.is_ipv6)
    add("place_only/" + where, run_part<&bench::Stage::place_burst>, scene);
  // Likewise what of the time of a held segment is memory alone.
  if (scene.tracked && !scene.is_ipv6 && streams)
    add("touch_flows/" + where, run_part<&bench::Stage::touch_flows>, scene);
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<bench::Scene> scenes = bench::all_scenes();
  for (const bench::Scene& scene : scenes) {
    add(scene.name, run, scene);
    add_parts(scene);
  }
  const auto held = std::ranges::find(scenes, "tracked_ipv4", &bench::Scene::name);
  for (const auto& [name, lines] :
       {std::pair("1", 1U), std::pair("1M", 1U << 20U), std::pair("4M", 1U << 22U)})
    add(std::string("tracked_ipv4/and_a_line_of_") + name, run_beside, BesideLines{*held, lines});
  add("lines_in_a_row", follow, bench::kLine);
  add("lines_in_pages", follow, 4096 + bench::kLine);
  benchmark::Initialize(&argc, argv);
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
