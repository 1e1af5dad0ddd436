// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/bucket_table.h"

#include <catch2/catch.hpp>
#include <random>

using namespace covey;
using base::BucketIndex;
using base::ClassIndex;
using bucket::BucketState;
using bucket::ClassTables;

namespace {

bool is_foreign(const ClassTables& classes, std::size_t map_class, std::uint32_t bucket) {
  const ClassTables::Row& row = classes.rows()[map_class];
  return (classes.foreign_words()[row.start + bucket / 64] >> bucket % 64 & 1U) != 0;
}

/// Mostly foreign, as on each of many hosts.
BucketState some_state(std::mt19937_64& random) {
  const std::uint64_t drawn = random();
  return drawn % 4 != 0 ? BucketState::foreign : static_cast<BucketState>(drawn / 4 % 6);
}

std::vector<BucketState> some_states(std::size_t size, std::mt19937_64& random) {
  std::vector<BucketState> states(size);
  for (BucketState& state : states)
    state = some_state(random);
  return states;
}

/// Of every size, and some with the states of an earlier one.
ClassTables some_classes(std::mt19937_64& random) {
  ClassTables classes;
  for (std::size_t count = 1 + random() % 30; classes.size() < count;) {
    const bool is_repeated = classes.size() > 0 && random() % 2 == 0;
    std::vector<BucketState> states = is_repeated ? classes[random() % classes.size()].states
                                                  : some_states(1U << random() % 11, random);
    std::vector<base::HostId> owners(states.size(), base::kNobody);
    classes.add(std::move(states), std::move(owners));
  }
  return classes;
}

}  // namespace

TEST_CASE("a bucket table answers by class and bucket") {
  bucket::BucketTable table;
  table.classes.add({BucketState::own}, {base::HostId{3}});
  table.classes.add({BucketState::foreign, BucketState::own_dirty},
                    {base::kNobody, base::HostId{3}});
  CHECK(table.state(bucket::kDefaultHostClass, {0}) == BucketState::own);
  CHECK(table.state(bucket::kSpreadClass, {1}) == BucketState::own_dirty);
  CHECK(table.owner(bucket::kSpreadClass, {0}) == base::kNobody);
  table.classes.set_owner(bucket::kSpreadClass, {0}, base::HostId{4});
  CHECK(table.owner(bucket::kSpreadClass, {0}) == base::HostId{4});
  CHECK(table.classes.rows()[1].mask == 1);
}

TEST_CASE("classes of equal foreign buckets share their bits until one of them changes") {
  ClassTables classes;
  std::vector<BucketState> states(128, BucketState::foreign);
  states[70] = BucketState::own;
  classes.add(states, std::vector(128, base::HostId{1}));
  states[70] = BucketState::retained;
  classes.add(states, std::vector(128, base::HostId{2}));
  states[71] = BucketState::own;
  classes.add(states, std::vector(128, base::HostId{1}));
  CHECK(classes.rows()[0] == classes.rows()[1]);
  CHECK(classes.rows()[0] != classes.rows()[2]);

  classes.set_state(ClassIndex{1}, BucketIndex{5}, BucketState::own);
  CHECK(is_foreign(classes, 0, 5));
  CHECK_FALSE(is_foreign(classes, 1, 5));
  CHECK_FALSE(is_foreign(classes, 1, 70));
  classes.check_invariants();
}

TEST_CASE("one bit of each bucket says whether it is foreign, whatever the table") {
  std::mt19937_64 random(1);
  for (int turn = 0; turn < 300; ++turn) {
    ClassTables classes = some_classes(random);
    std::vector<std::vector<BucketState>> expected;
    for (const bucket::ClassTable& table : classes)
      expected.push_back(table.states);
    for (std::uint64_t changes = random() % 50; changes > 0; --changes) {
      const std::size_t c = random() % classes.size();
      const std::size_t b = random() % expected[c].size();
      expected[c][b] = some_state(random);
      classes.set_state(ClassIndex{static_cast<std::uint16_t>(c)},
                        BucketIndex{static_cast<std::uint32_t>(b)}, expected[c][b]);
      if (random() % 16 != 0) continue;
      classes.add(expected[c], std::vector(expected[c].size(), base::kNobody));
      expected.push_back(expected[c]);
    }
    for (std::size_t c = 0; c < classes.size(); ++c) {
      REQUIRE(classes[c].states == expected[c]);
      for (std::uint32_t b = 0; b < expected[c].size(); ++b) {
        if (is_foreign(classes, c, b) != (expected[c][b] == BucketState::foreign))
          FAIL("turn " << turn << ", class " << c << ", bucket " << b);
      }
    }
    classes.check_invariants();
  }
}
