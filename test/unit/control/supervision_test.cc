// SPDX-License-Identifier: BSD-3-Clause
#include "control/supervision.h"

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <catch2/catch.hpp>
#include <csignal>

#include "fakes.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

using Workers = std::vector<std::size_t>;
using Loops = std::vector<std::uint64_t>;

TEST_CASE("workers that have not gone round once stand still") {
  Movement movement;
  CHECK(movement.standing_still(Loops{0, 0}) == Workers{0, 1});
  CHECK(movement.standing_still(Loops{0, 1}) == Workers{0});
  CHECK(movement.standing_still(Loops{1, 2}) == Workers{});
}

TEST_CASE("workers that go round move, however often they do") {
  Movement movement;
  CHECK(movement.standing_still(Loops{1, 1'000'000}) == Workers{});
  CHECK(movement.standing_still(Loops{2, 2'000'000}) == Workers{});
}

TEST_CASE("one worker that stands still is noticed beside others that move, and when it goes on") {
  Movement movement;
  CHECK(movement.standing_still(Loops{5, 5, 5}) == Workers{});
  CHECK(movement.standing_still(Loops{6, 5, 6}) == Workers{1});
  CHECK(movement.standing_still(Loops{7, 5, 6}) == Workers{1, 2});
  CHECK(movement.standing_still(Loops{8, 6, 7}) == Workers{});
}

TEST_CASE("the line about a host says what it is, or why it is not more") {
  convergence::Status status;
  status.state = convergence::HostState::converged;
  status.converged = true;
  status.generation = 12;
  status.members.resize(4);
  for (std::size_t member = 0; member < 3; ++member)
    status.members[member].in_view = true;
  CHECK(status_line(status) == "converged: 3 hosts, epoch 12");
  status.members.resize(1);
  CHECK(status_line(status) == "converged: 1 host, epoch 12");
  status.reason = "host 2 is kept out";
  CHECK(status_line(status) == "converged: host 2 is kept out");
  status = {};
  CHECK(status_line(status) == "joining");
}

namespace {

const std::string kJoining = "STATUS=joining: listening for other hosts\n";

/// A Supervision between a host that does nothing and a service manager that writes down.
struct Scene {
  explicit Scene(base::Duration patience = {})
      : supervision(io,
                    {[this](const std::string& news) {
                       told.push_back(news);
                       if (when_told) when_told();
                     },
                     patience},
                    {driver, data_plane, quiet_logger()}) {}

  /// Lets time pass until `done`, for a limit that is never reached.
  bool goes_on_until(const std::function<bool()>& done) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!done() && std::chrono::steady_clock::now() < deadline)
      io.run_one_for(std::chrono::milliseconds(10));
    return done();
  }
  [[nodiscard]] std::size_t count(const std::string& line) const {
    return static_cast<std::size_t>(std::ranges::count_if(told, [&line](const std::string& news) {
      return ("\n" + news).find("\n" + line + "\n") != std::string::npos;
    }));
  }

  boost::asio::io_context io;
  FakeLink link;
  FakeDataPlane data_plane;
  EventLog events{quiet_logger()};
  ConvergenceDriver driver{
      io, host_config(1), cluster_keys(), {data_plane, link, data_plane}, events};
  std::vector<std::string> told;
  std::function<void()> when_told;
  Supervision supervision;
};

}  // namespace

TEST_CASE("a host is ready when all of its workers move, and not before") {
  Scene scene;
  scene.data_plane.workers_move = false;
  scene.supervision.start();
  CHECK(scene.told == std::vector<std::string>{kJoining});
  scene.io.run_one();  // the next look
  scene.io.run_one();
  CHECK(scene.told.size() == 1);
  scene.supervision.reloading();  // nobody asked for news of a reload before that
  scene.supervision.reloaded();
  CHECK(scene.told.size() == 1);
  scene.data_plane.workers_move = true;
  CHECK(scene.goes_on_until([&] { return scene.told.size() > 1; }));
  CHECK(scene.told.back() == "READY=1\n");
}

TEST_CASE("the watchdog is fed while all workers move, and starves while they do not") {
  Scene scene(std::chrono::milliseconds(20));
  scene.supervision.start();
  CHECK(scene.told == std::vector<std::string>{"READY=1\nWATCHDOG=1\n" + kJoining});
  CHECK(scene.goes_on_until([&] { return scene.count("WATCHDOG=1") == 5; }));
  scene.data_plane.workers_move = false;
  for (int look = 0; look < 5; ++look)
    scene.io.run_one();
  CHECK(scene.count("WATCHDOG=1") == 5);
  scene.data_plane.workers_move = true;
  CHECK(scene.goes_on_until([&] { return scene.count("WATCHDOG=1") == 6; }));
  CHECK(scene.count("READY=1") == 1);
}

TEST_CASE("a service manager with any patience gets no signs of life") {
  Scene scene;
  scene.supervision.start();
  CHECK(scene.told == std::vector<std::string>{"READY=1\n" + kJoining});
}

TEST_CASE("a reload begins with the time of its beginning, and ends ready") {
  Scene scene;
  scene.supervision.start();
  const std::int64_t before_us = scene.data_plane.now().ns / 1000;
  scene.supervision.reloading();
  REQUIRE(scene.told.size() == 2);
  const std::string began = "RELOADING=1\nMONOTONIC_USEC=";
  REQUIRE(scene.told.back().starts_with(began));
  const std::int64_t began_us = std::stoll(scene.told.back().substr(began.size()));
  CHECK(began_us >= before_us);
  CHECK(began_us <= scene.data_plane.now().ns / 1000);
  scene.supervision.reloaded();
  CHECK(scene.told.back() == "READY=1\n");
}

TEST_CASE("who stops says so once, and is not ready any more whatever happens") {
  Scene scene(std::chrono::milliseconds(20));
  scene.supervision.start();
  scene.supervision.stopping();
  CHECK(scene.told.back() == "STOPPING=1\nSTATUS=leaving the cluster\n");
  scene.supervision.stopping();
  scene.supervision.reloading();
  scene.supervision.reloaded();
  CHECK(scene.told.size() == 2);
  CHECK(scene.goes_on_until([&] { return scene.told.size() == 3; }));
  CHECK(scene.told.back() == "WATCHDOG=1\n");  // leaving takes a moment, and is still to be watched
}

TEST_CASE("without a service manager nothing is looked at") {
  Scene scene;
  Supervision nobody(scene.io, {}, {scene.driver, scene.data_plane, quiet_logger()});
  nobody.start();
  nobody.reloading();
  nobody.reloaded();
  nobody.stopping();
  CHECK(scene.data_plane.loops == 0);
  CHECK(scene.io.poll() == 0);
}
