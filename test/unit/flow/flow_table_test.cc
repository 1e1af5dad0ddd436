// SPDX-License-Identifier: BSD-3-Clause
#include "flow/flow_table.h"

#include <algorithm>
#include <bit>
#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <set>
#include <vector>

#include "conversation.h"

using namespace covey;
using namespace covey::test_support;
using flow::EntryIndex;
using flow::FlowTable;
using flow::KeyHash;
using flow::kNoEntry;

TEST_CASE("a table holds exactly its capacity and finds every key it holds") {
  for (const std::uint32_t capacity : {1U, 2U, 7U, 8U, 9U, 16U, 17U, 1000U, 4096U}) {
    FlowTable table(capacity, 1);
    for (std::uint32_t n = 0; n < capacity; ++n) {
      REQUIRE(table.has_room());
      CHECK(table.find(client(n)) == kNoEntry);
      const EntryIndex entry = table.insert(client(n));
      flow::Sought sought;
      table.prefetch_entry(table.hash(client(n)), sought);
      CHECK_FALSE(sought.is_absent);
      CHECK(table.find(client(n)) == entry);
    }
    CHECK_FALSE(table.has_room());
    std::set<EntryIndex> distinct;
    for (std::uint32_t n = 0; n < capacity; ++n)
      distinct.insert(table.find(client(n)));
    CHECK(distinct.size() == capacity);
    CHECK_FALSE(distinct.contains(kNoEntry));
  }
}

TEST_CASE("a table stays right through random insertions and removals near its capacity") {
  constexpr std::uint64_t kSeed = 12;
  WARN("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  FlowTable table(512, random());
  std::map<std::uint32_t, EntryIndex> held;
  for (unsigned step = 0; step < 300'000; ++step) {
    INFO("seed " << kSeed << ", step " << step);
    const auto n = static_cast<std::uint32_t>(random() % 600);
    const EntryIndex found = table.find(client(n));
    const auto known = held.find(n);
    if (found != (known == held.end() ? kNoEntry : known->second)) FAIL("wrong entry");
    if (table.has_room() != (held.size() < table.capacity())) FAIL("wrong room");
    if (known != held.end()) {
      table.erase(found);
      held.erase(known);
    } else if (table.has_room()) {
      held[n] = table.insert(client(n));
    }
  }
  for (const auto& [n, entry] : held)
    CHECK(table.find(client(n)) == entry);
}

TEST_CASE("four million flows are found, and forgotten again") {
  constexpr std::uint32_t kFlows = 4'000'000;
  FlowTable table(kFlows, 1);
  CHECK(table.memory_bytes() / kFlows <= 80);
  for (std::uint32_t n = 0; n < kFlows; ++n)
    static_cast<void>(table.insert(client(n)));
  CHECK_FALSE(table.has_room());
  unsigned wrong = 0;
  for (std::uint32_t n = 0; n < kFlows; ++n)
    wrong += table.find(client(n)) == kNoEntry ? 1U : 0U;
  CHECK(wrong == 0);
  for (std::uint32_t n = kFlows; n-- > 0;)
    table.erase(table.find(client(n)));
  for (std::uint32_t n = 0; n < 1000; ++n)
    CHECK(table.find(client(n)) == kNoEntry);
  CHECK(table.has_room());
}

TEST_CASE("an age queue gives entries in the order in which they were pushed") {
  FlowTable table(4, 1);
  flow::AgeQueue queue;
  std::vector<EntryIndex> entries;
  for (std::uint32_t n = 0; n < 4; ++n)
    entries.push_back(table.insert(client(n)));
  for (const EntryIndex entry : entries)
    queue.push_newest(table, entry);
  queue.remove(table, entries[1]);
  queue.remove(table, entries[3]);
  queue.push_newest(table, entries[1]);
  for (const std::size_t i : {0U, 2U, 1U}) {
    CHECK(queue.oldest() == entries[i]);
    queue.remove(table, entries[i]);
  }
  CHECK(queue.oldest() == kNoEntry);
}

TEST_CASE("the short hash of an IPv4 key is the one of the whole key") {
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    const KeyHash hash(seed);
    for (std::uint32_t n = 0; n < 1000; ++n) {
      const auto words = std::bit_cast<packet::KeyWords>(client(n));
      CHECK(hash(words) == hash(client(n)));
      if (client(n).family != base::Family::ipv4) continue;
      const packet::Ipv4KeyWords short_words{words.source, words.destination, words.ports};
      CHECK(hash(short_words) == hash(client(n)));
    }
  }
}

TEST_CASE("two seeds give unrelated hashes") {
  const KeyHash one(1);
  const KeyHash two(2);
  unsigned equal_bits = 0;
  for (std::uint32_t n = 0; n < 1000; ++n) {
    equal_bits += 32U - static_cast<unsigned>(std::popcount(one(client(n)) ^ two(client(n))));
  }
  CHECK(equal_bits > 15000);
  CHECK(equal_bits < 17000);
}

TEST_CASE("keys that collide under one seed do not under another") {
  const KeyHash one(1);
  const KeyHash two(2);
  std::map<std::uint32_t, std::uint32_t> seen;  // low 16 bits of the hash -> client
  unsigned collisions = 0;
  unsigned again = 0;
  for (std::uint32_t n = 0; n < 20000; ++n) {
    const auto [place, fresh] = seen.try_emplace(one(client(n)) & 0xffffU, n);
    if (fresh) continue;
    ++collisions;
    again += ((two(client(n)) ^ two(client(place->second))) & 0xffffU) == 0 ? 1U : 0U;
  }
  CHECK(collisions > 1000);
  CHECK(again < 10);
}

TEST_CASE("sequential ports spread over the hash like random keys") {
  const KeyHash hash(3);
  std::vector<unsigned> lines(256);
  for (std::uint32_t n = 0; n < 25600; ++n)
    ++lines[(hash(client(n)) >> 8U) & 0xffU];
  CHECK(*std::max_element(lines.begin(), lines.end()) < 170);
  CHECK(*std::min_element(lines.begin(), lines.end()) > 40);
}
