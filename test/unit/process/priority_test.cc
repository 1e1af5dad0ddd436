// SPDX-License-Identifier: BSD-3-Clause
#include "process/priority.h"

#include <sched.h>

#include <catch2/catch.hpp>
#include <thread>

#include "process/privileges.h"

namespace covey::process {

TEST_CASE("a thread is urgent where the system lets it, alone, and can be ordinary again") {
  std::thread([] {
    be_urgent(10);
    const int policy = ::sched_getscheduler(0);
    CHECK((policy == (SCHED_FIFO | SCHED_RESET_ON_FORK) || policy == SCHED_OTHER));
    std::thread([] { CHECK(::sched_getscheduler(0) == SCHED_OTHER); }).join();
    REQUIRE(keep_only({}));  // of this thread alone
    be_ordinary();
    CHECK((::sched_getscheduler(0) & ~SCHED_RESET_ON_FORK) == SCHED_OTHER);
  }).join();
}

}  // namespace covey::process
