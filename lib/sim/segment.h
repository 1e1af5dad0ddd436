// SPDX-License-Identifier: BSD-3-Clause
// Segment: several real convergence nodes on one simulated layer-2 segment, in virtual time.
//
// Owner: sim. Thread: any, one at a time. Deterministic: the same calls and the same seed give the
// same run. It keeps the shell's contract (received messages before TimerFired, MapInstalled after
// a delay in which workers may follow either table) and models what workers accept, so that "one
// owner per bucket" is checked whenever anything changes and not at the end. Hosts may crash,
// restart, stall (control thread alone, or the whole host) and have clocks that run fast or slow;
// links may lose, delay, reorder and repeat messages, or be cut. It makes no faults of its own.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "convergence/node.h"
#include "sim/chance.h"
#include "sim/links.h"
#include "sim/machine.h"
#include "sim/promises.h"

namespace covey::sim {

/// Shells that do not keep their contract: they show that the checks can fail.
enum class Breakage : std::uint8_t {
  none,
  workers_ignore_lease,  // take new flows without asking for the lease
  confirms_too_early,    // says "installed" while workers still follow the old table
  timer_before_inbox,    // judges silence before taking in what has arrived
};

struct SegmentOptions {
  std::uint64_t seed = 1;
  base::Duration least_delay = std::chrono::microseconds(100);
  base::Duration most_delay = std::chrono::microseconds(300);
  base::Duration install_delay = std::chrono::microseconds(200);
  unsigned loss_per_mille = 0;
  unsigned duplicate_per_mille = 0;
  unsigned straggler_per_mille = 0;  // messages that later ones overtake ...
  base::Duration straggler_delay{};  // ... within this span
  Breakage breakage = Breakage::none;
};

class Segment {
 public:
  using Observer = std::function<void(base::TimePoint, base::HostId, const convergence::Effect&)>;

  explicit Segment(SegmentOptions options);

  /// Powers a host up with this configuration; the id may have been used and crashed before.
  void boot(const convergence::NodeConfig& config, Clock clock = {});
  /// A second machine with an id that is taken; `slot` (above 64) tells it apart.
  void boot_namesake(Slot slot, const convergence::NodeConfig& config, Clock clock = {});
  void crash(base::HostId host) { remove(host.value); }
  /// The process alone dies: the parent says its last words, unless the whole host is asleep.
  void die(base::HostId host);
  void remove(Slot slot);
  void stall_control(base::HostId host, base::Duration span);
  void stall_host(base::HostId host, base::Duration span);
  void command(base::HostId host, const convergence::OperatorCommand& command);
  void gateway(base::HostId host, bool answers);
  void stage(base::HostId host, const convergence::Configuration& configuration);
  void set_flows(base::HostId host, base::BucketIndex bucket, std::uint32_t flows);
  void clear_flows(base::HostId host);
  /// Messages from `from` no longer reach `to` (or do again). Cuts add up.
  void cut(base::HostId from, base::HostId to, bool cut = true);
  void mend_all_links();
  /// Until then no two hosts count as connected, whatever the links say.
  void disturb_until(base::TimePoint end);
  [[nodiscard]] SegmentOptions& options() { return options_; }

  void run_for(base::Duration span);
  [[nodiscard]] base::TimePoint now() const { return now_; }
  [[nodiscard]] bool is_up(base::HostId host) const { return is_present(host.value); }
  [[nodiscard]] bool is_present(Slot slot) const { return machines_[slot] != nullptr; }
  [[nodiscard]] bool is_stalled(base::HostId host) const;
  [[nodiscard]] bool is_serving(base::HostId host) const;
  [[nodiscard]] const convergence::Node& node(base::HostId host) const;
  [[nodiscard]] convergence::Status status(base::HostId host) const;
  [[nodiscard]] const bucket::BucketTable& table(base::HostId host) const;
  [[nodiscard]] const convergence::NodeConfig& config(base::HostId host) const;

  /// Who would take a new flow of the bucket now; nobody if none or more than one would. Here and
  /// below classes go by their identity, which is the index in the first configuration.
  [[nodiscard]] base::HostId owner(base::ClassIndex map_class, base::BucketIndex bucket) const;
  /// Buckets of the class for which exactly one host takes new flows.
  [[nodiscard]] std::uint32_t owned_buckets(base::ClassIndex map_class) const;
  [[nodiscard]] std::uint32_t buckets_of(base::HostId host, base::ClassIndex map_class) const;

  void observe(Observer observer) { observer_ = std::move(observer); }
  /// Called whenever what workers accept may have changed, after the promises were checked.
  void observe_owners(std::function<void()> observer) { owners_observer_ = std::move(observer); }
  [[nodiscard]] const std::vector<Machine*>& machines() const { return live_; }
  /// What went wrong so far, in words; empty while all promises were kept.
  [[nodiscard]] const std::vector<std::string>& violations() const {
    return promises_.violations();
  }
  void complain(const std::string& what) { promises_.complain(now_, what); }
  [[nodiscard]] std::uint64_t messages() const { return messages_; }
  [[nodiscard]] std::uint64_t steps() const { return steps_; }
  [[nodiscard]] std::uint64_t commits() const { return commits_; }
  [[nodiscard]] std::uint64_t moved_buckets() const { return promises_.moved_buckets(); }

 private:
  struct Event {
    std::int64_t at = 0;
    std::uint64_t order = 0;  // of making
    Slot slot = 0;
    std::uint64_t boot = 0;
    std::shared_ptr<const convergence::Input> message{};  // or else an install
    std::uint32_t install_id = 0;
    bool workers_follow = true;
  };

  [[nodiscard]] const Machine& machine(Slot slot) const;
  [[nodiscard]] Machine& machine(Slot slot);
  void boot_slot(Slot slot, const convergence::NodeConfig& config, Clock clock);
  void push(Event event);
  Event pop();
  void rearm(Machine& machine) const;
  void handle(const Event& event);
  void wake(Machine& machine);
  void take_inbox(Machine& machine);
  void tell_gateway(Machine& machine);
  void step(Machine& machine, const convergence::Input& input);
  void carry_out(Machine& machine, const convergence::Effect& effect);
  void broadcast(Machine& machine, const heartbeat::Message& message);
  [[nodiscard]] base::Duration transit();
  void install(Machine& machine, const convergence::InstallMap& map);
  void finish_install(Machine& machine, std::uint32_t install_id, bool workers_follow);
  void publish(Machine& machine, base::TimePoint until);
  [[nodiscard]] bool takes_flows(const Machine& machine) const;
  void audit();
  void note_accepted(Machine& machine);
  [[nodiscard]] static bucket::Bitmap residual(const Machine& machine);

  SegmentOptions options_;
  Chance chance_;
  base::TimePoint now_{};
  std::uint64_t next_order_ = 0;
  std::uint64_t boots_ = 0;
  std::uint64_t messages_ = 0;
  std::uint64_t steps_ = 0;
  std::uint64_t commits_ = 0;
  std::array<std::unique_ptr<Machine>, kSlots> machines_;
  std::vector<Machine*> live_;  // by slot
  std::vector<Event> events_;   // a heap, the next one in front
  Links links_;
  Promises promises_;
  bool changed_ = false;  // what workers accept
  base::TimePoint audit_due_ = base::TimePoint::never();
  convergence::Effects effects_;
  Observer observer_;
  std::function<void()> owners_observer_;
};

}  // namespace covey::sim
