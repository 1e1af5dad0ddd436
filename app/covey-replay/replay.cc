// SPDX-License-Identifier: BSD-3-Clause
#include "replay.h"

#include <utility>
#include <vector>

#include "convergence/cluster_map.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace covey::app {

namespace {

constexpr std::uint64_t kSeed = 1;               // nobody attacks a replay
constexpr std::uint32_t kExpiryPerFrame = 1024;  // entries

/// Other hosts are taken to have the weights of this one; ranks follow from ids, as by default.
convergence::Statement statement_of(base::HostId host, const forwarding::Policy& policy) {
  const bool is_self = host == policy.settings().self;
  convergence::Statement statement;
  for (const forwarding::ClassShare& share :
       forwarding::class_shares(policy.settings(), policy.classes())) {
    const std::uint16_t rank = is_self ? share.priority : host.value;
    statement.classes.push_back({.weight = share.weight, .priority = rank});
  }
  for (const std::uint32_t buckets : policy.classes().class_sizes)
    statement.claims.emplace_back(buckets);
  return statement;
}

bucket::BucketTable table_of(const forwarding::Policy& policy, const bucket::SipKey& map_key,
                             base::HostSet hosts) {
  const std::vector<std::uint32_t>& sizes = policy.classes().class_sizes;
  std::vector<convergence::Statement> statements;
  std::vector<convergence::MemberStatement> members;
  statements.reserve(base::kMaxHosts);
  hosts.for_each([&](base::HostId host) {
    statements.push_back(statement_of(host, policy));
    members.push_back({host, &statements.back()});
  });
  const convergence::ClusterMap map = convergence::compute_map(map_key, sizes, members);
  bucket::BucketTable table;
  table.serving = true;
  for (const std::vector<base::HostId>& owners : map.owners) {
    std::vector<bucket::BucketState> states;
    for (const base::HostId owner : owners) {
      states.push_back(owner == policy.settings().self ? bucket::BucketState::own
                                                       : bucket::BucketState::foreign);
    }
    table.classes.add(std::move(states), owners);
  }
  return table;
}

forwarding::Snapshot snapshot_of(const config::Config& config, const heartbeat::DerivedKeys& keys,
                                 base::HostSet hosts) {
  // Whatever address the local stack would have: nothing is delivered.
  auto policy = std::make_shared<const forwarding::Policy>(
      config.forwarding, bucket::SipKey::from(keys.bucket_hash), base::MacAddress{});
  bucket::BucketTable table = table_of(*policy, bucket::SipKey::from(keys.map_score), hosts);
  return {std::move(policy), std::move(table)};
}

}  // namespace

Replay::Replay(const config::Config& config, const heartbeat::DerivedKeys& keys,
               base::HostSet hosts)
    : snapshot_(snapshot_of(config, keys, hosts)),
      flows_(config.flows, snapshot_.policy->classes().class_sizes, kSeed),
      fragments_(kSeed) {}

Judged Replay::judge(std::span<const std::uint8_t> frame, base::TimePoint now) {
  flows_.expire(now, kExpiryPerFrame);
  static_cast<void>(fragments_.expire(now));
  const packet::FrameView view = packet::parse(frame);
  const forwarding::Surroundings around{snapshot_, flows_, true, &fragments_};
  Judged judged;
  judged.was_sent = frame.size() >= packet::kEthernetHeader &&
                    packet::comes_from(frame, snapshot_.policy->host_mac());
  forwarding::Decision decision;
  if (judged.was_sent) {
    decision = forwarding::decide_egress(frame, view, around);
    forwarding::note_sent(view, decision, flows_, now);
  } else {
    decision = forwarding::decide(frame, view, around);
    forwarding::note_received(view, decision, flows_, now);
    fragments_.learn(view, decision, now);
  }
  judged.explanation =
      forwarding::explain(decision, judged.was_sent ? view.key.reversed() : view.key, snapshot_);
  return judged;
}

}  // namespace covey::app
