// SPDX-License-Identifier: BSD-3-Clause
// Checks of programs: each looks whether a file is there.
#include "control/health_checks.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <fstream>

#include "fakes.h"

namespace covey::control::test {

namespace {

using namespace std::chrono_literals;
using Shares = HealthChecks::Shares;

/// What the rest of a daemon is told.
struct Diary {
  HealthChecks::Host host() {
    return {.now =
                [] {
                  const auto now = std::chrono::steady_clock::now().time_since_epoch();
                  return base::TimePoint{std::chrono::nanoseconds(now).count()};
                },
            .rules =
                [] {
                  return std::vector<std::string>{"web", "mail", "default"};
                },
            .hold = [this](const Shares& shares) { history.push_back(held = shares); },
            .last_resorts = [this] { return std::set<std::string>{last_resort}; },
            .report = [this](std::string_view event, const std::string& detail,
                             LogLevel) { events.push_back(std::string(event) + " " + detail); }};
  }

  Shares held = {{"nothing was said yet", 0}};
  std::vector<Shares> history;
  std::string last_resort;
  std::vector<std::string> events;
};

class World {
 public:
  /// Runs until it is so. Only a hang takes long.
  template <typename Condition>
  bool reaches(const Condition& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!condition() && std::chrono::steady_clock::now() < deadline)
      io.run_one_for(1ms);
    return condition();
  }
  bool holds(const Shares& shares) {
    return reaches([&] { return diary.held == shares; });
  }
  health::Settings wants(const std::string& file, std::vector<std::string> rules = {"web"}) {
    health::Settings settings;
    settings.name = file;
    settings.rules = std::move(rules);
    settings.kind = health::Kind::exec;
    settings.program = {"/bin/sh", "-c", "test -e " + directory.file(file)};
    settings.interval = 5ms;
    settings.timeout = 60s;
    return settings;
  }
  void put(const std::string& file) { std::ofstream(directory.file(file)) << "here"; }
  void take(const std::string& file) { std::filesystem::remove(directory.file(file)); }
  /// All that is under way ends.
  void end() {
    checks.close();
    io.run();
  }

  TemporaryDirectory directory;
  Diary diary;
  boost::asio::io_context io;
  HealthChecks checks{io, diary.host()};
};

}  // namespace

TEST_CASE("rules are held back from the beginning until their service has answered well") {
  World world;
  world.put("a");
  world.checks.start({world.wants("a"), world.wants("b", {"mail"})});
  CHECK(world.diary.held == Shares{{"web", 0}, {"mail", 0}});
  CHECK(world.holds({{"mail", 0}}));
  world.put("b");
  CHECK(world.holds({}));
  world.take("a");
  CHECK(world.holds({{"web", 0}}));
  const std::vector<std::string>& events = world.diary.events;
  CHECK(std::ranges::count(events, "health_changed a: starting -> up: ended with status 0") == 1);
  CHECK(std::ranges::count(events, "health_changed a: up -> down: ended with status 1") == 1);
  const std::vector<HealthChecks::Row> rows = world.checks.rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0].check.settings().name == "a");
  CHECK(rows[0].failed >= 3);
  CHECK(rows[0].succeeded >= 1);
  CHECK_FALSE(rows[0].was_well);
  CHECK(rows[1].was_well);
  world.end();
}

TEST_CASE("of several checks of a rule the lowest share counts") {
  World world;
  health::Settings weak = world.wants("a", {});
  weak.on_fail = health::OnFail::weight;
  weak.fail_percent = 30;
  health::Settings weaker = world.wants("b", {"mail"});
  weaker.on_fail = health::OnFail::weight;
  world.checks.start({weak, weaker});
  CHECK(world.diary.held == Shares{{"web", 30}, {"mail", 10}});
  world.put("b");
  CHECK(world.holds({{"web", 30}, {"mail", 30}}));
  world.end();
}

TEST_CASE("the host is held back in all it can be, a check that reports in nothing") {
  World world;
  health::Settings host = world.wants("a", {});
  host.on_fail = health::OnFail::drain_host;
  health::Settings report = world.wants("b", {});
  report.on_fail = health::OnFail::report;
  world.checks.start({host, report});
  CHECK(world.diary.held == Shares{{"web", 0}, {"mail", 0}, {"default", 0}});
  world.put("a");
  CHECK(world.holds({}));
  world.end();
}

TEST_CASE("a share comes back slowly without any further answer") {
  World world;
  world.put("a");
  health::Settings slow = world.wants("a");
  // Once it has recovered, which is when there is a "c", it does not answer any more.
  slow.program[2] = "cd " + world.directory.file("") +
                    "; test -e b && sleep 1000; test -e a || exit 1; test -e c && touch b; exit 0";
  slow.slow_start = 80ms;
  slow.rise = 1;
  world.checks.start({slow});
  REQUIRE(world.holds({}));
  world.take("a");
  REQUIRE(world.holds({{"web", 0}}));
  world.put("c");
  world.put("a");
  CHECK(world.holds({}));
  const std::vector<Shares>& history = world.diary.history;
  REQUIRE(history.size() >= 4);
  CHECK(history[3] == Shares{{"web", 20}});
  CHECK(std::ranges::is_sorted(history.begin() + 2, history.end() - 1));
  world.end();
}

TEST_CASE("the last one that serves is told of once") {
  World world;
  world.diary.last_resort = "web";
  world.checks.start({world.wants("a"), world.wants("b", {"mail"})});
  CHECK(world.reaches([&] { return world.checks.rows()[0].failed >= 4; }));
  const std::string told = "health_overruled rule web: no host is well, this one goes on serving";
  CHECK(std::ranges::count(world.diary.events, told) == 1);
  world.put("a");
  CHECK(world.holds({{"mail", 0}}));
  world.take("a");
  CHECK(world.reaches([&] { return std::ranges::count(world.diary.events, told) == 2; }));
  world.end();
}

TEST_CASE("other checks are adopted, and those that stay go on") {
  World world;
  world.put("a");
  world.checks.start({world.wants("a"), world.wants("b", {"mail"})});
  REQUIRE(world.holds({{"mail", 0}}));
  REQUIRE(world.reaches([&] { return world.checks.rows()[1].failed >= 3; }));
  const std::uint64_t asked = world.checks.rows()[0].succeeded;
  // b goes, c is new and believed to be well; a is as it was.
  world.checks.adopt({world.wants("c", {"mail"}), world.wants("a")});
  CHECK(world.diary.held.empty());
  REQUIRE(world.checks.rows().size() == 2);
  CHECK(world.checks.rows()[1].succeeded == asked);
  CHECK(world.checks.rows()[1].check.state() == health::State::up);
  CHECK(world.holds({{"mail", 0}}));
  // Ill under the same name, and asked otherwise: it has to show that it is well.
  health::Settings changed = world.wants("c", {"mail"});
  changed.rise = 5;
  world.checks.adopt({changed});
  CHECK(world.diary.held == Shares{{"mail", 0}});
  CHECK(world.checks.rows()[0].check.state() == health::State::starting);
  world.put("c");
  CHECK(world.holds({}));
  world.end();
}

TEST_CASE("checks end at once, whatever is under way") {
  World world;
  health::Settings endless = world.wants("a");
  endless.program = {"/bin/sleep", "1000"};
  endless.timeout = 1h;
  world.checks.start({endless});
  const auto until = std::chrono::steady_clock::now() + 100ms;
  while (std::chrono::steady_clock::now() < until)
    world.io.run_one_for(1ms);
  world.end();
  CHECK(world.diary.events.empty());
}

}  // namespace covey::control::test
