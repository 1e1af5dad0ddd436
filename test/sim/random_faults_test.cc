// SPDX-License-Identifier: BSD-3-Clause
// The short run of the simulation: 20,000 faults and more, every promise checked at every event.
//
// One tag per partition policy, so that the policies can run beside one another. Each case prints a
// line that begins with "figures:". COVEY_SIM_SEED=n begins with another seed, COVEY_SIM_PERCENT=n
// has only n per cent of the faults. A failure prints the faults that lead to it.
#include <catch2/catch.hpp>
#include <cstdio>
#include <string>

#include "sim/campaign.h"
#include "support/environment.h"

namespace covey::sim {

namespace {

using namespace std::chrono_literals;

constexpr unsigned kFewHosts = 8;  // more cost more: a fault with 16 hosts takes ten times as long

struct Sum {
  std::uint64_t faults = 0;
  std::uint64_t commits = 0;
  std::uint64_t violations = 0;
  double hours = 0;
};

/// Short campaigns with seeds of their own, until there were that many faults or one failed.
void survive(CampaignSetup setup, std::uint64_t wanted, Sum& sum) {
  const std::uint64_t percent = test::from_environment("COVEY_SIM_PERCENT", 100);
  const std::uint64_t enough = sum.faults + std::max<std::uint64_t>(1, wanted * percent / 100);
  setup.length = base::Duration(1h) * 40 / setup.faults_per_hour;
  setup.seed =
      test::from_environment("COVEY_SIM_SEED", 1) * 1'000'000 + setup.cluster.hosts * 10'000ULL;
  while (sum.faults < enough) {
    ++setup.seed;
    const CampaignResult result = run_campaign(setup);
    sum.faults += result.faults;
    sum.commits += result.commits;
    sum.violations += result.violations;
    sum.hours += std::chrono::duration<double, std::ratio<3600>>(result.simulated).count();
    if (!result.failure) continue;
    INFO(to_text(setup, *result.failure));
    CHECK_FALSE(result.failure.has_value());
    return;
  }
}

void print_figures(const std::string& name, const Sum& sum) {
  std::printf("figures: %s: %llu faults, %llu commits, %.2f cluster-hours, %llu violations\n",
              name.c_str(), static_cast<unsigned long long>(sum.faults),
              static_cast<unsigned long long>(sum.commits), sum.hours,
              static_cast<unsigned long long>(sum.violations));
}

/// Every cluster size from 2 to 16; returns the number of broken promises.
std::uint64_t violations_of(CampaignSetup setup, const std::string& name) {
  Sum sum;
  for (unsigned hosts = 2; hosts <= 16; ++hosts) {
    setup.cluster.hosts = hosts;
    survive(setup, hosts <= kFewHosts ? 420 : 150, sum);
  }
  print_figures(name, sum);
  return sum.violations;
}

CampaignSetup setup_of(std::size_t profile, base::Duration interval, unsigned tolerance) {
  CampaignSetup setup;
  setup.profiles = {kProfiles[profile]};
  setup.cluster.timing = {.interval = interval, .tolerance = tolerance};
  // About one fault in twenty intervals, with time to settle in between.
  setup.faults_per_hour = static_cast<unsigned>(base::Duration(1h) / (interval * 20));
  return setup;
}

}  // namespace

TEST_CASE("no bucket ever has two owners and all are owned again after random faults",
          "[whole-links]") {
  CampaignSetup setup = setup_of(0, 100ms, 3);
  setup.link_faults = false;
  CHECK(violations_of(setup, "serve, whole links") == 0);
}

TEST_CASE("hosts that hear each other never both own a bucket, whatever links fail", "[serve]") {
  CHECK(violations_of(setup_of(0, 200ms, 5), "serve") == 0);
}

TEST_CASE("with a majority of all hosts no bucket ever has two owners, whatever links fail",
          "[majority]") {
  CHECK(violations_of(setup_of(1, 100ms, 3), "majority") == 0);
}

TEST_CASE("no host takes new flows without its gateway", "[gateway]") {
  CHECK(violations_of(setup_of(2, 200ms, 4), "gateway") == 0);
}

TEST_CASE("a majority of the last view is a majority only while somebody remembers it",
          "[majority-unlisted]") {
  CHECK(violations_of(setup_of(3, 100ms, 5), "majority-unlisted") == 0);
}

TEST_CASE("sixty-four hosts keep every promise", "[large]") {
  CampaignSetup setup = setup_of(0, 200ms, 5);
  setup.cluster.hosts = base::kMaxHosts;
  Sum sum;
  survive(setup, 60, sum);
  print_figures("64 hosts", sum);
  CHECK(sum.violations == 0);
}

}  // namespace covey::sim
