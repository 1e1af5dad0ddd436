// SPDX-License-Identifier: BSD-3-Clause
// Episode: one fresh cluster living through a plan of faults, every promise watched.
//
// Owner: sim. Thread: any, one at a time. Everything follows from the setup and the plan. It
// carries faults out, ends them in time, mends everything when a calm comes and then checks
// coverage, agreement and shares. It stops at the first broken promise.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "sim/cluster.h"
#include "sim/coverage.h"
#include "sim/fault.h"
#include "sim/segment.h"
#include "sim/transcript.h"

namespace covey::sim {

struct EpisodeSetup {
  std::uint64_t seed = 1;
  Cluster cluster;
  Breakage breakage = Breakage::none;
};

struct EpisodeResult {
  unsigned faults = 0;
  std::map<std::string, std::uint64_t> by_kind;  // of faults, and boots of hosts that were down
  std::uint64_t commits = 0;
  std::uint64_t moved_buckets = 0;
  std::uint64_t steps = 0;
  std::uint64_t messages = 0;
  base::Duration worst_unowned{};
  base::TimePoint ended;
  std::vector<std::string> violations;
};

class Episode {
 public:
  explicit Episode(const EpisodeSetup& setup);
  /// Writes down the whole conversation; slow and long.
  void follow(Transcript& transcript);
  /// Ends after `length`, or at the first broken promise.
  EpisodeResult run(const std::vector<Fault>& plan, base::Duration length);

 private:
  enum class Ending : std::uint8_t {
    boot,
    unduplicate,
    agree,
    light_loss,
    slow,
    storm,
    mend,
    reach,  // the gateway answers `hosts` again
    probe,  // the host notices whether the gateway answers
  };
  struct End {
    Ending ending = Ending::boot;
    base::HostId host{};
    base::HostSet hosts{};
    std::vector<std::pair<base::HostId, base::HostId>> links{};
  };

  bool run_until(base::TimePoint time);
  void apply(const Fault& fault);
  void count(const std::string& kind);
  bool apply_to_host(const Fault& fault);
  void apply_to_links(const Fault& fault);
  void finish(const End& end);
  void boot(base::HostId host, bool odd_configuration = false);
  void stage(base::HostSet hosts, Variant variant);
  void stage_file(base::HostId host);
  [[nodiscard]] std::uint16_t weight_at_boot(base::HostId host) const;
  void stall(const Fault& fault);
  void restart(base::HostId host, base::Duration pause);
  bool duplicate(const Fault& fault);
  void cut(const Fault& fault, const std::vector<std::pair<base::HostId, base::HostId>>& links);
  void lose_gateway(base::HostSet hosts, base::Duration span);
  void probe_gateway();
  [[nodiscard]] bool reaches_gateway(base::HostId host) const;
  [[nodiscard]] std::vector<std::pair<base::HostId, base::HostId>> links_of(
      const Fault& fault) const;
  bool obey(base::HostId host, const convergence::OperatorCommand& order);
  void end_in(base::Duration span, End end);
  void calm();
  void mend();
  void take_all(base::HostId host);
  void check_all_is_well();
  void check_shares();
  void note(const std::string& what);
  [[nodiscard]] std::uint64_t chance_for(base::HostId host, std::uint64_t purpose) const;
  template <typename Visit>
  void for_each_host(Visit&& visit) const;

  EpisodeSetup setup_;
  Segment segment_;
  Coverage coverage_;
  Transcript* transcript_ = nullptr;
  std::vector<std::uint64_t> boots_;         // by host
  std::vector<std::uint32_t> clock_errors_;  // by host; as in Fault::value
  std::vector<Variant> files_;               // by host: the configuration it boots with
  Variant newest_ = Variant::first;          // of those that any host got
  std::multimap<base::TimePoint, End> ends_;
  std::vector<base::HostSet> gateway_losses_;  // who does not reach it, by cause
  unsigned faults_ = 0;
  std::map<std::string, std::uint64_t> by_kind_;
};

}  // namespace covey::sim
