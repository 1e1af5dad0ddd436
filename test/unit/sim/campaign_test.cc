// SPDX-License-Identifier: BSD-3-Clause
// The simulator itself: the same seed gives the same run, and its checks can fail.
#include <catch2/catch.hpp>

#include "sim/campaign.h"

namespace covey::sim {

namespace {

using namespace std::chrono_literals;

CampaignSetup short_run(std::uint64_t seed, Breakage breakage = Breakage::none) {
  CampaignSetup setup;
  setup.seed = seed;
  setup.cluster.hosts = 4;
  setup.cluster.timing.interval = 200ms;
  setup.length = 10min;
  setup.faults_per_hour = 600;
  setup.link_faults = false;
  setup.duplicate_ids = false;
  setup.breakage = breakage;
  return setup;
}

/// How often the broken shell is caught, over some seeds.
unsigned caught(Breakage breakage, const std::string& promise) {
  unsigned count = 0;
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    CampaignSetup setup = short_run(seed, breakage);
    setup.replays = 0;
    const CampaignResult result = run_campaign(setup);
    if (!result.failure) continue;
    INFO(to_text(setup, *result.failure));
    CHECK(result.failure->violations.front().find(promise) != std::string::npos);
    ++count;
  }
  return count;
}

}  // namespace

TEST_CASE("the same seed gives the same run") {
  CampaignSetup setup = short_run(7);
  setup.length = 1min;
  const std::string first = to_json(setup, run_campaign(setup));
  CHECK(to_json(setup, run_campaign(setup)) == first);
  CHECK(first.find("\"violations\": 0") != std::string::npos);
}

TEST_CASE("another seed gives another run") {
  CampaignSetup other = short_run(8);
  other.length = 1min;
  const CampaignResult result = run_campaign(other);
  other.seed = 7;
  CHECK(result.messages != run_campaign(other).messages);
}

TEST_CASE("workers that ignore the lease are caught") {
  CHECK(caught(Breakage::workers_ignore_lease, "S1") == 3);
}

TEST_CASE("a shell that confirms tables too early is caught") {
  CHECK(caught(Breakage::confirms_too_early, "S1") == 3);
}

TEST_CASE("a failing plan is shortened to few faults that still fail") {
  const CampaignResult result = run_campaign(short_run(1, Breakage::workers_ignore_lease));
  REQUIRE(result.failure.has_value());
  CHECK(result.failure->faults.size() <= 3);
  CHECK_FALSE(result.failure->violations.empty());
  CHECK(result.failure->replays > 0);
}

TEST_CASE("a plan follows from its seed and is in order of time") {
  const PlanOptions options{.seed = 5, .hosts = 6, .faults = 300};
  const std::vector<Fault> plan = make_plan(options);
  CHECK(plan == make_plan(options));
  unsigned faults = 0;
  unsigned stages = 0;  // these and what is held back come on top
  unsigned holds = 0;
  for (std::size_t i = 0; i < plan.size(); ++i) {
    if (plan[i].kind == FaultKind::stage) {
      ++stages;
    } else if (plan[i].kind == FaultKind::hold) {
      ++holds;
    } else if (plan[i].kind != FaultKind::calm) {
      ++faults;
    }
    if (i > 0) CHECK(plan[i - 1].at <= plan[i].at);
    CHECK_FALSE(text(plan[i]).empty());
  }
  CHECK(faults == 300);
  CHECK(stages > 10);
  CHECK(holds > 10);
  CHECK(plan.back().kind == FaultKind::calm);
}

TEST_CASE("a clock that is off shows what was asked for, and not before") {
  const Clock clock{.offset_ns = 12345, .parts_per_million = -4999};
  for (const std::int64_t ns : {0LL, 1LL, 999'999'937LL, 3'600'000'000'001LL}) {
    const base::TimePoint truth = clock.truth({ns});
    CHECK(clock.local(truth).ns >= ns);
    CHECK(clock.local(truth - base::Duration(2)).ns < ns);
  }
  CHECK(clock.truth(base::TimePoint::never()) == base::TimePoint::never());
}

}  // namespace covey::sim
