// SPDX-License-Identifier: BSD-3-Clause
#include "sim/campaign.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"

namespace covey::sim {

using base::Duration;

namespace {

constexpr Duration kEpisode = std::chrono::hours(1);
constexpr std::size_t kLinesOfTalk = 60;  // the end of the conversation that is shown

EpisodeSetup episode_setup(const CampaignSetup& setup, const Profile& profile, std::uint64_t seed) {
  EpisodeSetup episode{.seed = seed, .cluster = setup.cluster, .breakage = setup.breakage};
  episode.cluster.partition = profile.partition;
  episode.cluster.listed = profile.listed;
  return episode;
}

std::vector<Fault> plan_of(const CampaignSetup& setup, const Profile& profile, std::uint64_t seed) {
  return make_plan({.seed = seed,
                    .hosts = setup.cluster.hosts,
                    .faults = setup.faults_per_hour,
                    .length = kEpisode,
                    .timing = setup.cluster.timing,
                    .link_faults = setup.link_faults,
                    .duplicate_ids = setup.duplicate_ids,
                    .gateway_faults = profile.partition == convergence::PartitionPolicy::gateway});
}

/// Long enough for every fault of the plan and its end.
Duration length_of(const std::vector<Fault>& plan, const Cluster& cluster) {
  Duration end{};
  for (const Fault& fault : plan)
    end = std::max(end, fault.at + fault.span);
  return end + calm_span(cluster.timing) + cluster.timing.interval * 10;
}

std::vector<Fault> without(const std::vector<Fault>& plan, std::size_t from, std::size_t count) {
  std::vector<Fault> rest;
  for (std::size_t at = 0; at < plan.size(); ++at) {
    if (at < from || at >= from + count) rest.push_back(plan[at]);
  }
  return rest;
}

std::string last_lines(const std::string& text, std::size_t lines) {
  std::size_t at = text.size();
  while (at > 0 && lines > 0) {
    at = at > 1 ? text.rfind('\n', at - 2) : std::string::npos;
    --lines;
    if (at == std::string::npos) return text;
    ++at;
  }
  return text.substr(at);
}

/// The last `count` faults, moved to the beginning: what came long before matters least, and short
/// runs are quick.
std::vector<Fault> tail_of(const std::vector<Fault>& plan, std::size_t count,
                           const Cluster& cluster) {
  std::vector<Fault> tail(plan.end() - static_cast<std::ptrdiff_t>(count), plan.end());
  const Duration earlier =
      std::max(Duration::zero(), tail.front().at - calm_span(cluster.timing) / 2);
  for (Fault& fault : tail)
    fault.at -= earlier;
  return tail;
}

}  // namespace

Failure shorten(const EpisodeSetup& setup, const std::vector<Fault>& plan, unsigned replays) {
  Failure failure;
  failure.seed = setup.seed;
  failure.faults = plan;
  const auto fails = [&](const std::vector<Fault>& candidate) {
    ++failure.replays;
    const EpisodeResult result = Episode(setup).run(candidate, length_of(candidate, setup.cluster));
    if (!result.violations.empty()) failure.violations = result.violations;
    return !result.violations.empty();
  };
  for (std::size_t count = 4; count < plan.size(); count *= 2) {
    std::vector<Fault> candidate = tail_of(plan, count, setup.cluster);
    if (!fails(candidate)) continue;
    failure.faults = std::move(candidate);
    break;
  }
  // Halves, quarters, ... single faults, from the front.
  for (std::size_t part = std::max<std::size_t>(1, failure.faults.size() / 2); part > 0;) {
    bool shorter = false;
    for (std::size_t at = 0; at < failure.faults.size() && failure.replays < replays;) {
      std::vector<Fault> candidate = without(failure.faults, at, part);
      if (fails(candidate)) {
        failure.faults = std::move(candidate);
        shorter = true;
      } else {
        at += part;
      }
    }
    if (failure.replays >= replays) break;
    if (part > 1 || !shorter) part /= 2;
  }
  // The violations of the plan that is left, not of the last one that failed.
  if (!fails(failure.faults)) failure.violations.clear();
  return failure;
}

namespace {

Failure failure_of(const CampaignSetup& setup, const EpisodeSetup& episode,
                   const std::vector<Fault>& plan, const EpisodeResult& result) {
  std::vector<Fault> until;
  for (const Fault& fault : plan) {
    if (base::TimePoint{} + fault.at <= result.ended) until.push_back(fault);
  }
  Failure failure;
  failure.seed = episode.seed;
  if (setup.replays > 0) failure = shorten(episode, until, setup.replays);
  if (failure.violations.empty()) {  // it needs exactly the length of the first run
    failure.faults = until;
    failure.violations = result.violations;
  }
  failure.faults_before = result.faults;
  return failure;
}

void add(CampaignResult& total, const EpisodeResult& result) {
  total.faults += result.faults;
  for (const auto& [kind, count] : result.by_kind)
    total.by_kind[kind] += count;
  total.commits += result.commits;
  total.moved_buckets += result.moved_buckets;
  total.messages += result.messages;
  total.steps += result.steps;
  total.worst_unowned = std::max(total.worst_unowned, result.worst_unowned);
  total.violations += result.violations.size();
}

}  // namespace

CampaignResult run_campaign(const CampaignSetup& setup) {
  CampaignResult total;
  for (std::uint64_t episode = 0; total.simulated < setup.length; ++episode) {
    const std::uint64_t seed = episode == 0 ? setup.seed : mix(setup.seed, 0x65706973, episode);
    const Profile profile = setup.profiles[episode % setup.profiles.size()];
    const EpisodeSetup one = episode_setup(setup, profile, seed);
    const std::vector<Fault> plan = plan_of(setup, profile, seed);
    const Duration length = std::min(kEpisode, setup.length - total.simulated);
    const EpisodeResult result = Episode(one).run(plan, length);
    total.simulated += length;
    add(total, result);
    if (result.violations.empty()) continue;
    total.failure = failure_of(setup, one, plan, result);
    total.failure->episode = episode;
    total.failure->profile = profile;
    break;
  }
  return total;
}

std::string to_json(const CampaignSetup& setup, const CampaignResult& result) {
  const double hours = std::chrono::duration<double, std::ratio<3600>>(result.simulated).count();
  std::string hours_text(32, '\0');
  const int length = std::snprintf(hours_text.data(), hours_text.size(), "%.6g", hours);
  hours_text.resize(static_cast<std::size_t>(length));
  std::string json = "{";
  const auto add = [&](const char* key, const std::string& value) {
    json += (json.size() > 1 ? ", \"" : "\"") + std::string(key) + "\": " + value;
  };
  add("hosts", std::to_string(setup.cluster.hosts));
  add("hours", hours_text);
  add("seed", std::to_string(setup.seed));
  add("faults", std::to_string(result.faults));
  add("commits", std::to_string(result.commits));
  add("violations", std::to_string(result.violations));
  add("moved_buckets", std::to_string(result.moved_buckets));
  add("worst_unowned_ms", std::to_string(base::to_ms(result.worst_unowned)));
  std::string kinds;
  for (const auto& [kind, count] : result.by_kind)
    kinds += (kinds.empty() ? "\"" : ", \"") + kind + "\": " + std::to_string(count);
  add("by_kind", "{" + kinds + "}");
  return json + "}";
}

std::string to_text(const CampaignSetup& setup, const Failure& failure) {
  std::string text = "a promise was broken after " + std::to_string(failure.faults_before) +
                     " faults; repeat with the same options, --hosts " +
                     std::to_string(setup.cluster.hosts) + " --hours 1 --profile " +
                     std::string(failure.profile.name) + " --seed " + std::to_string(failure.seed) +
                     "\n";
  text += "the shortest trace found in " + std::to_string(failure.replays) + " replays:\n";
  for (const Fault& fault : failure.faults)
    text += "  " + seconds_text(fault.at) + "  " + sim::text(fault) + "\n";
  for (const std::string& violation : failure.violations)
    text += "  " + violation + "\n";
  Transcript transcript;
  Episode episode(episode_setup(setup, failure.profile, failure.seed));
  episode.follow(transcript);
  episode.run(failure.faults, length_of(failure.faults, setup.cluster));
  text += "what the hosts said and did at the end (ms):\n";
  return text + last_lines(transcript.text(), kLinesOfTalk);
}

}  // namespace covey::sim
