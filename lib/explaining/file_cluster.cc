// SPDX-License-Identifier: BSD-3-Clause
#include "explaining/file_cluster.h"

#include <memory>
#include <utility>
#include <vector>

#include "control/key_file.h"

namespace covey::explaining {
namespace {

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

/// What the hosts state, and whose statement it is.
struct Statements {
  std::vector<convergence::Statement> kept;
  std::vector<convergence::MemberStatement> members;
};

Statements statements_of(const forwarding::Policy& policy, base::HostSet hosts) {
  Statements statements;
  statements.kept.reserve(base::kMaxHosts);
  hosts.for_each([&](base::HostId host) {
    statements.kept.push_back(statement_of(host, policy));
    statements.members.push_back({host, &statements.kept.back()});
  });
  return statements;
}

bucket::BucketTable table_of(const convergence::ClusterMap& map, base::HostId self) {
  bucket::BucketTable table;
  table.serving = true;
  for (const std::vector<base::HostId>& owners : map.owners) {
    std::vector<bucket::BucketState> states;
    for (const base::HostId owner : owners) {
      states.push_back(owner == self ? bucket::BucketState::own : bucket::BucketState::foreign);
    }
    table.classes.add(std::move(states), owners);
  }
  return table;
}

}  // namespace

base::Result<heartbeat::DerivedKeys> keys_of(const config::Config& config, bool without_key) {
  if (without_key) return heartbeat::derive_keys(heartbeat::ClusterKey{}, config.cluster_name);
  const auto ring = control::read_key_file(config.key_file);
  if (!ring) {
    return base::fail(ring.error().code, ring.error().context +
                                             " (--no-key does without, but then the bucket is not "
                                             "the true one)");
  }
  return heartbeat::derive_keys(*ring, config.cluster_name);
}

FileCluster cluster_of(const config::Config& config, const heartbeat::DerivedKeys& keys,
                       base::HostSet hosts) {
  // Whatever address the local stack would have: nothing is delivered.
  auto policy = std::make_shared<const forwarding::Policy>(
      config.forwarding, bucket::SipKey::from(keys.bucket_hash), base::MacAddress{});
  convergence::ClusterMap map =
      convergence::compute_map(bucket::SipKey::from(keys.map_score), policy->classes().class_sizes,
                               statements_of(*policy, hosts).members);
  bucket::BucketTable table = table_of(map, config.forwarding.self);
  return {{std::move(policy), std::move(table)}, std::move(map)};
}

convergence::ClusterMap map_without(base::HostId gone, const FileCluster& cluster,
                                    const heartbeat::DerivedKeys& keys, base::HostSet hosts) {
  return convergence::map_without(gone, bucket::SipKey::from(keys.map_score), cluster.map,
                                  statements_of(*cluster.snapshot.policy, hosts).members);
}

}  // namespace covey::explaining
