// SPDX-License-Identifier: BSD-3-Clause
// Segment: several convergence nodes on one simulated layer-2 segment, in virtual time.
//
// Owner: test support. Thread: the test's. Deterministic: the same calls and the same seed give the
// same run. It keeps the shell's contract (received messages before TimerFired, MapInstalled after
// a delay in which workers may follow either table) and models what workers accept, so that "one
// owner per bucket" is checked at every event and not at the end. Hosts may crash, restart, stall
// (control thread alone, or the whole host), and the links may lose, delay, repeat or be cut.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "convergence/node.h"

namespace covey::test {

/// A small, fast, seeded source of chance (splitmix64).
class Chance {
 public:
  explicit Chance(std::uint64_t seed) : state_(seed) {}
  std::uint64_t next();
  /// 0..limit-1; limit > 0.
  std::uint64_t below(std::uint64_t limit) { return next() % limit; }
  bool per_mille(unsigned probability) { return below(1000) < probability; }

 private:
  std::uint64_t state_;
};

struct SegmentOptions {
  std::uint64_t seed = 1;
  base::Duration least_delay = std::chrono::microseconds(100);
  base::Duration most_delay = std::chrono::microseconds(300);
  base::Duration install_delay = std::chrono::microseconds(200);
  unsigned loss_per_mille = 0;
  unsigned duplicate_per_mille = 0;
};

class Segment {
 public:
  using Observer = std::function<void(base::TimePoint, base::HostId, const convergence::Effect&)>;

  explicit Segment(SegmentOptions options) : options_(options), chance_(options.seed) {}

  /// Powers a host up with this configuration; the id may have been used and crashed before.
  void boot(const convergence::NodeConfig& config);
  /// A second machine with an id that is taken; `slot` tells it apart.
  void boot_namesake(std::uint8_t slot, const convergence::NodeConfig& config);
  void crash(base::HostId host);
  void stall_control(base::HostId host, base::Duration span);
  void stall_host(base::HostId host, base::Duration span);
  void command(base::HostId host, const convergence::OperatorCommand& command);
  void set_flows(base::HostId host, base::BucketIndex bucket, std::uint32_t flows);
  /// Messages from `from` no longer reach `to` (or do again).
  void cut(base::HostId from, base::HostId to, bool cut = true);
  void set_loss(unsigned per_mille) { options_.loss_per_mille = per_mille; }

  void run_for(base::Duration span);
  [[nodiscard]] base::TimePoint now() const { return now_; }
  [[nodiscard]] bool is_up(base::HostId host) const { return find(host.value) != nullptr; }
  [[nodiscard]] bool is_stalled(base::HostId host) const;
  [[nodiscard]] bool is_serving(base::HostId host) const;
  [[nodiscard]] const convergence::Node& node(base::HostId host) const;
  [[nodiscard]] const bucket::BucketTable& table(base::HostId host) const;
  [[nodiscard]] const convergence::NodeConfig& config(base::HostId host) const;

  /// Who would take a new flow of the bucket now; nobody if none or more than one would.
  [[nodiscard]] base::HostId owner(base::ClassIndex map_class, base::BucketIndex bucket) const;
  /// Buckets of the class for which exactly one host takes new flows.
  [[nodiscard]] std::uint32_t owned_buckets(base::ClassIndex map_class) const;
  [[nodiscard]] std::uint32_t buckets_of(base::HostId host, base::ClassIndex map_class) const;

  void observe(Observer observer) { observer_ = std::move(observer); }
  /// What went wrong so far, in words; empty while all promises were kept.
  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }

 private:
  struct Table {
    bucket::BucketTable table;
    std::vector<bucket::Bitmap> own;
  };
  struct Machine {
    convergence::NodeConfig config;
    std::unique_ptr<convergence::Node> node;
    std::uint64_t boot = 0;  // events of an earlier boot are void
    Table current;
    std::optional<Table> previous;  // workers may still follow it
    std::uint32_t previous_install = 0;
    base::TimePoint lease = base::TimePoint::distant_past();
    base::TimePoint control_stalled_until = base::TimePoint::distant_past();
    base::TimePoint host_stalled_until = base::TimePoint::distant_past();
    std::vector<std::shared_ptr<const heartbeat::Message>> inbox;  // during a stall
    std::vector<std::uint32_t> installed;                          // during a stall
    std::map<std::uint32_t, std::uint32_t> flows;                  // by bucket
    base::TimePoint census_due;
    std::map<std::uint64_t, std::uint32_t> highest_generation;  // by nonce
  };
  struct Event {
    std::uint8_t slot = 0;
    std::uint64_t boot = 0;
    std::shared_ptr<const heartbeat::Message> message;  // or else an install
    std::uint32_t install_id = 0;
  };
  using Key = std::pair<std::int64_t, std::uint64_t>;  // time, order of making

  [[nodiscard]] const Machine* find(std::uint8_t slot) const;
  [[nodiscard]] Machine& machine(std::uint8_t slot);
  void boot_slot(std::uint8_t slot, const convergence::NodeConfig& config);
  [[nodiscard]] base::TimePoint wakeup(const Machine& machine) const;
  void handle(const Event& event);
  void wake(std::uint8_t slot);
  void step(std::uint8_t slot, const convergence::Input& input);
  void carry_out(std::uint8_t slot, const convergence::Effect& effect);
  void broadcast(std::uint8_t slot, const heartbeat::Message& message);
  void watch(Machine& machine, const heartbeat::Message& message);
  void install(std::uint8_t slot, const convergence::InstallMap& map);
  void finish_install(std::uint8_t slot, std::uint32_t install_id);
  [[nodiscard]] bool takes_flows(const Machine& machine) const;
  [[nodiscard]] std::vector<bucket::Bitmap> accepted(const Machine& machine) const;
  [[nodiscard]] bucket::Bitmap residual(const Machine& machine) const;
  void check_one_owner();
  void complain(const std::string& what);

  SegmentOptions options_;
  Chance chance_;
  base::TimePoint now_{};
  std::uint64_t next_order_ = 0;
  std::uint64_t boots_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t commits_ = 0;
  std::map<std::uint8_t, Machine> machines_;  // by slot; the host id unless a namesake
  std::map<Key, Event> events_;
  std::array<base::HostSet, base::kMaxHosts + 1> cut_{};  // by sender: who does not hear it
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::uint64_t> maps_;  // S4
  Observer observer_;
  std::vector<std::string> violations_;
};

/// A configuration for tests: T = 100 ms, K = 3, a default-host class, a spread class and a
/// single-host class.
[[nodiscard]] convergence::NodeConfig test_config(std::uint8_t host, std::uint64_t nonce,
                                                  std::uint32_t buckets = 64);

}  // namespace covey::test
