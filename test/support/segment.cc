// SPDX-License-Identifier: BSD-3-Clause
#include "support/segment.h"

#include <algorithm>
#include <variant>

#include "base/assert.h"

namespace covey::test {

using base::HostId;
using base::TimePoint;
using bucket::Bitmap;

std::uint64_t Chance::next() {
  state_ += 0x9e3779b97f4a7c15U;
  std::uint64_t z = state_;
  z = (z ^ (z >> 30U)) * 0xbf58476d1ce4e5b9U;
  z = (z ^ (z >> 27U)) * 0x94d049bb133111ebU;
  return z ^ (z >> 31U);
}

convergence::NodeConfig test_config(std::uint8_t host, std::uint64_t nonce, std::uint32_t buckets) {
  convergence::NodeConfig config;
  config.self = HostId{host};
  config.host_name = std::string("h").append(std::to_string(host));
  config.cluster_id = 77;
  config.nonce = nonce;
  config.config_digest = 0xc0ffee;
  config.timing.interval = std::chrono::milliseconds(100);
  config.timing.tolerance = 3;
  config.map_key = {.k0 = 1, .k1 = 2};
  config.classes = {
      {.buckets = 1, .weight = 0, .priority = host},
      {.buckets = buckets, .weight = 100, .priority = 0},
      {.buckets = 1, .weight = 0, .priority = static_cast<std::uint16_t>(100 - host)},
  };
  return config;
}

const Segment::Machine* Segment::find(std::uint8_t slot) const {
  const auto found = machines_.find(slot);
  return found == machines_.end() ? nullptr : &found->second;
}

Segment::Machine& Segment::machine(std::uint8_t slot) {
  const auto found = machines_.find(slot);
  COVEY_ASSERT(found != machines_.end());
  return found->second;
}

void Segment::boot(const convergence::NodeConfig& config) {
  boot_slot(config.self.value, config);
}

void Segment::boot_namesake(std::uint8_t slot, const convergence::NodeConfig& config) {
  boot_slot(slot, config);
}

void Segment::boot_slot(std::uint8_t slot, const convergence::NodeConfig& config) {
  COVEY_ASSERT(machines_.count(slot) == 0);
  Machine& fresh = machines_[slot];
  fresh.config = config;
  fresh.node = std::make_unique<convergence::Node>(config, now_);
  fresh.boot = ++boots_;
  for (const convergence::ClassConfig& map_class : config.classes) {
    fresh.current.own.emplace_back(map_class.buckets);
  }
  fresh.census_due = now_ + config.timing.interval / 2;
}

void Segment::crash(HostId host) {
  machines_.erase(host.value);
}

void Segment::stall_control(HostId host, base::Duration span) {
  Machine& m = machine(host.value);
  m.control_stalled_until = std::max(m.control_stalled_until, now_ + span);
}

void Segment::stall_host(HostId host, base::Duration span) {
  stall_control(host, span);
  Machine& m = machine(host.value);
  m.host_stalled_until = std::max(m.host_stalled_until, now_ + span);
}

void Segment::command(HostId host, const convergence::OperatorCommand& command) {
  step(host.value, command);
}

void Segment::set_flows(HostId host, base::BucketIndex bucket, std::uint32_t flows) {
  std::map<std::uint32_t, std::uint32_t>& held = machine(host.value).flows;
  if (flows == 0) {
    held.erase(bucket.value);
  } else {
    held[bucket.value] = flows;
  }
}

void Segment::cut(HostId from, HostId to, bool cut) {
  if (cut) {
    cut_[from.value].insert(to);
  } else {
    cut_[from.value].erase(to);
  }
}

bool Segment::is_stalled(HostId host) const {
  const Machine* m = find(host.value);
  return m != nullptr && now_ < m->control_stalled_until;
}

bool Segment::is_serving(HostId host) const {
  const Machine* m = find(host.value);
  return m != nullptr && m->current.table.serving;
}

const convergence::Node& Segment::node(HostId host) const {
  return *find(host.value)->node;
}
const bucket::BucketTable& Segment::table(HostId host) const {
  return find(host.value)->current.table;
}
const convergence::NodeConfig& Segment::config(HostId host) const {
  return find(host.value)->config;
}

TimePoint Segment::wakeup(const Machine& m) const {
  return std::max(std::min(m.node->next_wakeup(), m.census_due), m.control_stalled_until);
}

void Segment::run_for(base::Duration span) {
  const TimePoint end = now_ + span;
  while (true) {
    TimePoint next = TimePoint::never();
    std::uint8_t slot = 0;
    for (const auto& [candidate, m] : machines_) {
      const TimePoint due = wakeup(m);
      if (due < next) {
        next = due;
        slot = candidate;
      }
    }
    const bool event_first = !events_.empty() && events_.begin()->first.first <= next.ns;
    if (event_first) next = TimePoint{events_.begin()->first.first};
    if (next > end) break;
    now_ = std::max(now_, next);
    if (event_first) {
      const Event event = events_.extract(events_.begin()).mapped();
      handle(event);
    } else {
      wake(slot);
    }
    check_one_owner();
  }
  now_ = end;
}

void Segment::handle(const Event& event) {
  const auto found = machines_.find(event.slot);
  if (found == machines_.end() || found->second.boot != event.boot) return;
  Machine& m = found->second;
  if (event.message == nullptr) {
    finish_install(event.slot, event.install_id);
  } else if (now_ < m.control_stalled_until) {
    m.inbox.push_back(event.message);
  } else {
    step(event.slot, convergence::HeartbeatReceived{*event.message});
  }
}

/// The shell's turn after waiting or stalling: everything received first, the timer last.
void Segment::wake(std::uint8_t slot) {
  Machine& m = machine(slot);
  for (const auto& message : std::exchange(m.inbox, {})) {
    step(slot, convergence::HeartbeatReceived{*message});
  }
  for (const std::uint32_t id : std::exchange(m.installed, {})) {
    step(slot, convergence::MapInstalled{.install_id = id, .residual = residual(m)});
  }
  if (now_ >= m.census_due) {
    m.census_due = now_ + m.config.timing.interval / 2;
    std::uint64_t flows = 0;
    for (const auto& [bucket, count] : m.flows)
      flows += count;
    step(slot, convergence::FlowCensus{.residual = residual(m), .flows = flows});
  }
  if (now_ >= m.node->next_wakeup()) step(slot, convergence::TimerFired{});
}

void Segment::step(std::uint8_t slot, const convergence::Input& input) {
  Machine& m = machine(slot);
  convergence::Effects effects;
  m.node->step(now_, input, effects);
  for (const convergence::Effect& effect : effects)
    carry_out(slot, effect);
  m.node->check_invariants();
}

void Segment::carry_out(std::uint8_t slot, const convergence::Effect& effect) {
  Machine& m = machine(slot);
  if (observer_) observer_(now_, m.config.self, effect);
  if (const auto* sent = std::get_if<convergence::SendHeartbeat>(&effect)) {
    watch(m, sent->message);
    broadcast(slot, sent->message);
  } else if (const auto* map = std::get_if<convergence::InstallMap>(&effect)) {
    install(slot, *map);
  } else if (const auto* lease = std::get_if<convergence::PublishLease>(&effect)) {
    m.lease = lease->valid_until;
  } else if (const auto* raised = std::get_if<convergence::RaiseEvent>(&effect)) {
    if (raised->event.kind == convergence::EventKind::converged) ++commits_;
  }
}

void Segment::broadcast(std::uint8_t slot, const heartbeat::Message& message) {
  ++messages_;
  const auto shared = std::make_shared<const heartbeat::Message>(message);
  for (const auto& [to, m] : machines_) {
    if (to == slot || cut_[message.host.value].contains(m.config.self)) continue;
    const int copies = chance_.per_mille(options_.duplicate_per_mille) ? 2 : 1;
    for (int copy = 0; copy < copies; ++copy) {
      if (chance_.per_mille(options_.loss_per_mille)) continue;
      const auto spread =
          static_cast<std::uint64_t>((options_.most_delay - options_.least_delay).count() + 1);
      const TimePoint at = now_ + options_.least_delay +
                           base::Duration(static_cast<std::int64_t>(chance_.below(spread)));
      events_.emplace(Key{at.ns, next_order_++},
                      Event{.slot = to, .boot = m.boot, .message = shared, .install_id = 0});
    }
  }
}

/// S4 (one map per generation and view) and the outer half of S7 (generations never fall).
void Segment::watch(Machine& m, const heartbeat::Message& message) {
  std::uint32_t& highest = m.highest_generation[message.nonce];
  if (message.generation < highest) complain("a generation fell");
  highest = std::max(highest, message.generation);
  if (message.phase != heartbeat::Phase::stable) return;
  const auto [known, fresh] =
      maps_.emplace(std::pair(message.generation, message.view_digest), message.map_digest);
  if (!fresh && known->second != message.map_digest) complain("two maps for one generation");
}

void Segment::install(std::uint8_t slot, const convergence::InstallMap& map) {
  Machine& m = machine(slot);
  Table next{.table = map.table, .own = {}};
  for (const bucket::ClassTable& map_class : map.table.classes) {
    Bitmap own(map_class.mask + 1);
    for (std::uint32_t b = 0; b < own.size(); ++b) {
      if (bucket::takes_new_flows(map_class.states[b])) own.set(base::BucketIndex{b});
    }
    next.own.push_back(std::move(own));
  }
  m.previous = std::exchange(m.current, std::move(next));
  m.previous_install = map.install_id;
  const TimePoint at = now_ + options_.install_delay;
  events_.emplace(
      Key{at.ns, next_order_++},
      Event{.slot = slot, .boot = m.boot, .message = nullptr, .install_id = map.install_id});
}

void Segment::finish_install(std::uint8_t slot, std::uint32_t install_id) {
  Machine& m = machine(slot);
  if (m.previous_install == install_id) m.previous.reset();
  if (now_ < m.control_stalled_until) {
    m.installed.push_back(install_id);
    return;
  }
  step(slot, convergence::MapInstalled{.install_id = install_id, .residual = residual(m)});
}

bool Segment::takes_flows(const Machine& m) const {
  return now_ < m.lease && now_ >= m.host_stalled_until;
}

std::vector<Bitmap> Segment::accepted(const Machine& m) const {
  std::vector<Bitmap> result;
  for (const Bitmap& own : m.current.own)
    result.emplace_back(own.size());
  if (!takes_flows(m)) return result;
  const auto add = [&](const Table& table) {
    if (!table.table.serving) return;
    for (std::size_t c = 0; c < result.size(); ++c) {
      table.own[c].for_each([&](base::BucketIndex b) { result[c].set(b); });
    }
  };
  add(m.current);
  if (m.previous) add(*m.previous);
  return result;
}

Bitmap Segment::residual(const Machine& m) const {
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
  for (const auto& [slot, m] : machines_) {
    const std::vector<Bitmap> own = accepted(m);
    if (map_class.value >= own.size() || !own[map_class.value].test(bucket)) continue;
    if (!owner.is_nobody()) return base::kNobody;
    owner = m.config.self;
  }
  return owner;
}

std::uint32_t Segment::owned_buckets(base::ClassIndex map_class) const {
  const std::uint32_t buckets = machines_.begin()->second.config.classes[map_class.value].buckets;
  std::uint32_t owned = 0;
  for (std::uint32_t b = 0; b < buckets; ++b) {
    if (!owner(map_class, base::BucketIndex{b}).is_nobody()) ++owned;
  }
  return owned;
}

std::uint32_t Segment::buckets_of(HostId host, base::ClassIndex map_class) const {
  return accepted(*find(host.value))[map_class.value].count();
}

/// S1: no bucket has two hosts that would take a new flow of it.
void Segment::check_one_owner() {
  std::vector<std::vector<std::uint64_t>> taken;
  for (const auto& [slot, m] : machines_) {
    if (!takes_flows(m)) continue;
    const std::vector<Bitmap> own = accepted(m);
    taken.resize(std::max(taken.size(), own.size()));
    for (std::size_t c = 0; c < own.size(); ++c) {
      const std::vector<std::uint64_t>& words = own[c].words();
      taken[c].resize(std::max(taken[c].size(), words.size()));
      for (std::size_t w = 0; w < words.size(); ++w) {
        if ((taken[c][w] & words[w]) != 0) {
          complain("two owners in class " + std::to_string(c) + ", one is host " +
                   std::to_string(m.config.self.value));
          return;
        }
        taken[c][w] |= words[w];
      }
    }
  }
}

void Segment::complain(const std::string& what) {
  constexpr std::size_t kEnough = 20;
  if (violations_.size() >= kEnough) return;
  violations_.push_back("at " + std::to_string(now_.ns / 1000) + " us: " + what);
}

}  // namespace covey::test
