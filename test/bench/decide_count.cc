// SPDX-License-Identifier: BSD-3-Clause
// decide_count SCENE FRAMES: decides as many frames of a scene, once, for a tool that counts
// instructions; test/instructions/run says how. What is to be counted is count_frames().
//
// Owner: test/bench. Thread: one.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <memory>
#include <string_view>

#include "scenes.h"
#include "stage.h"

namespace {

using namespace covey;

[[gnu::noinline]] void count_frames(bench::Stage& stage, std::size_t frames) {
  for (std::size_t i = 0; i < frames; i += bench::kBurst)
    stage.decide_burst();
}

int count(std::string_view name, std::size_t frames) {
  for (const bench::Scene& scene : bench::all_scenes()) {
    if (scene.name != name) continue;
    const auto stage = std::make_unique<bench::Stage>(scene);
    if (stage->rehearse() != 0) {  // and what is done once
      std::fputs("a frame gets another verdict than the one measured\n", stderr);
      return 1;
    }
    count_frames(*stage, frames);
    return 0;
  }
  std::fputs("there is no such scene; allowed:", stderr);
  for (const bench::Scene& scene : bench::all_scenes())
    std::fprintf(stderr, " %s", scene.name.c_str());
  std::fputs("\n", stderr);
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3 || std::atol(argv[2]) <= 0) {
    std::fputs("usage: decide_count SCENE FRAMES\n", stderr);
    return 2;
  }
  try {
    return count(argv[1], static_cast<std::size_t>(std::atol(argv[2])));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
