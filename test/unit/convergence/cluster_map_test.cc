// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/cluster_map.h"

#include <catch2/catch.hpp>

#include "convergence/digest.h"
#include "convergence/ownership.h"

namespace covey::convergence {

namespace {

using base::HostId;

constexpr bucket::SipKey kKey{1, 2};
constexpr HostId kFirst{1};
constexpr HostId kSecond{2};
constexpr std::uint32_t kBuckets = 64;

/// A member with these weights, a class each, which claims nothing.
Statement weighing(std::initializer_list<std::uint16_t> weights) {
  Statement statement;
  for (const std::uint16_t weight : weights)
    statement.classes.push_back({.weight = weight, .priority = 0});
  statement.claims = no_buckets(std::vector(weights.size(), kBuckets));
  return statement;
}

ClusterMap map_of(const Statement& first, const Statement& second) {
  const std::vector<std::uint32_t> buckets(first.classes.size(), kBuckets);
  return compute_map(kKey, buckets, {{kFirst, &first}, {kSecond, &second}});
}

/// What each class would get alone.
std::vector<std::vector<HostId>> alone(const Statement& first, const Statement& second) {
  std::vector<std::vector<HostId>> owners;
  for (std::size_t c = 0; c < first.classes.size(); ++c) {
    const Statement one{
        .classes = {first.classes[c]}, .claims = {first.claims[c]}, .unaccounted = {}};
    const Statement other{
        .classes = {second.classes[c]}, .claims = {second.claims[c]}, .unaccounted = {}};
    owners.push_back(map_of(one, other).owners[0]);
  }
  return owners;
}

}  // namespace

TEST_CASE("classes about which the members say the same have the same owners") {
  const ClusterMap map = map_of(weighing({50, 50, 10}), weighing({50, 50, 50}));
  CHECK(map.owners[0] == map.owners[1]);
  CHECK(map.owners[0] != map.owners[2]);
}

TEST_CASE("a class is spread as if it were the only one, whatever others are like it") {
  const Statement first = weighing({50, 20, 50, 50, 20});
  Statement second = weighing({50, 50, 50, 50, 20});
  second.claims[2] = owned_by(map_of(weighing({0}), weighing({50})), 0, kSecond);
  const ClusterMap map = map_of(first, second);
  CHECK(map.owners == alone(first, second));
  CHECK(map.owners[0] == map.owners[3]);
  CHECK(map.owners[0] != map.owners[2]);  // the weights are equal, what is claimed is not
  CHECK(map.owners[1] != map.owners[4]);
}

TEST_CASE("the digest is of all classes in their order, also of those that are alike") {
  const ClusterMap twice = map_of(weighing({50, 50, 10}), weighing({50, 50, 50}));
  const ClusterMap otherwise = map_of(weighing({50, 10, 50}), weighing({50, 50, 50}));
  const ClusterMap once = map_of(weighing({50, 10}), weighing({50, 50}));
  CHECK(twice.digest != otherwise.digest);
  CHECK(twice.digest != once.digest);
}

TEST_CASE("who has withdrawn from a class gets nothing of it, and of another class as before") {
  Statement first = weighing({50, 50});
  first.classes[0] = {.weight = 0, .priority = heartbeat::kWithdrawn};
  first.claims[0].set({3});
  const ClusterMap map = map_of(first, weighing({50, 50}));
  CHECK(owned_by(map, 0, kSecond).count() == kBuckets);
  CHECK(owned_by(map, 1, kFirst).count() == kBuckets / 2);
}

TEST_CASE("a class from which all have withdrawn is nobody's, spread or elected") {
  Statement first = weighing({0, 0});
  Statement second = weighing({0, 0});
  for (Statement* statement : {&first, &second}) {
    statement->classes[0].priority = statement->classes[1].priority = heartbeat::kWithdrawn;
    statement->claims[1] = bucket::Bitmap(1);
  }
  first.claims[0] = all_buckets(kBuckets);
  const ClusterMap map = compute_map(kKey, {kBuckets, 1}, {{kFirst, &first}, {kSecond, &second}});
  CHECK(owned_by(map, 0, base::kNobody).count() == kBuckets);
  CHECK(map.owners[1] == std::vector{base::kNobody});
  second.classes[1] = {.weight = 0, .priority = 9};
  CHECK(compute_map(kKey, {kBuckets, 1}, {{kFirst, &first}, {kSecond, &second}}).owners[1] ==
        std::vector{kSecond});
}

TEST_CASE("without a host its buckets have new owners, and the rest stays where it is") {
  constexpr HostId third{3};
  const Statement first = weighing({50, 0});
  const Statement second = weighing({50, 30});
  const Statement last = weighing({25, 70});
  const std::vector<MemberStatement> members = {
      {kFirst, &first}, {kSecond, &second}, {third, &last}};
  const ClusterMap before = compute_map(kKey, {kBuckets, kBuckets}, members);
  const ClusterMap after = map_without(third, kKey, before, members);
  for (std::size_t c = 0; c < 2; ++c) {
    REQUIRE(owned_by(before, c, third).count() > 0);
    CHECK(owned_by(after, c, third).none());
    CHECK(owned_by(after, c, base::kNobody).none());
    for (std::size_t b = 0; b < kBuckets; ++b) {
      if (before.owners[c][b] != third) CHECK(after.owners[c][b] == before.owners[c][b]);
    }
  }
}

TEST_CASE("without a host the map is the one that the others agree on when it is gone") {
  const Statement first = weighing({50});
  const Statement second = weighing({70});
  const ClusterMap before = map_of(first, second);
  Statement settled = second;
  settled.claims[0] = owned_by(before, 0, kSecond);
  const ClusterMap alone = compute_map(kKey, {kBuckets}, {{kSecond, &settled}});
  CHECK(map_without(kFirst, kKey, before, {{kFirst, &first}, {kSecond, &second}}).owners ==
        alone.owners);
  // Who is not there changes nothing, and of nobody nothing is left.
  CHECK(map_without({9}, kKey, before, {{kFirst, &first}, {kSecond, &second}}).owners ==
        before.owners);
  const ClusterMap nobody = map_without(kFirst, kKey, before, {{kFirst, &first}});
  CHECK(owned_by(nobody, 0, base::kNobody).count() == kBuckets);
}

TEST_CASE("the last resort gets what nobody else takes, by the shares in reserve") {
  const auto in_reserve = [](std::uint16_t share) {
    return heartbeat::ClassStatement{
        .weight = 0, .priority = static_cast<std::uint16_t>(heartbeat::kLastResort + share)};
  };
  struct Row {
    heartbeat::ClassStatement first;
    heartbeat::ClassStatement second;
    std::uint32_t of_first;
    std::uint32_t of_second;
  };
  for (const Row& row : {
           Row{in_reserve(50), {.weight = 1, .priority = 0}, 0, 64},
           Row{in_reserve(50), in_reserve(50), 32, 32},
           Row{in_reserve(30), in_reserve(10), 48, 16},
           Row{in_reserve(50), {.weight = 0, .priority = heartbeat::kWithdrawn}, 64, 0},
           Row{in_reserve(50), {.weight = 0, .priority = 7}, 64, 0},
           Row{in_reserve(0), in_reserve(10), 0, 64},
       }) {
    INFO(row.first.priority << ", " << row.second.priority);
    Statement first = weighing({0});
    Statement second = weighing({0});
    first.classes[0] = row.first;
    second.classes[0] = row.second;
    const ClusterMap map = map_of(first, second);
    CHECK(owned_by(map, 0, kFirst).count() == row.of_first);
    CHECK(owned_by(map, 0, kSecond).count() == row.of_second);
  }
  Statement draining = weighing({0});
  draining.classes[0] = in_reserve(50);
  draining.draining = true;
  CHECK(owned_by(map_of(draining, draining), 0, base::kNobody).count() == kBuckets);
}

TEST_CASE("the last resort is elected after all others, then by rank") {
  Statement first = weighing({0});
  Statement second = weighing({0});
  for (Statement* statement : {&first, &second})
    statement->claims[0] = bucket::Bitmap(1);
  const auto elected = [&] {
    return compute_map(kKey, {1}, {{kFirst, &first}, {kSecond, &second}}).owners[0].front();
  };
  first.classes[0].priority = heartbeat::kLastResort + 1;
  second.classes[0].priority = 64;
  CHECK(elected() == kSecond);
  second.classes[0].priority = heartbeat::kWithdrawn;
  CHECK(elected() == kFirst);
  first.classes[0].priority = heartbeat::kLastResort + 9;
  second.classes[0].priority = heartbeat::kLastResort + 3;
  CHECK(elected() == kSecond);
}

}  // namespace covey::convergence
