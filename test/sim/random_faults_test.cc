// SPDX-License-Identifier: BSD-3-Clause
// The short run of the simulation: a few thousand faults, every promise checked at every event.
//
// COVEY_SIM_SEED=n begins with another seed, COVEY_SIM_FAULTS=n has about n faults per cluster
// size. A failure prints the faults that lead to it.
#include <catch2/catch.hpp>
#include <cstdlib>

#include "sim/campaign.h"

namespace covey::sim {

namespace {

using namespace std::chrono_literals;

std::uint64_t from_environment(const char* name, std::uint64_t usual) {
  const char* text = std::getenv(name);
  return text == nullptr ? usual : std::strtoull(text, nullptr, 10);
}

/// One short campaign of about `faults` faults per cluster size; true if most of them happened.
bool survives(CampaignSetup setup, unsigned least_hosts, unsigned most_hosts,
              std::uint64_t faults) {
  const std::uint64_t wanted = from_environment("COVEY_SIM_FAULTS", faults);
  setup.length = base::Duration(std::chrono::hours(1)) * wanted / setup.faults_per_hour;
  std::uint64_t happened = 0;
  for (unsigned hosts = least_hosts; hosts <= most_hosts; ++hosts) {
    setup.cluster.hosts = hosts;
    setup.seed = from_environment("COVEY_SIM_SEED", 1) + hosts;
    const CampaignResult result = run_campaign(setup);
    INFO((result.failure ? to_text(setup, *result.failure) : std::string()));
    CHECK_FALSE(result.failure.has_value());
    happened += result.faults;
  }
  return happened > (most_hosts - least_hosts + 1) * wanted / 2;
}

}  // namespace

TEST_CASE("no bucket ever has two owners and all are owned again after random faults") {
  CampaignSetup setup;
  setup.cluster.timing = {.interval = 100ms, .tolerance = 3};
  setup.faults_per_hour = 2000;
  setup.link_faults = false;
  CHECK(survives(setup, 2, 9, 200));
}

TEST_CASE("hosts that hear each other never both own a bucket, whatever links fail") {
  CampaignSetup setup;
  setup.cluster.timing = {.interval = 200ms, .tolerance = 5};
  setup.faults_per_hour = 1000;
  CHECK(survives(setup, 2, 9, 250));
}

}  // namespace covey::sim
