// SPDX-License-Identifier: BSD-3-Clause
#include "control/forgotten_flows.h"

#include <catch2/catch.hpp>

using namespace covey;
using namespace std::chrono_literals;
using control::ForgottenFlows;

TEST_CASE("that flows were forgotten is said when it begins and then once a minute") {
  ForgottenFlows forgotten;
  const base::TimePoint start{1'000'000'000};
  CHECK_FALSE(forgotten.note(0, 0, start));
  CHECK(forgotten.note(3, 0, start + 1s) ==
        "3 flows gave way to newer ones, 0 segments found no room");
  CHECK_FALSE(forgotten.note(3, 0, start + 2s));
  CHECK_FALSE(forgotten.note(5, 7, start + 60s));
  CHECK(forgotten.note(6, 7, start + 61s) ==
        "3 flows gave way to newer ones, 7 segments found no room");
  CHECK_FALSE(forgotten.note(6, 7, start + 1h));
  CHECK(forgotten.note(6, 8, start + 2h) ==
        "0 flows gave way to newer ones, 1 segments found no room");
}
