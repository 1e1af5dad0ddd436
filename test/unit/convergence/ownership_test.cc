// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/ownership.h"

#include <catch2/catch.hpp>

namespace covey::convergence {

namespace {

using base::BucketIndex;
using base::HostId;
using base::HostSet;

constexpr HostId kSelf{1};
constexpr HostId kOther{2};

Bitmaps bits(std::initializer_list<std::uint32_t> set) {
  Bitmaps bitmaps = no_buckets({8});
  for (const std::uint32_t b : set)
    bitmaps[0].set(BucketIndex{b});
  return bitmaps;
}

/// One class of 8 buckets; hosts 1 and 2 are members.
struct Scene {
  Scene() {
    map.owners.assign(1, std::vector<HostId>(8, kOther));
    input.self = kSelf;
    input.members.insert(kSelf);
    input.members.insert(kOther);
    input.map = &map;
    input.mine = &mine;
    input.table = &table;
    input.claims[kSelf.value].part = &own_part;
    input.claims[kOther.value].part = &other_part;
  }
  void give(std::uint32_t b, HostId owner) {
    map.owners[0][b] = owner;
    mine = {owned_by(map, 0, kSelf)};
  }
  void other_commits(Bitmaps claims) {
    other_now = std::move(claims);
    input.claims[kOther.value].now = &other_now;
  }

  ClusterMap map;
  Bitmaps mine = bits({});
  Bitmaps table = bits({});
  Statement own_part{.classes = {}, .claims = bits({}), .unaccounted = {}};
  Statement other_part{.classes = {}, .claims = bits({}), .unaccounted = {}};
  Bitmaps other_now = bits({});
  HandOver input;
};

}  // namespace

TEST_CASE("growing is claimed before the workers do it") {
  Ownership ownership({8});
  ownership.install(bits({1, 2}));
  CHECK(ownership.claims() == bits({1, 2}));
}

TEST_CASE("giving up is claimed only after the workers did it") {
  Ownership ownership({8});
  REQUIRE(ownership.confirm(ownership.install(bits({1, 2}))));
  const std::uint32_t id = ownership.install(bits({2}));
  CHECK(ownership.table() == bits({2}));
  CHECK(ownership.claims() == bits({1, 2}));
  CHECK(ownership.confirm(id));
  CHECK(ownership.claims() == bits({2}));
}

TEST_CASE("a confirmation of another table changes nothing") {
  Ownership ownership({8});
  const std::uint32_t id = ownership.install(bits({1}));
  CHECK_FALSE(ownership.confirm(id + 1));
  CHECK(ownership.under_way());
  CHECK(ownership.confirm(id));
  CHECK_FALSE(ownership.confirm(id));
}

TEST_CASE("a bucket is kept until its new owner has shown that it committed") {
  Scene scene;
  scene.table = scene.own_part.claims = bits({3});
  const HandOverStep waiting = next_own(scene.input);
  CHECK(waiting.own == bits({3}));
  CHECK(waiting.to_release == 1);
  scene.other_commits(bits({}));
  const HandOverStep done = next_own(scene.input);
  CHECK(done.own == bits({}));
  CHECK(done.to_release == 0);
}

TEST_CASE("a bucket that the map gives to nobody is released at once") {
  Scene scene;
  scene.table = scene.own_part.claims = bits({3});
  scene.give(3, base::kNobody);
  CHECK(next_own(scene.input).own == bits({}));
}

TEST_CASE("a bucket is taken when its former owner says it stopped, not before") {
  Scene scene;
  scene.give(5, kSelf);
  scene.other_part.claims = bits({5, 6});
  CHECK(next_own(scene.input).to_acquire == 1);  // not seen committed
  scene.other_commits(bits({5, 6}));
  CHECK(next_own(scene.input).own == bits({}));  // committed, still accepting
  scene.other_commits(bits({6}));
  CHECK(next_own(scene.input).own == bits({5}));
}

TEST_CASE("a bucket nobody claimed waits until hosts outside have stopped") {
  Scene scene;
  scene.give(5, kSelf);
  const HandOverStep waiting = next_own(scene.input);
  CHECK(waiting.own == bits({}));
  CHECK(waiting.orphans == 1);
  scene.input.orphans_free = true;
  CHECK(next_own(scene.input).own == bits({5}));
}

TEST_CASE("a bucket that a host has left behind waits for nobody outside") {
  Scene scene;
  scene.give(4, kSelf);
  scene.give(5, kSelf);
  const Bitmaps inherited = bits({5});
  scene.input.inherited = &inherited;
  CHECK(next_own(scene.input).own == bits({5}));
  CHECK(next_own(scene.input).orphans == 1);
  scene.other_part.claims = bits({5});  // a member has it, all the same
  CHECK(next_own(scene.input).own == bits({}));
  CHECK(next_own(scene.input).to_acquire == 1);
}

TEST_CASE("a bucket this host claimed itself when frozen waits for nobody outside") {
  Scene scene;
  scene.give(5, kSelf);
  scene.own_part.claims = bits({5});
  CHECK(next_own(scene.input).own == bits({5}));
}

TEST_CASE("of a contested bucket the loser lets go first") {
  Scene scene;
  scene.give(5, kSelf);
  scene.own_part.claims = bits({5});
  scene.other_part.claims = bits({5});
  scene.other_commits(bits({5}));
  CHECK(next_own(scene.input).own == bits({}));
  scene.other_commits(bits({}));
  CHECK(next_own(scene.input).own == bits({5}));
}

TEST_CASE(
    "a bucket of a class that a member cannot account for waits until it says it is not there") {
  Scene scene;
  scene.give(3, kSelf);
  scene.other_part.unaccounted = {true};
  scene.input.orphans_free = true;
  CHECK(next_own(scene.input).own == bits({}));
  scene.other_commits(bits({0, 1, 2, 3, 4, 5, 6, 7}));  // still switching: it may accept anything
  CHECK(next_own(scene.input).own == bits({}));
  CHECK(next_own(scene.input).to_acquire == 1);
  scene.other_commits(bits({}));
  CHECK(next_own(scene.input).own == bits({3}));
  scene.input.orphans_free = false;  // a host outside may follow the old configuration too
  CHECK(next_own(scene.input).own == bits({}));
  CHECK(next_own(scene.input).orphans == 1);
}

TEST_CASE("a table of another configuration is claimed when it is in force, not before") {
  Ownership ownership({8});
  REQUIRE(ownership.confirm(ownership.install(bits({1, 2}))));
  Bitmaps other = no_buckets({8, 4});
  other[1].set(BucketIndex{3});
  const std::uint32_t id = ownership.install_other(other);
  CHECK(ownership.claims() == bits({1, 2}));
  CHECK(ownership.table() == bits({1, 2}));
  CHECK(ownership.confirm(id));
  CHECK(ownership.claims() == other);
  CHECK(ownership.table() == other);
}

TEST_CASE("a draining host is given nothing and the last one leaves buckets unowned") {
  Statement staying{.classes = {{.weight = 100, .priority = 0}, {.weight = 0, .priority = 2}},
                    .draining = false,
                    .claims = no_buckets({8, 1}),
                    .unaccounted = {}};
  Statement draining = staying;
  draining.draining = true;
  const bucket::SipKey key{.k0 = 1, .k1 = 2};
  const ClusterMap both = compute_map(key, {8, 1}, {{kSelf, &draining}, {kOther, &staying}});
  CHECK(owned_by(both, 0, kOther).count() == 8);
  CHECK(both.owners[1][0] == kOther);
  draining.claims[0].set(BucketIndex{1});
  const ClusterMap alone = compute_map(key, {8, 1}, {{kSelf, &draining}});
  CHECK(owned_by(alone, 0, base::kNobody).count() == 8);
  CHECK(alone.owners[1][0] == base::kNobody);
}

TEST_CASE("the map does not depend on the order of the members") {
  const Statement equal{.classes = {{.weight = 100, .priority = 0}},
                        .draining = false,
                        .claims = no_buckets({64}),
                        .unaccounted = {}};
  const bucket::SipKey key{.k0 = 1, .k1 = 2};
  const ClusterMap forth = compute_map(key, {64}, {{kSelf, &equal}, {kOther, &equal}});
  const ClusterMap back = compute_map(key, {64}, {{kOther, &equal}, {kSelf, &equal}});
  CHECK(forth.owners == back.owners);
  CHECK(forth.digest == back.digest);
  CHECK(moved_buckets(forth, back) == 0);
}

}  // namespace covey::convergence
