// SPDX-License-Identifier: BSD-3-Clause
// Campaign: hours of random faults, cut into episodes of an hour; the shortest trace of a failure.
//
// Owner: sim. Thread: any, one at a time. The first episode has the seed of the campaign, so that a
// failure in the seventh hour is repeated by its own seed (and profile) in the first. Episodes take
// the profiles in turn. A campaign ends with the first episode that breaks a promise.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "sim/episode.h"
#include "sim/fault.h"

namespace covey::sim {

/// A partition policy, and the majority of whom.
struct Profile {
  std::string_view name = "serve";
  convergence::PartitionPolicy partition = convergence::PartitionPolicy::serve;
  bool listed = true;
};
inline constexpr std::array kProfiles{
    Profile{},
    Profile{.name = "majority", .partition = convergence::PartitionPolicy::majority},
    Profile{.name = "gateway", .partition = convergence::PartitionPolicy::gateway},
    // Nobody has said which hosts there are: of those of the last view.
    Profile{.name = "majority-unlisted",
            .partition = convergence::PartitionPolicy::majority,
            .listed = false},
};

struct CampaignSetup {
  std::uint64_t seed = 1;
  std::vector<Profile> profiles = {Profile{}};  // not empty
  Cluster cluster;                              // its policy is that of the profile
  base::Duration length = std::chrono::hours(1);
  unsigned faults_per_hour = 100;
  bool link_faults = true;
  bool duplicate_ids = true;
  unsigned replays = 200;  // to shorten a failing plan of some hundred faults; 0: not at all
  Breakage breakage = Breakage::none;
};

/// What failed, and the fewest faults found that still make it fail.
struct Failure {
  std::uint64_t seed = 0;     // of the episode
  std::uint64_t episode = 0;  // counted from 0
  Profile profile;
  unsigned faults_before = 0;           // in the episode until it failed
  std::vector<Fault> faults;            // the shortened plan
  std::vector<std::string> violations;  // of that plan
  unsigned replays = 0;                 // runs it took
};

struct CampaignResult {
  base::Duration simulated{};
  std::uint64_t faults = 0;
  std::map<std::string, std::uint64_t> by_kind;  // names as in sim/fault.h, and "boot"
  std::uint64_t commits = 0;
  std::uint64_t moved_buckets = 0;
  std::uint64_t messages = 0;
  std::uint64_t steps = 0;
  base::Duration worst_unowned{};
  std::uint64_t violations = 0;
  std::optional<Failure> failure;
};

[[nodiscard]] CampaignResult run_campaign(const CampaignSetup& setup);

/// Removes faults as long as some promise is still broken, in at most `replays` runs.
[[nodiscard]] Failure shorten(const EpisodeSetup& setup, const std::vector<Fault>& plan,
                              unsigned replays);

/// {"hosts":..,"hours":..,"seed":..,"faults":..,"commits":..,"violations":..,"moved_buckets":..,
/// "worst_unowned_ms":..,"by_kind":{"crash":..,..}}
[[nodiscard]] std::string to_json(const CampaignSetup& setup, const CampaignResult& result);
/// The seed, the faults and what they broke, and the end of the conversation.
[[nodiscard]] std::string to_text(const CampaignSetup& setup, const Failure& failure);

}  // namespace covey::sim
