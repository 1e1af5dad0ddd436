// SPDX-License-Identifier: BSD-3-Clause
#include "control/lateness.h"

#include <catch2/catch.hpp>
#include <chrono>

namespace covey::control {

namespace {

using namespace std::chrono_literals;

constexpr base::TimePoint kStart{1'000'000'000'000};

}  // namespace

TEST_CASE("timers are counted by how late they were") {
  Lateness lateness;
  for (const base::Duration late : {0us, 900us, 1001us, 11'000us, 250'000us})
    lateness.note(kStart, kStart + late);
  lateness.note(kStart + 1s, kStart);  // before its time: not late
  const api::ControlStats stats = lateness.stats(kStart + 1s);
  CHECK(stats.timers == 6);
  CHECK(stats.late == api::Named<std::uint64_t>{{"1ms", 3}, {"10ms", 2}, {"100ms", 1}});
  CHECK(stats.worst_us == 250'000);
  CHECK(stats.worst_lately_us == 250'000);
}

TEST_CASE("the worst of lately is forgotten after a minute or two, the worst ever is not") {
  Lateness lateness;
  lateness.note(kStart, kStart + 70ms);
  for (int second = 1; second < 119; ++second) {
    const base::TimePoint due = kStart + std::chrono::seconds(second);
    lateness.note(due, due + 2ms);
    CHECK(lateness.stats(due + 2ms).worst_lately_us == 70'000);
  }
  for (int second = 119; second < 180; ++second) {
    const base::TimePoint due = kStart + std::chrono::seconds(second);
    lateness.note(due, due + 2ms);
  }
  CHECK(lateness.stats(kStart + 180s).worst_lately_us == 2000);
  CHECK(lateness.stats(kStart + 180s).worst_us == 70'000);
  CHECK(lateness.stats(kStart + 600s).worst_lately_us == 0);
}

}  // namespace covey::control
