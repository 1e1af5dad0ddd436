// SPDX-License-Identifier: BSD-3-Clause
// Random clusters live through random events; every assignment is balanced, thrifty and the same in
// any order of the members. COVEY_TEST_CASES sets the number of assignments (default 1,000,000),
// COVEY_TEST_SEED the seed.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "bucket/assignment.h"
#include "support/environment.h"
#include "support/random_cluster.h"

using namespace covey;
using namespace covey::bucket;
using test_support::RandomCluster;

namespace {

constexpr std::uint64_t kDefaultCases = 1'000'000;
constexpr std::uint64_t kDefaultSeed = 20'240'611;
constexpr unsigned kEventsPerCluster = 40;

using CountByHost = std::array<std::uint32_t, base::kMaxHosts + 1>;

CountByHost count_owned(const std::vector<base::HostId>& owners) {
  CountByHost count{};
  for (const base::HostId owner : owners)
    ++count[owner.value];
  return count;
}

std::uint64_t total_weight(const RandomCluster& cluster) {
  std::uint64_t total = 0;
  for (const auto& member : cluster.members())
    total += member.weight;
  return total;
}

/// Every member with weight is less than one bucket from its share, the others hold nothing.
bool is_balanced(const RandomCluster& cluster, const std::vector<base::HostId>& owners) {
  const CountByHost have = count_owned(owners);
  const std::uint64_t total = total_weight(cluster);
  std::uint32_t held = 0;
  for (const auto& member : cluster.members()) {
    held += have[member.host.value];
    const std::uint64_t mine = have[member.host.value] * total;
    const std::uint64_t ideal = std::uint64_t{cluster.buckets()} * member.weight;
    if ((mine > ideal ? mine - ideal : ideal - mine) >= total) return false;
    if (member.weight == 0 && mine != 0) return false;
  }
  return held == cluster.buckets();
}

std::uint32_t moves(const RandomCluster& cluster, const std::vector<base::HostId>& owners) {
  std::uint32_t kept = 0;
  for (const auto& member : cluster.members()) {
    member.claims.for_each(
        [&](base::BucketIndex b) { kept += owners[b.value] == member.host ? 1U : 0U; });
  }
  return cluster.buckets() - kept;
}

std::uint32_t missing(std::uint32_t quota, std::uint32_t held) {
  return quota > held ? quota - held : 0;
}

/// What the quotas assign() chose force to move: sum of max(0, quota - held).
std::uint32_t forced_by_quotas(const RandomCluster& cluster) {
  auto members = cluster.claims();
  std::sort(members.begin(), members.end(),
            [](const MemberClaim& a, const MemberClaim& b) { return a.host < b.host; });
  const std::vector<std::uint32_t> quota = quotas(cluster.buckets(), members);
  std::uint32_t sum = 0;
  for (std::size_t i = 0; i < members.size(); ++i) {
    sum += missing(quota[i], members[i].claims->count());
  }
  return sum;
}

/// The least any choice among equal remainders could force: the left-over buckets at the border
/// remainder cost nothing where a member holds more than its floor.
std::uint32_t least_possible_moves(const RandomCluster& cluster) {
  const std::uint64_t total = total_weight(cluster);
  std::vector<std::uint64_t> remainders;
  std::uint32_t left = cluster.buckets();
  for (const auto& member : cluster.members()) {
    const std::uint64_t scaled = std::uint64_t{cluster.buckets()} * member.weight;
    remainders.push_back(scaled % total);
    left -= static_cast<std::uint32_t>(scaled / total);
  }
  std::sort(remainders.rbegin(), remainders.rend());
  const std::uint64_t border = left > 0 ? remainders[left - 1] : total;
  std::uint32_t sum = 0;
  std::uint32_t at_border = left;
  std::uint32_t free_at_border = 0;
  for (const auto& member : cluster.members()) {
    const std::uint64_t scaled = std::uint64_t{cluster.buckets()} * member.weight;
    const auto floor = static_cast<std::uint32_t>(scaled / total);
    const std::uint32_t held = member.claims.count();
    const bool above = scaled % total > border;
    if (above) --at_border;
    if (scaled % total == border && held > floor) ++free_at_border;
    sum += missing(above ? floor + 1 : floor, held);
  }
  return sum + missing(at_border, free_at_border);
}

std::uint32_t random_bucket_count(std::mt19937_64& random) {
  const std::uint64_t draw = random() % 1000;
  if (draw < 2) return 65536;
  if (draw < 20) return 4096;
  return 64U << (random() % 5);
}

std::vector<MemberClaim> shuffled(const RandomCluster& cluster, std::mt19937_64& random) {
  auto members = cluster.claims();
  std::shuffle(members.begin(), members.end(), random);
  return members;
}

}  // namespace

TEST_CASE("every random assignment is balanced, moves the minimum and ignores the input order") {
  const std::uint64_t seed = test::from_environment("COVEY_TEST_SEED", kDefaultSeed);
  const std::uint64_t cases = test::from_environment("COVEY_TEST_CASES", kDefaultCases);
  WARN("seed " << seed << ", " << cases << " assignments");
  std::mt19937_64 random(seed);
  std::uint64_t done = 0;
  while (done < cases) {
    RandomCluster cluster(random, random_bucket_count(random), 1 + random() % base::kMaxHosts);
    const std::uint64_t events = cluster.buckets() > 4096 ? 4 : kEventsPerCluster;
    for (std::uint64_t event = 0; event < events && done < cases; ++event, ++done) {
      const auto owners = assign(cluster.key(), cluster.buckets(), cluster.claims());
      INFO("seed " << seed << ", assignment " << done);
      if (owners != assign(cluster.key(), cluster.buckets(), shuffled(cluster, random))) {
        FAIL("the order of the members changed the result");
      }
      if (total_weight(cluster) > 0) {
        if (!is_balanced(cluster, owners)) FAIL("not balanced");
        const std::uint32_t moved = moves(cluster, owners);
        if (moved != forced_by_quotas(cluster)) FAIL("moved more than the quotas force");
        if (moved != least_possible_moves(cluster)) FAIL("other quotas would move less");
      }
      cluster.accept(owners);
      cluster.happen();
    }
  }
  CHECK(done == cases);
}

TEST_CASE("contradictory claims give a balanced map that ignores the input order") {
  const std::uint64_t seed = test::from_environment("COVEY_TEST_SEED", kDefaultSeed);
  WARN("seed " << seed);
  std::mt19937_64 random(seed);
  for (unsigned i = 0; i < 2000; ++i) {
    RandomCluster cluster(random, 64U << (random() % 4), 1 + random() % base::kMaxHosts);
    cluster.scramble_claims();
    INFO("seed " << seed << ", assignment " << i);
    const auto owners = assign(cluster.key(), cluster.buckets(), cluster.claims());
    if (total_weight(cluster) > 0) CHECK(is_balanced(cluster, owners));
    CHECK(owners == assign(cluster.key(), cluster.buckets(), shuffled(cluster, random)));
  }
}

TEST_CASE("while all hosts drain every claimed bucket stays with a claimant") {
  const std::uint64_t seed = test::from_environment("COVEY_TEST_SEED", kDefaultSeed);
  WARN("seed " << seed);
  std::mt19937_64 random(seed);
  for (unsigned i = 0; i < 1000; ++i) {
    RandomCluster cluster(random, 64, 1 + random() % 8);
    cluster.scramble_claims();
    cluster.drain_all();
    const auto owners = assign(cluster.key(), cluster.buckets(), cluster.claims());
    for (std::uint32_t b = 0; b < 64; ++b) {
      bool claimed = false;
      bool owner_claims = false;
      for (const auto& member : cluster.members()) {
        claimed = claimed || member.claims.test({b});
        owner_claims = owner_claims || (member.claims.test({b}) && member.host == owners[b]);
      }
      INFO("seed " << seed << ", assignment " << i << ", bucket " << b);
      CHECK(claimed == owner_claims);
      CHECK(claimed != owners[b].is_nobody());
    }
  }
}
