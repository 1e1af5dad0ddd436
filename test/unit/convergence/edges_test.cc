// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/edges.h"

#include <catch2/catch.hpp>

namespace covey::convergence {

namespace {

using base::HostId;
using base::HostSet;
using base::TimePoint;
using namespace std::chrono_literals;

HostSet set(std::initializer_list<int> ids) {
  HostSet result;
  for (const int id : ids)
    result.insert(HostId{static_cast<std::uint8_t>(id)});
  return result;
}

}  // namespace

TEST_CASE("an edge is good when both rows say so") {
  EdgeMatrix edges;
  edges.set_row(HostId{1}, set({2}), TimePoint{});
  CHECK_FALSE(edges.good(HostId{1}, HostId{2}));
  edges.set_row(HostId{2}, set({1}), TimePoint{});
  CHECK(edges.good(HostId{1}, HostId{2}));
  CHECK(edges.good(HostId{2}, HostId{1}));
}

TEST_CASE("an edge is broken when one known row denies it") {
  EdgeMatrix edges;
  edges.set_row(HostId{1}, set({2}), TimePoint{});
  CHECK_FALSE(edges.broken(HostId{1}, HostId{2}));
  edges.set_row(HostId{2}, set({}), TimePoint{});
  CHECK(edges.broken(HostId{1}, HostId{2}));
}

TEST_CASE("nobody is accused between two hosts whose rows are unknown") {
  EdgeMatrix edges;
  CHECK_FALSE(edges.broken(HostId{1}, HostId{2}));
  CHECK_FALSE(edges.good(HostId{1}, HostId{2}));
}

TEST_CASE("a broken edge is counted from when it broke, not from the newest row") {
  EdgeMatrix edges;
  edges.set_row(HostId{1}, set({2}), TimePoint{});
  edges.set_row(HostId{2}, set({1}), TimePoint{});
  const TimePoint broke = TimePoint{} + 1s;
  edges.set_row(HostId{1}, set({}), broke);
  edges.set_row(HostId{1}, set({}), broke + 50ms);
  CHECK_FALSE(edges.broken_for(HostId{1}, HostId{2}, broke + 99ms, 100ms));
  CHECK(edges.broken_for(HostId{1}, HostId{2}, broke + 100ms, 100ms));
}

TEST_CASE("an edge that recovers in between starts anew") {
  EdgeMatrix edges;
  edges.set_row(HostId{2}, set({1}), TimePoint{});
  edges.set_row(HostId{1}, set({}), TimePoint{});
  edges.set_row(HostId{1}, set({2}), TimePoint{} + 50ms);
  edges.set_row(HostId{1}, set({}), TimePoint{} + 60ms);
  CHECK_FALSE(edges.broken_for(HostId{1}, HostId{2}, TimePoint{} + 150ms, 100ms));
}

TEST_CASE("the row of a silent host no longer counts") {
  EdgeMatrix edges;
  edges.set_row(HostId{1}, set({}), TimePoint{});
  edges.set_row(HostId{2}, set({1}), TimePoint{});
  CHECK(edges.broken(HostId{1}, HostId{2}));
  edges.forget_row(HostId{1}, TimePoint{} + 1s);
  CHECK_FALSE(edges.broken(HostId{1}, HostId{2}));
}

}  // namespace covey::convergence
