// SPDX-License-Identifier: BSD-3-Clause
#include "sim/segment.h"

#include <algorithm>
#include <tuple>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "sim/cluster.h"

namespace covey::sim {

using base::HostId;
using base::TimePoint;
using bucket::Bitmap;
using convergence::Input;

Segment::Segment(SegmentOptions options) : options_(options), chance_(options.seed) {}

const Machine& Segment::machine(Slot slot) const {
  COVEY_ASSERT(machines_[slot] != nullptr);
  return *machines_[slot];
}

Machine& Segment::machine(Slot slot) {
  COVEY_ASSERT(machines_[slot] != nullptr);
  return *machines_[slot];
}

void Segment::boot(const convergence::NodeConfig& config, Clock clock) {
  boot_slot(config.self.value, config, clock);
}

void Segment::boot_namesake(Slot slot, const convergence::NodeConfig& config, Clock clock) {
  COVEY_ASSERT(slot > base::kMaxHosts);
  boot_slot(slot, config, clock);
}

void Segment::boot_slot(Slot slot, const convergence::NodeConfig& config, Clock clock) {
  COVEY_ASSERT(machines_[slot] == nullptr);
  machines_[slot] = std::make_unique<Machine>();
  Machine& fresh = *machines_[slot];
  fresh.slot = slot;
  fresh.config = config;
  fresh.clock = clock;
  fresh.node = std::make_unique<convergence::Node>(config, clock.local(now_));
  fresh.boot = ++boots_;
  fresh.booted_at = now_;
  for (const convergence::ClassConfig& map_class : config.classes) {
    fresh.current.own.emplace_back(map_class.buckets);
    fresh.current.identities.push_back(map_class.identity);
  }
  fresh.accepted.resize(kIdentities);
  fresh.census_due = now_ + config.timing.interval / 2;
  rearm(fresh);
  const auto after = std::upper_bound(live_.begin(), live_.end(), slot,
                                      [](Slot s, const Machine* m) { return s < m->slot; });
  live_.insert(after, &fresh);
  audit();
}

void Segment::die(HostId host) {
  Machine& m = machine(host.value);
  const auto words = m.node->last_words();
  if (words && now_ >= m.host_stalled_until) broadcast(m, *words);
  crash(host);
}

void Segment::remove(Slot slot) {
  std::erase(live_, machines_[slot].get());
  machines_[slot].reset();
  audit();
}

void Segment::stall_control(HostId host, base::Duration span) {
  Machine& m = machine(host.value);
  m.control_stalled_until = std::max(m.control_stalled_until, now_ + span);
  links_.sleep(m.slot, now_ - patience(m.config.timing), m.control_stalled_until);
  rearm(m);
  audit();
}

void Segment::stall_host(HostId host, base::Duration span) {
  Machine& m = machine(host.value);
  m.host_stalled_until = std::max(m.host_stalled_until, now_ + span);
  stall_control(host, span);
}

void Segment::command(HostId host, const convergence::OperatorCommand& command) {
  step(machine(host.value), command);
  audit();
}

void Segment::gateway(HostId host, bool answers) {
  Machine& m = machine(host.value);
  m.gateway_answers = answers;
  if (now_ >= m.control_stalled_until) tell_gateway(m);
  audit();
}

void Segment::stage(HostId host, const convergence::Configuration& configuration) {
  step(machine(host.value), convergence::StageConfiguration{.configuration = configuration});
  audit();
}

void Segment::set_flows(HostId host, base::BucketIndex bucket, std::uint32_t flows) {
  std::map<std::uint32_t, std::uint32_t>& held = machine(host.value).flows;
  if (flows == 0) {
    held.erase(bucket.value);
  } else {
    held[bucket.value] = flows;
  }
}

void Segment::clear_flows(HostId host) {
  machine(host.value).flows.clear();
}

void Segment::cut(HostId from, HostId to, bool cut) {
  if (cut) {
    links_.cut(from.value, to.value);
  } else {
    links_.mend(from.value, to.value, now_);
  }
  audit();
}

void Segment::mend_all_links() {
  links_.mend_all(now_);
  audit();
}

void Segment::disturb_until(TimePoint end) {
  links_.disturb_until(end);
}

bool Segment::is_stalled(HostId host) const {
  return is_up(host) && now_ < machine(host.value).control_stalled_until;
}

bool Segment::is_serving(HostId host) const {
  return is_up(host) && machine(host.value).current.table.serving;
}

const convergence::Node& Segment::node(HostId host) const {
  return *machine(host.value).node;
}
convergence::Status Segment::status(HostId host) const {
  const Machine& m = machine(host.value);
  return m.node->status(m.clock.local(now_));
}
const bucket::BucketTable& Segment::table(HostId host) const {
  return machine(host.value).current.table;
}
const convergence::NodeConfig& Segment::config(HostId host) const {
  return machine(host.value).config;
}

void Segment::push(Event event) {
  event.order = next_order_++;
  events_.push_back(std::move(event));
  std::push_heap(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
    return std::tie(a.at, a.order) > std::tie(b.at, b.order);
  });
}

Segment::Event Segment::pop() {
  std::pop_heap(events_.begin(), events_.end(), [](const Event& a, const Event& b) {
    return std::tie(a.at, a.order) > std::tie(b.at, b.order);
  });
  Event event = std::move(events_.back());
  events_.pop_back();
  return event;
}

void Segment::rearm(Machine& m) const {
  const TimePoint timer = m.clock.truth(m.node->next_wakeup());
  m.wake_at = std::max(std::min(timer, m.census_due), m.control_stalled_until);
}

void Segment::run_for(base::Duration span) {
  const TimePoint end = now_ + span;
  if (changed_) audit();
  while (true) {
    TimePoint next = TimePoint::never();
    Machine* woken = nullptr;
    for (Machine* m : live_) {
      if (m->wake_at < next) {
        next = m->wake_at;
        woken = m;
      }
    }
    const bool event_first = !events_.empty() && events_.front().at <= next.ns;
    if (event_first) next = TimePoint{events_.front().at};
    const bool audit_first = audit_due_ < next;
    if (audit_first) next = audit_due_;
    if (next > end) break;
    now_ = std::max(now_, next);
    if (audit_first) {
      audit();
      continue;
    }
    if (event_first) {
      handle(pop());
    } else {
      wake(*woken);
    }
    if (changed_) audit();
  }
  now_ = end;
}

void Segment::handle(const Event& event) {
  Machine* m = machines_[event.slot].get();
  if (m == nullptr || m->boot != event.boot) return;
  if (event.message == nullptr) {
    finish_install(*m, event.install_id, event.workers_follow);
  } else if (now_ < m->control_stalled_until) {
    m->inbox.push_back(event.message);
  } else {
    step(*m, *event.message);
  }
}

/// The shell's turn after waiting or stalling: everything received first, the timer last.
void Segment::wake(Machine& m) {
  const bool timer_first = options_.breakage == Breakage::timer_before_inbox;
  if (!timer_first) take_inbox(m);
  if (now_ >= m.census_due) {
    m.census_due = now_ + m.config.timing.interval / 2;
    std::uint64_t flows = 0;
    for (const auto& [bucket, count] : m.flows)
      flows += count;
    step(m, convergence::FlowCensus{.residual = residual(m), .flows = flows});
  }
  if (m.clock.local(now_) >= m.node->next_wakeup()) step(m, convergence::TimerFired{});
  if (timer_first) take_inbox(m);
  rearm(m);
}

void Segment::take_inbox(Machine& m) {
  for (const auto& message : std::exchange(m.inbox, {}))
    step(m, *message);
  for (const std::uint32_t id : std::exchange(m.installed, {})) {
    step(m, convergence::MapInstalled{.install_id = id, .residual = residual(m)});
  }
  tell_gateway(m);
}

void Segment::tell_gateway(Machine& m) {
  if (m.gateway_told == m.gateway_answers) return;
  m.gateway_told = m.gateway_answers;
  step(m, convergence::GatewayChanged{.answers = m.gateway_told});
}

void Segment::step(Machine& m, const Input& input) {
  ++steps_;
  effects_.clear();
  m.node->step(m.clock.local(now_), input, effects_);
  for (const convergence::Effect& effect : effects_)
    carry_out(m, effect);
  m.node->check_invariants();
  rearm(m);
}

void Segment::carry_out(Machine& m, const convergence::Effect& effect) {
  if (observer_) observer_(now_, m.config.self, effect);
  if (const auto* sent = std::get_if<convergence::SendHeartbeat>(&effect)) {
    promises_.message_sent(now_, sent->message);
    broadcast(m, sent->message);
  } else if (const auto* map = std::get_if<convergence::InstallMap>(&effect)) {
    install(m, *map);
  } else if (const auto* lease = std::get_if<convergence::PublishLease>(&effect)) {
    publish(m, m.clock.truth(lease->valid_until));
  } else if (const auto* raised = std::get_if<convergence::RaiseEvent>(&effect)) {
    if (raised->event.kind != convergence::EventKind::converged) return;
    ++commits_;
    promises_.committed(now_, m);
  }
}

void Segment::broadcast(Machine& m, const heartbeat::Message& message) {
  ++messages_;
  const auto shared =
      std::make_shared<const Input>(convergence::HeartbeatReceived{.message = message});
  for (const Machine* to : live_) {
    if (to == &m || !links_.carries(m.slot, to->slot)) continue;
    const int copies = chance_.per_mille(options_.duplicate_per_mille) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      if (chance_.per_mille(options_.loss_per_mille)) continue;
      push({.at = (now_ + transit()).ns, .slot = to->slot, .boot = to->boot, .message = shared});
    }
  }
}

base::Duration Segment::transit() {
  const auto up_to = [&](base::Duration span) {
    const auto limit = static_cast<std::uint64_t>(span.count() + 1);
    return base::Duration(static_cast<std::int64_t>(chance_.below(limit)));
  };
  base::Duration delay = options_.least_delay + up_to(options_.most_delay - options_.least_delay);
  if (options_.straggler_per_mille > 0 && chance_.per_mille(options_.straggler_per_mille)) {
    delay += up_to(options_.straggler_delay);
  }
  return delay;
}

void Segment::install(Machine& m, const convergence::InstallMap& map) {
  map.table.classes.check_invariants();
  WorkerTable next{.table = map.table, .own = {}};
  for (const bucket::ClassTable& map_class : map.table.classes) {
    Bitmap own(map_class.mask + 1);
    for (std::uint32_t b = 0; b < own.size(); ++b) {
      if (bucket::takes_new_flows(map_class.states[b])) own.set(base::BucketIndex{b});
    }
    next.own.push_back(std::move(own));
  }
  const convergence::Configuration& configuration = m.node->configuration();
  COVEY_ASSERT(configuration.digest == map.config_digest);
  for (const convergence::ClassConfig& map_class : configuration.classes)
    next.identities.push_back(map_class.identity);
  m.previous = std::exchange(m.current, std::move(next));
  m.previous_install = map.install_id;
  changed_ = true;
  push({.at = (now_ + options_.install_delay).ns,
        .slot = m.slot,
        .boot = m.boot,
        .install_id = map.install_id});
  if (options_.breakage == Breakage::confirms_too_early) {
    push({.at = now_.ns,
          .slot = m.slot,
          .boot = m.boot,
          .install_id = map.install_id,
          .workers_follow = false});
  }
}

void Segment::finish_install(Machine& m, std::uint32_t install_id, bool workers_follow) {
  if (m.previous_install == install_id && workers_follow) {
    m.previous.reset();
    changed_ = true;
  }
  if (now_ < m.control_stalled_until) {
    m.installed.push_back(install_id);
    return;
  }
  step(m, convergence::MapInstalled{.install_id = install_id, .residual = residual(m)});
}

void Segment::publish(Machine& m, TimePoint until) {
  const bool was_valid = now_ < m.lease;
  const bool is_valid = now_ < until;
  if (was_valid != is_valid) changed_ = true;
  if (until < m.lease) audit_due_ = std::min(audit_due_, std::max(until, now_));
  m.lease = until;
}

bool Segment::takes_flows(const Machine& m) const {
  const bool leased = now_ < m.lease || options_.breakage == Breakage::workers_ignore_lease;
  return leased && now_ >= m.host_stalled_until;
}

/// What every worker accepts now, and whether that keeps the promises. Sets when to look again,
/// should nothing happen: leases end, stalls end, and mended links put an end to patience.
void Segment::audit() {
  changed_ = false;
  TimePoint next = TimePoint::never();
  const auto consider = [&](TimePoint at) {
    if (at > now_) next = std::min(next, at);
  };
  for (Machine* m : live_) {
    note_accepted(*m);
    consider(m->lease);
    consider(m->host_stalled_until);
    consider(m->control_stalled_until);
  }
  consider(promises_.check_owners(now_, live_, links_));
  audit_due_ = next;
  if (owners_observer_) owners_observer_();
}

void Segment::note_accepted(Machine& m) {
  m.takes_flows = takes_flows(m) && (m.current.table.serving || m.previous);
  for (Bitmap& accepted : m.accepted)
    std::fill(accepted.words().begin(), accepted.words().end(), 0);
  if (!m.takes_flows) return;
  const auto add = [&](const WorkerTable& table) {
    if (!table.table.serving) return;
    for (std::size_t c = 0; c < table.own.size(); ++c) {
      Bitmap& accepted = m.accepted.at(table.identities[c]);
      const Bitmap& own = table.own[c];
      if (accepted.size() == 0) accepted = Bitmap(own.size());
      for (std::size_t w = 0; w < own.words().size(); ++w)
        accepted.words()[w] |= own.words()[w];
    }
  };
  add(m.current);
  if (m.previous) add(*m.previous);
}

Bitmap Segment::residual(const Machine& m) {
  std::size_t largest = 0;
  for (std::size_t c = 0; c < m.current.own.size(); ++c) {
    if (m.current.own[c].size() > m.current.own[largest].size()) largest = c;
  }
  const Bitmap& own = m.current.own[largest];
  Bitmap result(own.size());
  for (const auto& [bucket, count] : m.flows) {
    const base::BucketIndex b{bucket};
    if (!own.test(b)) result.set(b);
  }
  return result;
}

HostId Segment::owner(base::ClassIndex map_class, base::BucketIndex bucket) const {
  HostId owner = base::kNobody;
  for (const Machine* m : live_) {
    if (!m->accepted[map_class.value].test(bucket)) continue;
    if (!owner.is_nobody()) return base::kNobody;
    owner = m->config.self;
  }
  return owner;
}

std::uint32_t Segment::owned_buckets(base::ClassIndex map_class) const {
  std::uint32_t buckets = 0;
  for (const Machine* m : live_)
    buckets = std::max(buckets, m->accepted[map_class.value].size());
  std::uint32_t owned = 0;
  for (std::uint32_t b = 0; b < buckets; ++b) {
    if (!owner(map_class, base::BucketIndex{b}).is_nobody()) ++owned;
  }
  return owned;
}

std::uint32_t Segment::buckets_of(HostId host, base::ClassIndex map_class) const {
  return machine(host.value).accepted[map_class.value].count();
}

}  // namespace covey::sim
