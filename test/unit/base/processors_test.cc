// SPDX-License-Identifier: BSD-3-Clause
#include "base/processors.h"

#include <sched.h>

#include <catch2/catch.hpp>

using namespace covey::base;

TEST_CASE("what a thread was not given it can still be put on, and is not left on") {
  const std::vector<unsigned> before = inherited_processors();
  REQUIRE_FALSE(before.empty());
  const std::vector<unsigned> possible = possible_processors();
  CHECK(inherited_processors() == before);
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(before.front(), &one);
  REQUIRE(::sched_setaffinity(0, sizeof(one), &one) == 0);
  CHECK(inherited_processors() == std::vector<unsigned>{before.front()});
  CHECK(possible_processors() == possible);
  CHECK(inherited_processors() == std::vector<unsigned>{before.front()});
  cpu_set_t all;
  CPU_ZERO(&all);
  for (const unsigned processor : before)
    CPU_SET(processor, &all);
  REQUIRE(::sched_setaffinity(0, sizeof(all), &all) == 0);
}
