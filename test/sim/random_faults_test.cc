// SPDX-License-Identifier: BSD-3-Clause
// The short run of the simulation: a few thousand faults, every promise checked at every event.
// COVEY_SIM_SEED=n runs one seed alone, as a failure asks for; COVEY_SIM_TRACE=1 prints what the
// hosts said and did. COVEY_SIM_SEEDS=n runs n seeds instead of the usual number.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <iostream>

#include "sim/random_faults.h"

namespace {

using covey::test::FaultReport;
using covey::test::RandomFaults;

constexpr unsigned kSeeds = 40;
constexpr unsigned kBatches = 5;
constexpr unsigned kFaultsPerBatch = 20;

bool passes(std::uint64_t seed, unsigned& faults) {
  covey::test::Transcript transcript;
  RandomFaults faults_of_seed(seed);
  const bool follow = std::getenv("COVEY_SIM_TRACE") != nullptr;
  if (follow) faults_of_seed.follow(transcript);
  const FaultReport report = faults_of_seed.run(kBatches, kFaultsPerBatch);
  if (follow) std::cout << transcript.text();
  faults += report.faults;
  if (report.violations.empty()) return true;
  std::cout << "COVEY_SIM_SEED=" << seed << " hosts " << report.hosts << "\n";
  for (const std::string& violation : report.violations)
    std::cout << "  " << violation << "\n";
  return false;
}

}  // namespace

TEST_CASE("no bucket ever has two owners and all are owned again after random faults") {
  unsigned faults = 0;
  if (const char* seed = std::getenv("COVEY_SIM_SEED")) {
    CHECK(passes(std::strtoull(seed, nullptr, 10), faults));
    return;
  }
  const char* more = std::getenv("COVEY_SIM_SEEDS");
  const std::uint64_t seeds = more != nullptr ? std::strtoull(more, nullptr, 10) : kSeeds;
  for (std::uint64_t seed = 1; seed <= seeds; ++seed) {
    INFO("COVEY_SIM_SEED=" << seed);
    CHECK(passes(seed, faults));
  }
  CHECK(faults == seeds * kBatches * kFaultsPerBatch);
}
