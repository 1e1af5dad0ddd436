// SPDX-License-Identifier: BSD-3-Clause
#include "control/turns.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <catch2/catch.hpp>
#include <functional>
#include <optional>
#include <vector>

#include "fakes.h"

using namespace covey::control;
namespace asio = boost::asio;

namespace {

/// Takes a turn, does something with it, and passes it on.
asio::awaitable<void> worker(asio::io_context& io, Turns& turns, std::chrono::milliseconds patience,
                             std::function<void(Turns::Turn)> work) {
  asio::steady_timer timer(io);
  work(co_await turns.take(timer, patience));
}

}  // namespace

TEST_CASE("turns come in order, and the loop gets to other work between any two") {
  asio::io_context io;
  Turns turns(io);
  int beats = 0;
  std::vector<std::pair<int, int>> taken;  // who, after how many beats
  constexpr int workers = 10;
  const std::function<void()> beat = [&] {
    ++beats;
    if (taken.size() < workers) asio::post(io, beat);
  };
  for (int who = 0; who < workers; ++who) {
    asio::co_spawn(io,
                   worker(io, turns, test::kDeadline,
                          [&, who](const Turns::Turn& turn) {
                            CHECK(turn);
                            taken.emplace_back(who, beats);
                          }),
                   asio::detached);
  }
  asio::post(io, beat);
  io.run();
  REQUIRE(taken.size() == workers);
  for (int who = 0; who < workers; ++who) {
    CHECK(taken[who].first == who);
    if (who > 0) CHECK(taken[who].second > taken[who - 1].second);
  }
}

TEST_CASE("who waits for too long gets no turn, and takes none from those behind") {
  asio::io_context io;
  Turns turns(io);
  std::optional<Turns::Turn> held;
  bool is_late = false;
  bool is_served = false;
  const auto spawn = [&](std::chrono::milliseconds patience,
                         std::function<void(Turns::Turn)> work) {
    asio::co_spawn(io, worker(io, turns, patience, std::move(work)), asio::detached);
  };
  spawn(test::kDeadline, [&](Turns::Turn turn) { held.emplace(std::move(turn)); });
  spawn(std::chrono::milliseconds(1), [&](const Turns::Turn& turn) {
    is_late = !turn;
    held.reset();
  });
  spawn(test::kDeadline, [&](const Turns::Turn& turn) { is_served = static_cast<bool>(turn); });
  io.run();
  CHECK(is_late);
  CHECK(is_served);
}
