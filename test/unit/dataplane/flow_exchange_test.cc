// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/flow_exchange.h"

#include <catch2/catch.hpp>
#include <thread>

using covey::dataplane::FlowEvent;
using covey::dataplane::FlowExchange;

namespace {

FlowEvent event(std::uint16_t port) {
  FlowEvent made;
  made.view.key.source_port = port;
  return made;
}

std::vector<std::uint16_t> heard(FlowExchange& exchange, unsigned worker, unsigned limit = 1000) {
  std::vector<std::uint16_t> ports;
  exchange.hear(worker, limit,
                [&ports](const FlowEvent& news) { ports.push_back(news.view.key.source_port); });
  return ports;
}

}  // namespace

TEST_CASE("news of one worker reach every other and not itself") {
  FlowExchange exchange(3);
  exchange.tell(1, event(7));
  CHECK(heard(exchange, 0) == std::vector<std::uint16_t>{7});
  CHECK(heard(exchange, 1).empty());
  CHECK(heard(exchange, 2) == std::vector<std::uint16_t>{7});
  CHECK(heard(exchange, 0).empty());
}

TEST_CASE("a single worker has nobody to tell") {
  FlowExchange exchange(1);
  exchange.tell(0, event(7));
  CHECK(heard(exchange, 0).empty());
  CHECK(exchange.lost() == 0);
}

TEST_CASE("a worker hears at most its limit from each other at a time") {
  FlowExchange exchange(2);
  for (std::uint16_t port = 1; port <= 5; ++port)
    exchange.tell(0, event(port));
  CHECK(heard(exchange, 1, 2) == std::vector<std::uint16_t>{1, 2});
  CHECK(heard(exchange, 1, 2) == std::vector<std::uint16_t>{3, 4});
  CHECK(heard(exchange, 1, 2) == std::vector<std::uint16_t>{5});
}

TEST_CASE("a worker that has heard its limit is told that there may be more") {
  FlowExchange exchange(3);
  const auto ignore = [](const FlowEvent&) {};
  CHECK_FALSE(exchange.hear(2, 2, ignore));
  exchange.tell(0, event(1));
  exchange.tell(0, event(2));
  exchange.tell(1, event(3));
  CHECK(exchange.hear(2, 2, ignore));
  CHECK_FALSE(exchange.hear(2, 2, ignore));
}

TEST_CASE("news that find no room are lost and counted") {
  FlowExchange exchange(2);
  for (std::size_t i = 0; i < FlowExchange::kEvents + 3; ++i)
    exchange.tell(0, event(1));
  CHECK(exchange.lost() == 3);
  CHECK(heard(exchange, 1, 100000).size() == FlowExchange::kEvents);
}

TEST_CASE("workers tell and hear at the same time") {
  constexpr std::uint16_t kEvents = 20000;
  FlowExchange exchange(2);
  std::atomic<bool> done{false};
  std::thread teller([&exchange, &done] {
    for (std::uint16_t port = 1; port <= kEvents; ++port)
      exchange.tell(0, event(port));
    done.store(true);
  });
  std::vector<std::uint16_t> ports;
  while (!done.load()) {
    for (const std::uint16_t port : heard(exchange, 1, 64))
      ports.push_back(port);
  }
  teller.join();
  for (const std::uint16_t port : heard(exchange, 1, 100000))
    ports.push_back(port);
  CHECK(ports.size() + exchange.lost() == kEvents);
  CHECK(std::is_sorted(ports.begin(), ports.end()));
}
