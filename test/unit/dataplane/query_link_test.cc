// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/query_link.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <string>
#include <thread>
#include <vector>

using namespace covey;
using namespace std::chrono_literals;
using base::Family;

namespace {

std::string taken(dataplane::QueryLink& link) {
  std::string text;
  link.take([&text](const packet::GroupQuery& query) {
    text += (query.family == Family::ipv4 ? "4:" : "6:") + std::to_string(query.version) + " in " +
            std::to_string(base::to_ms(query.response_time)) + " ";
  });
  return text;
}

}  // namespace

TEST_CASE("a query is taken once, each family by itself") {
  dataplane::QueryLink link;
  CHECK(taken(link).empty());
  link.note({Family::ipv4, 3, 10s, {}});
  CHECK(taken(link) == "4:3 in 10000 ");
  CHECK(taken(link).empty());
  link.note({Family::ipv6, 2, 8387584ms, {}});
  link.note({Family::ipv4, 1, 0s, {}});
  CHECK(taken(link) == "4:1 in 0 6:2 in 8387584 ");
}

TEST_CASE("of several queries the oldest version and the shortest time remain") {
  dataplane::QueryLink link;
  link.note({Family::ipv4, 3, 1s, {}});
  link.note({Family::ipv4, 2, 10s, {}});
  link.note({Family::ipv4, 3, 5s, {}});
  CHECK(taken(link) == "4:2 in 1000 ");
}

TEST_CASE("nothing is lost between the workers that hear and the one that takes") {
  constexpr unsigned kEach = 20'000;
  dataplane::QueryLink link;
  std::atomic<unsigned> running{2};
  std::vector<std::thread> threads;
  for (const std::uint8_t version : {std::uint8_t{1}, std::uint8_t{3}}) {
    threads.emplace_back([&link, &running, version] {
      for (unsigned i = 0; i < kEach; ++i)
        link.note({Family::ipv4, version, (version == 1 ? 10s : 1s), {}});
      --running;
    });
  }
  unsigned oldest = 9;
  std::int64_t shortest = 1'000'000;
  const auto take = [&] {
    link.take([&](const packet::GroupQuery& query) {
      oldest = std::min<unsigned>(oldest, query.version);
      shortest = std::min(shortest, base::to_ms(query.response_time));
    });
  };
  while (running > 0)
    take();
  for (std::thread& thread : threads)
    thread.join();
  take();
  CHECK(oldest == 1);
  CHECK(shortest == 1000);
}
