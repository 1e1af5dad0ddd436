// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/view.h"

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

/// Everybody in `hosts` hears everybody in it; host 1 asks.
struct Scene {
  explicit Scene(HostSet hosts, HostSet members) {
    question.self = HostId{1};
    question.now = TimePoint{} + 10s;
    question.debounce = 100ms;
    question.base = {.members = members, .generation = 1};
    hosts.for_each([&](HostId host) {
      HostSet row = hosts;
      row.erase(host);
      rows[host.value] = row;
      edges.set_row(host, row, TimePoint{});
      HostFacts& facts = question.facts[host.value];
      facts.voice = true;
      facts.hears = hosts;
    });
  }
  /// Both rows deny the edge since `since`.
  void break_edge(int a, int b, TimePoint since = TimePoint{}) {
    drop(a, b, since);
    drop(b, a, since);
  }
  void drop(int a, int b, TimePoint since) {
    const auto from = static_cast<std::uint8_t>(a);
    rows[from].erase(HostId{static_cast<std::uint8_t>(b)});
    edges.set_row(HostId{from}, rows[from], since);
  }
  /// Silent to host 1 and to everybody it hears.
  void die(int host) {
    const HostId dead{static_cast<std::uint8_t>(host)};
    question.facts[dead.value].voice = false;
    edges.forget_row(dead, question.now);
    for (std::uint8_t other = 1; other <= base::kMaxHosts; ++other) {
      question.facts[other].hears.erase(dead);
      if (!rows[other].contains(dead)) continue;
      rows[other].erase(dead);
      edges.set_row(HostId{other}, rows[other], question.now);
    }
  }
  [[nodiscard]] HostSet view() const { return choose_view(question, edges); }

  ViewQuestion question;
  EdgeMatrix edges;
  std::array<HostSet, base::kMaxHosts + 1> rows{};
};

}  // namespace

TEST_CASE("members that hear each other stay together") {
  const Scene scene(set({1, 2, 3}), set({1, 2, 3}));
  CHECK(scene.view() == set({1, 2, 3}));
}

TEST_CASE("a member silent to all the others goes at once") {
  Scene scene(set({1, 2, 3}), set({1, 2, 3}));
  scene.die(3);
  CHECK(scene.view() == set({1, 2}));
}

TEST_CASE("a group of dead members goes in one step") {
  Scene scene(set({1, 2, 3, 4, 5}), set({1, 2, 3, 4, 5}));
  scene.die(3);
  scene.die(5);
  CHECK(scene.view() == set({1, 2, 4}));
}

TEST_CASE("a member silent to this host alone stays until the debounce has passed") {
  Scene scene(set({1, 2, 3}), set({1, 2, 3}));
  scene.question.facts[1].hears.erase(HostId{3});
  scene.break_edge(1, 3, scene.question.now - 99ms);
  CHECK(scene.view() == set({1, 2, 3}));
  scene.question.now = scene.question.now + 1ms;
  CHECK(scene.view() == set({1, 2}));
}

TEST_CASE("the member with most broken edges is dropped, whatever its id") {
  Scene scene(set({1, 2, 3, 4}), set({1, 2, 3, 4}));
  scene.break_edge(1, 3);
  scene.break_edge(1, 4);
  CHECK(scene.view() == set({2, 3, 4}));
}

TEST_CASE("of two members that hear only others than each other the higher id is dropped") {
  Scene scene(set({1, 2, 3}), set({1, 2, 3}));
  scene.break_edge(2, 3);
  CHECK(scene.view() == set({1, 2}));
}

TEST_CASE("a joiner with good edges to all is let in") {
  Scene scene(set({1, 2, 3}), set({1, 2}));
  CHECK(scene.view() == set({1, 2}));
  scene.question.facts[3].admissible = true;
  CHECK(scene.view() == set({1, 2, 3}));
}

TEST_CASE("a half-connected joiner never costs an incumbent its place") {
  Scene scene(set({1, 2, 3}), set({1, 2}));
  scene.question.facts[3].admissible = true;
  scene.break_edge(2, 3);
  CHECK(scene.view() == set({1, 2}));
}

TEST_CASE("joiners that do not hear each other come in by id") {
  Scene scene(set({1, 2, 3}), set({1}));
  scene.question.facts[2].admissible = true;
  scene.question.facts[3].admissible = true;
  scene.break_edge(2, 3);
  CHECK(scene.view() == set({1, 2}));
}

TEST_CASE("a member that calls itself outside is no member") {
  Scene scene(set({1, 2}), set({1, 2}));
  scene.question.facts[2].member = false;
  CHECK(scene.view() == set({1}));
}

TEST_CASE("a host that no other member hears has no place, though it hears them") {
  Scene scene(set({1, 2, 3}), set({1, 2, 3}));
  scene.question.facts[2].hears.erase(HostId{1});
  scene.question.facts[3].hears.erase(HostId{1});
  CHECK_FALSE(scene.view().contains(HostId{1}));
}

TEST_CASE("the first view forms around the host that asks") {
  Scene scene(set({1, 2, 3}), {});
  for (const std::size_t host : {1U, 2U, 3U})
    scene.question.facts[host].admissible = true;
  CHECK(scene.view() == set({1, 2, 3}));
  scene.question.facts[1].admissible = false;
  CHECK_FALSE(scene.view().contains(HostId{1}));
}

TEST_CASE("of overlapping views the newer generation is senior, whatever its size") {
  const CommittedView old{.members = set({1, 2, 3}), .generation = 4};
  const CommittedView newer{.members = set({2, 4}), .generation = 5};
  CHECK(senior_view({old, newer}) == newer);
  CHECK(senior_view({newer, old}) == newer);
}

TEST_CASE("of disjoint views the larger is senior, then the one with the lowest id") {
  const CommittedView pair{.members = set({1, 2}), .generation = 9};
  const CommittedView three{.members = set({3, 4, 5}), .generation = 1};
  const CommittedView other_pair{.members = set({6, 7}), .generation = 30};
  CHECK(senior_view({pair, three}) == three);
  CHECK(senior_view({other_pair, pair}) == pair);
  CHECK(senior_view({}).members.empty());
  CHECK(senior_view({CommittedView{}}).members.empty());
}

}  // namespace covey::convergence
