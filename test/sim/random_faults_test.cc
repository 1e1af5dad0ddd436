// SPDX-License-Identifier: BSD-3-Clause
// The short run of the simulation: a few thousand faults, every promise checked at every event.
//
// COVEY_SIM_SEED=n begins with another seed. A failure prints the faults that lead to it.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "sim/campaign.h"

namespace covey::sim {

namespace {

using namespace std::chrono_literals;

std::uint64_t first_seed() {
  const char* seed = std::getenv("COVEY_SIM_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

/// One short campaign per cluster size; returns how many faults there were.
std::uint64_t survives(CampaignSetup setup, unsigned least_hosts, unsigned most_hosts) {
  std::uint64_t faults = 0;
  for (unsigned hosts = least_hosts; hosts <= most_hosts; ++hosts) {
    setup.cluster.hosts = hosts;
    setup.seed = first_seed() + hosts;
    const CampaignResult result = run_campaign(setup);
    INFO((result.failure ? to_text(setup, *result.failure) : std::string()));
    CHECK_FALSE(result.failure.has_value());
    faults += result.faults;
  }
  return faults;
}

}  // namespace

TEST_CASE("no bucket ever has two owners and all are owned again after random faults") {
  CampaignSetup setup;
  setup.cluster.timing = {.interval = 100ms, .tolerance = 3};
  setup.length = 6min;
  setup.faults_per_hour = 2000;
  setup.link_faults = false;
  CHECK(survives(setup, 2, 9) > 1200);
}

TEST_CASE("hosts that hear each other never both own a bucket, whatever links fail") {
  CampaignSetup setup;
  setup.cluster.timing = {.interval = 200ms, .tolerance = 5};
  setup.length = 15min;
  setup.faults_per_hour = 1000;
  CHECK(survives(setup, 2, 9) > 1200);
}

}  // namespace covey::sim
