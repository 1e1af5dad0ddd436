// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/cluster_map.h"

#include <algorithm>

#include "bucket/assignment.h"
#include "convergence/digest.h"

namespace covey::convergence {

using base::HostId;

namespace {

std::vector<HostId> elected(const std::vector<MemberStatement>& members, std::size_t map_class) {
  std::vector<bucket::MemberPriority> ranks;
  for (const MemberStatement& member : members) {
    ranks.push_back({.host = member.host,
                     .priority = member.statement->classes[map_class].priority,
                     .eligible = !member.statement->takes_none_of(map_class)});
  }
  return {bucket::elect(ranks)};
}

bool nobody_has_weight(const std::vector<MemberStatement>& members, std::size_t map_class) {
  return std::ranges::none_of(members, [map_class](const MemberStatement& member) {
    const Statement& statement = *member.statement;
    return !statement.takes_none_of(map_class) && statement.classes[map_class].weight > 0;
  });
}

std::vector<HostId> spread(const bucket::SipKey& key, std::uint32_t buckets,
                           const std::vector<MemberStatement>& members, std::size_t map_class) {
  std::vector<bucket::MemberClaim> claims;
  base::HostSet idle;
  const bool is_reserve_called = nobody_has_weight(members, map_class);
  for (const MemberStatement& member : members) {
    const Statement& statement = *member.statement;
    const bool is_idle = statement.takes_none_of(map_class);
    if (is_idle) idle.insert(member.host);
    const heartbeat::ClassStatement& part = statement.classes[map_class];
    const unsigned weight = is_reserve_called ? part.reserve() : part.weight;
    claims.push_back({.host = member.host,
                      .weight = is_idle ? 0U : weight,
                      .claims = &statement.claims[map_class]});
  }
  std::vector<HostId> owners = bucket::assign(key, buckets, claims);
  // Only when no weight is left does assign() leave a bucket with such a claimant.
  for (HostId& owner : owners) {
    if (idle.contains(owner)) owner = base::kNobody;
  }
  return owners;
}

/// Whether the members said the same about two classes.
bool are_alike(const std::vector<MemberStatement>& members, std::size_t map_class,
               std::size_t other) {
  return std::ranges::all_of(members, [&](const MemberStatement& member) {
    const Statement& statement = *member.statement;
    return statement.classes[map_class] == statement.classes[other] &&
           statement.claims[map_class] == statement.claims[other];
  });
}

/// The first class that has the same owners as this one, which may be this one itself: mostly the
/// rules of a cluster have the same weights, hence the same claims, and spreading takes long.
std::size_t first_alike(const std::vector<std::uint32_t>& class_buckets,
                        const std::vector<MemberStatement>& members, std::size_t map_class) {
  for (std::size_t c = 0; c < map_class; ++c) {
    if (class_buckets[c] == class_buckets[map_class] && are_alike(members, c, map_class)) return c;
  }
  return map_class;
}

}  // namespace

ClusterMap compute_map(const bucket::SipKey& key, const std::vector<std::uint32_t>& class_buckets,
                       const std::vector<MemberStatement>& members) {
  ClusterMap map;
  std::vector<std::uint64_t> digests;
  Digester digester;
  for (std::size_t c = 0; c < class_buckets.size(); ++c) {
    const std::size_t alike = first_alike(class_buckets, members, c);
    if (alike < c) {
      map.owners.push_back(map.owners[alike]);
      digests.push_back(digests[alike]);
    } else {
      map.owners.push_back(class_buckets[c] == 1 ? elected(members, c)
                                                 : spread(key, class_buckets[c], members, c));
      digests.push_back(bucket::digest(map.owners.back()));
    }
    digester.add(digests.back());
  }
  map.digest = digester.finish();
  return map;
}

ClusterMap map_without(HostId gone, const bucket::SipKey& key, const ClusterMap& map,
                       const std::vector<MemberStatement>& members) {
  std::vector<std::uint32_t> class_buckets;
  for (const std::vector<HostId>& owners : map.owners)
    class_buckets.push_back(static_cast<std::uint32_t>(owners.size()));
  std::vector<Statement> statements;
  std::vector<MemberStatement> staying;
  statements.reserve(members.size());
  for (const MemberStatement& member : members) {
    if (member.host == gone) continue;
    Statement& statement = statements.emplace_back(*member.statement);
    for (std::size_t c = 0; c < class_buckets.size(); ++c)
      statement.claims[c] = owned_by(map, c, member.host);
    staying.push_back({member.host, &statement});
  }
  return compute_map(key, class_buckets, staying);
}

std::uint32_t moved_buckets(const ClusterMap& before, const ClusterMap& after) {
  std::uint32_t moved = 0;
  for (std::size_t c = 0; c < after.owners.size(); ++c) {
    for (std::size_t b = 0; b < after.owners[c].size(); ++b) {
      const HostId old = c < before.owners.size() ? before.owners[c][b] : base::kNobody;
      if (old != after.owners[c][b]) ++moved;
    }
  }
  return moved;
}

bucket::Bitmap owned_by(const ClusterMap& map, std::size_t map_class, HostId host) {
  const std::vector<HostId>& owners = map.owners[map_class];
  bucket::Bitmap owned(static_cast<std::uint32_t>(owners.size()));
  for (std::uint32_t b = 0; b < owners.size(); ++b) {
    if (owners[b] == host) owned.set(base::BucketIndex{b});
  }
  return owned;
}

}  // namespace covey::convergence
