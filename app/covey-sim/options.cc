// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <CLI/CLI.hpp>
#include <array>
#include <iostream>
#include <string>
#include <utility>
#include <vector>

#include "base/text.h"

namespace covey::app {
namespace {

using sim::StoryKind;

constexpr int kExitUsage = 2;
constexpr std::uint32_t kRandomBuckets = 64;  // few, for speed: nothing depends on their number
constexpr std::uint32_t kStoryBuckets = 4096;
constexpr double kMostHours = 100000;

struct EventOption {
  const char* flag;
  StoryKind kind;
  const char* help;
};
constexpr std::array kEventOptions{
    EventOption{"--crash", StoryKind::crash, "ID@TIME: the host dies"},
    EventOption{"--die", StoryKind::die, "ID@TIME: the process dies, its parent says so"},
    EventOption{"--join", StoryKind::join, "ID@TIME: the host boots, or starts again"},
    EventOption{"--leave", StoryKind::leave, "ID@TIME: covey stop"},
    EventOption{"--drain", StoryKind::drain, "ID@TIME: covey drainstop"},
    EventOption{"--pause", StoryKind::pause, "ID@TIME+SPAN: the host sleeps"},
    EventOption{"--partition", StoryKind::partition,
                "ID,ID|ID,ID@TIME: the segment is cut; the gateway is with the first"},
    EventOption{"--heal", StoryKind::heal, "@TIME: the segment is whole again"},
    EventOption{"--weight", StoryKind::weight, "ID=WEIGHT@TIME: covey weight"},
};

struct Words {  // as given
  unsigned hosts = 3;
  double hours = 1;
  std::uint64_t seed = 1;
  std::string profile = "serve";
  unsigned faults = 100;
  bool whole_links = false;
  bool unique_ids = false;
  bool json = false;
  std::string interval;
  unsigned tolerance = 5;
  std::uint32_t buckets = 0;
  std::string breakage = "none";
  std::array<std::vector<std::string>, kEventOptions.size()> events;
};

void describe(CLI::App& app, Words& words) {
  app.footer(
      "Random faults:  covey-sim --hosts 8 --hours 10 --seed 1\n"
      "One story:      covey-sim --hosts 5 --crash 2@10s --join 6@20s\n"
      "Exit: 0 all promises kept, 1 one was broken (seed and shortest trace are shown), 2 usage.");
  app.set_version_flag("--version", "covey-sim " COVEY_VERSION);
  app.add_option("--hosts", words.hosts, "hosts 1..N")
      ->check(CLI::Range(1U, base::kMaxHosts))
      ->capture_default_str();
  app.add_option("--hours", words.hours, "simulated hours")
      ->check(CLI::Range(0.0, kMostHours))
      ->capture_default_str();
  app.add_option("--seed", words.seed, "what all chance follows from")->capture_default_str();
  std::vector<std::string> profiles = {"all"};
  for (const sim::Profile& profile : sim::kProfiles)
    profiles.emplace_back(profile.name);
  app.add_option("--profile", words.profile, "partition policy; all: another one every hour")
      ->check(CLI::IsMember(profiles))
      ->capture_default_str();
  app.add_option("--faults", words.faults, "random faults per hour")
      ->check(CLI::Range(1U, 20000U))
      ->capture_default_str();
  app.add_flag("--whole-links", words.whole_links, "no link faults: one owner without exception");
  app.add_flag("--unique-ids", words.unique_ids, "no second machines with the id of a host");
  app.add_flag("--json", words.json, "random faults: the result as JSON");
  app.add_option("--interval", words.interval, "between heartbeats (random: 1s, story: 200ms)");
  app.add_option("--tolerance", words.tolerance, "missed heartbeats until a host counts as silent")
      ->check(CLI::Range(2U, 100U))
      ->capture_default_str();
  app.add_option("--buckets", words.buckets, "a power of two (random: 64, story: 4096)")
      ->check(CLI::Range(base::kMinBuckets, base::kMaxBuckets));
  app.add_option("--break", words.breakage, "a shell that breaks its contract, to see it caught")
      ->check(CLI::IsMember({"none", "lease", "confirm", "inbox"}));
  for (std::size_t i = 0; i < kEventOptions.size(); ++i) {
    app.add_option(kEventOptions[i].flag, words.events[i], kEventOptions[i].help)
        ->type_name("EVENT")
        ->expected(1)
        ->multi_option_policy(CLI::MultiOptionPolicy::TakeAll);
  }
}

std::vector<sim::Profile> profiles_of(const std::string& word) {
  std::vector<sim::Profile> profiles;
  for (const sim::Profile& profile : sim::kProfiles) {
    if (word == "all" || word == profile.name) profiles.push_back(profile);
  }
  return profiles;
}

sim::Breakage breakage_of(const std::string& word) {
  if (word == "lease") return sim::Breakage::workers_ignore_lease;
  if (word == "confirm") return sim::Breakage::confirms_too_early;
  if (word == "inbox") return sim::Breakage::timer_before_inbox;
  return sim::Breakage::none;
}

base::Result<sim::Cluster> cluster_of(const Words& words, bool is_story) {
  sim::Cluster cluster;
  cluster.hosts = words.hosts;
  cluster.buckets = words.buckets;
  if (words.buckets == 0) cluster.buckets = is_story ? kStoryBuckets : kRandomBuckets;
  if ((cluster.buckets & (cluster.buckets - 1)) != 0) {
    return base::fail(base::ErrorCode::invalid_argument, "--buckets: not a power of two");
  }
  cluster.timing.tolerance = words.tolerance;
  cluster.timing.interval = is_story ? std::chrono::milliseconds(200) : std::chrono::seconds(1);
  if (words.interval.empty()) return cluster;
  const base::Result<base::Duration> interval = base::parse_duration(words.interval);
  const bool good = interval && *interval >= std::chrono::milliseconds(10) &&
                    *interval <= std::chrono::seconds(10);
  if (!good) {
    return base::fail(base::ErrorCode::invalid_argument, "--interval: allowed are 10ms..10s");
  }
  cluster.timing.interval = *interval;
  return cluster;
}

base::Result<std::vector<sim::StoryEvent>> events_of(const Words& words) {
  std::vector<sim::StoryEvent> events;
  for (std::size_t i = 0; i < kEventOptions.size(); ++i) {
    for (const std::string& word : words.events[i]) {
      base::Result<sim::StoryEvent> event = sim::parse_story_event(kEventOptions[i].kind, word);
      if (!event) return base::wrap(kEventOptions[i].flag, event.error());
      events.push_back(*event);
    }
  }
  return events;
}

int usage(const std::string& mistake) {
  std::cerr << "covey-sim: " << mistake << "\n";
  return kExitUsage;
}

}  // namespace

std::variant<RandomRun, sim::Story, int> parse_command_line(int argc, char** argv) {
  Words words;
  CLI::App app("covey-sim: a whole cluster of the real convergence core on a simulated segment");
  describe(app, words);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  base::Result<std::vector<sim::StoryEvent>> events = events_of(words);
  if (!events) return usage(events.error().context);
  const base::Result<sim::Cluster> cluster = cluster_of(words, !events->empty());
  if (!cluster) return usage(cluster.error().context);
  const std::vector<sim::Profile> profiles = profiles_of(words.profile);
  if (!events->empty()) {
    sim::Story story{.cluster = *cluster, .events = std::move(*events)};
    story.cluster.partition = profiles.front().partition;
    story.cluster.listed = profiles.front().listed;
    return story;
  }

  RandomRun run;
  run.json = words.json;
  run.setup.seed = words.seed;
  run.setup.profiles = profiles;
  run.setup.cluster = *cluster;
  run.setup.length = std::chrono::duration_cast<base::Duration>(
      std::chrono::duration<double, std::ratio<3600>>(words.hours));
  run.setup.faults_per_hour = words.faults;
  run.setup.link_faults = !words.whole_links;
  run.setup.duplicate_ids = !words.unique_ids;
  run.setup.breakage = breakage_of(words.breakage);
  return run;
}

}  // namespace covey::app
