// SPDX-License-Identifier: BSD-3-Clause
#include "rehearsal.h"

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <tuple>
#include <utility>

#include "base/assert.h"
#include "heartbeat/fragment.h"
#include "support/frames.h"

namespace covey::bench {

using base::HostId;
using base::TimePoint;

namespace {

constexpr base::Duration kTransit = std::chrono::microseconds(100);
constexpr base::Duration kInstallDelay = std::chrono::microseconds(200);
constexpr std::uint16_t kFirstPort = 1000;

std::vector<heartbeat::HeldKey> marks_of(const heartbeat::DerivedKeys& keys) {
  std::vector<heartbeat::HeldKey> marks;
  for (const heartbeat::SealKey& key : keys.seals)
    marks.push_back(key.held);
  return marks;
}

convergence::NodeConfig node_config(const ClusterShape& shape, const heartbeat::DerivedKeys& keys,
                                    HostId self, std::uint64_t nonce) {
  app::Setup setup = setup_of(shape, self);
  convergence::NodeConfig config;
  config.self = self;
  config.host_name = "web" + std::to_string(self.value);
  config.cluster_id = keys.cluster_id;
  config.nonce = nonce;
  config.config_digest = setup.configuration.digest;
  config.shared_settings = std::move(setup.configuration.shared_settings);
  config.timing = setup.config->timing;
  config.map_key = bucket::SipKey::from(keys.map_score);
  config.classes = std::move(setup.configuration.classes);
  return config;
}

}  // namespace

heartbeat::DerivedKeys cluster_keys() {
  heartbeat::ClusterKey key;
  key.fill(0x5a);
  const auto keys = heartbeat::derive_keys(key, "bench");
  COVEY_ASSERT(keys.has_value());
  return *keys;
}

app::Setup setup_of(const ClusterShape& shape, HostId self) {
  config::Config config;
  config.cluster_name = "bench";
  config.forwarding.self = self;
  config.forwarding.virtual_ips = {{test::ip("10.77.0.50"), 24}};
  config.forwarding.buckets = shape.buckets;
  for (unsigned rule = 0; rule < shape.rules; ++rule) {
    const auto port = static_cast<std::uint16_t>(kFirstPort + rule);
    forwarding::PortRule made;
    made.name = "rule" + std::to_string(rule);
    made.protocol = forwarding::RuleProtocol::tcp;
    made.ports = {{port, port}};
    config.forwarding.rules.push_back(std::move(made));
  }
  return app::make_setup(std::move(config), {.k0 = 1, .k1 = 2});
}

// ---- the watched host ----

Shell::Shell(const ClusterShape& shape, const heartbeat::DerivedKeys& keys)
    : cluster_id_(keys.cluster_id),
      held_keys_(marks_of(keys)),
      codec_(keys),
      node_(node_config(shape, keys, kWatched, kWatched.value), TimePoint{}) {}

Outcome Shell::take(const Taken& taken) {
  Outcome outcome;
  if (const auto* payload = std::get_if<Payload>(&taken.what)) {
    open(taken.when, *payload, outcome);
  } else {
    step(taken.when, std::get<convergence::Input>(taken.what), outcome);
  }
  return outcome;
}

void Shell::open(TimePoint now, const Payload& payload, Outcome& outcome) {
  const auto said = heartbeat::peek(cluster_id_, payload);
  COVEY_ASSERT(said.has_value());
  if (gate_.judge(*said, now) != heartbeat::Gate::Verdict::check) return;
  heartbeat::Opened opened = codec_.open(payload);
  if (opened.status != heartbeat::OpenStatus::complete) return;
  const auto [host, nonce, sequence] =
      std::tuple(opened.message.host, opened.message.nonce, opened.message.sequence);
  step(now, convergence::HeartbeatReceived{std::move(opened.message)}, outcome);
  gate_.bind(host, node_.incarnation_of(host));
  gate_.opened(host, nonce, sequence);
}

void Shell::step(TimePoint now, const convergence::Input& input, Outcome& outcome) {
  convergence::Effects effects;
  node_.step(now, input, effects);
  for (convergence::Effect& effect : effects) {
    if (auto* sent = std::get_if<convergence::SendHeartbeat>(&effect)) send(sent->message, outcome);
    if (auto* map = std::get_if<convergence::InstallMap>(&effect))
      outcome.install = std::move(*map);
    if (const auto* raised = std::get_if<convergence::RaiseEvent>(&effect)) {
      using convergence::EventKind;
      outcome.began = outcome.began || raised->event.kind == EventKind::converging;
      outcome.committed = outcome.committed || raised->event.kind == EventKind::converged;
    }
  }
}

void Shell::send(heartbeat::Message& message, Outcome& outcome) {
  message.keys = held_keys_;
  auto payloads = codec_.seal(message);
  COVEY_ASSERT(payloads.has_value());
  std::move(payloads->begin(), payloads->end(), std::back_inserter(outcome.payloads));
  outcome.sent.push_back(std::move(message));
  std::optional<heartbeat::Message> words = node_.last_words();
  COVEY_ASSERT(words.has_value());
  words->keys = held_keys_;
  const auto kept = codec_.seal(*words);  // for the parent
  COVEY_ASSERT(kept.has_value());
}

// ---- all of them ----

Rehearsal::Rehearsal(const ClusterShape& shape)
    : shape_(shape),
      no_flows_(shape.buckets),
      keys_(cluster_keys()),
      codec_(keys_),
      shell_(shape, keys_) {
  census_due_[kWatched] = now_;
  for (unsigned id = kWatched.value + 1; id <= shape.hosts; ++id)
    boot(HostId{static_cast<std::uint8_t>(id)});
}

void Rehearsal::boot(HostId host) {
  COVEY_ASSERT(host != kWatched);
  others_[host] = std::make_unique<convergence::Node>(
      node_config(shape_, keys_, host, (boots_++ << 8U) + host.value), now_);
  census_due_[host] = now_;
}

void Rehearsal::remove(HostId host) {
  others_.erase(host);
  census_due_.erase(host);
}

bool Rehearsal::is_settled() const {
  const base::TimePoint now = now_;
  const auto settled = [&](const convergence::Node& node) {
    return node.status(now).converged && node.map_digest() == watched().map_digest();
  };
  return settled(watched()) &&
         std::ranges::all_of(others_, [&](const auto& other) { return settled(*other.second); });
}

TimePoint Rehearsal::wakes_at(HostId host) const {
  const convergence::Node& node = host == kWatched ? watched() : *others_.at(host);
  return std::max(now_, std::min(node.next_wakeup(), census_due_.at(host)));
}

void Rehearsal::run_for(base::Duration span) {
  const TimePoint end = now_ + span;
  while (true) {
    HostId next_host = kWatched;
    TimePoint next = wakes_at(kWatched);
    for (const auto& [host, node] : others_) {
      if (wakes_at(host) < next) std::tie(next, next_host) = std::tuple(wakes_at(host), host);
    }
    // What has come in is taken in before any timer.
    const bool is_delivery = !deliveries_.empty() && deliveries_.front().at <= next;
    if (is_delivery) next = deliveries_.front().at;
    const bool is_install = !installs_.empty() && installs_.front().at < next;
    if (is_install) next = installs_.front().at;
    if (next > end) break;
    now_ = next;
    if (is_install) {
      const Install install = installs_.front();
      installs_.pop_front();
      if (census_due_.contains(install.host))
        step(install.host, convergence::MapInstalled{install.id, no_flows_});
    } else if (is_delivery) {
      const Delivery delivery = std::move(deliveries_.front());
      deliveries_.pop_front();
      deliver(delivery);
    } else {
      wake(next_host);
    }
  }
  now_ = end;
}

void Rehearsal::wake(HostId host) {
  if (now_ < census_due_[host]) return step(host, convergence::TimerFired{});
  census_due_[host] = now_ + convergence::Timing{}.interval / 2;
  step(host, convergence::FlowCensus{.residual = no_flows_});
}

void Rehearsal::deliver(const Delivery& delivery) {
  if (delivery.from != kWatched) {
    for (const Payload& payload : delivery.payloads)
      step_watched(payload);
  }
  for (auto& [host, node] : others_) {
    if (host != delivery.from) step(host, convergence::HeartbeatReceived{delivery.message});
  }
}

void Rehearsal::step(HostId host, const convergence::Input& input) {
  if (host == kWatched) return step_watched(input);
  convergence::Effects effects;
  others_.at(host)->step(now_, input, effects);
  for (convergence::Effect& effect : effects) {
    if (const auto* map = std::get_if<convergence::InstallMap>(&effect))
      installs_.push_back({now_ + kInstallDelay, host, map->install_id});
    auto* sent = std::get_if<convergence::SendHeartbeat>(&effect);
    if (sent == nullptr) continue;
    sent->message.keys = marks_of(keys_);
    auto payloads = codec_.seal(sent->message);
    COVEY_ASSERT(payloads.has_value());
    send(host, std::move(sent->message), std::move(*payloads));
  }
}

void Rehearsal::step_watched(std::variant<Payload, convergence::Input> what) {
  record_.push_back({now_, std::move(what)});
  Outcome outcome = shell_.take(record_.back());
  if (outcome.install)
    installs_.push_back({now_ + kInstallDelay, kWatched, outcome.install->install_id});
  for (heartbeat::Message& message : outcome.sent)
    send(kWatched, std::move(message), {});
}

void Rehearsal::send(HostId from, heartbeat::Message message, std::vector<Payload> payloads) {
  deliveries_.push_back({now_ + kTransit, from, std::move(message), std::move(payloads)});
}

}  // namespace covey::bench
