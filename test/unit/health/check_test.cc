// SPDX-License-Identifier: BSD-3-Clause
// Stories as tables: at a second the service answers something, then the check is in a state and
// takes a share.
#include "health/check.h"

#include <catch2/catch.hpp>
#include <vector>

namespace covey::health {
namespace {

using namespace std::chrono_literals;
using base::TimePoint;

constexpr TimePoint kStart{1'000'000'000};

TimePoint at(int second) {
  return kStart + std::chrono::seconds(second);
}

struct Step {
  int second;
  std::string answer;  // "well", "ill", or what an agent says
  State state;
  unsigned percent;
};

Outcome outcome_of(const std::string& answer) {
  if (answer == "well" || answer == "ill")
    return {.is_well = answer == "well", .detail = "", .report = {}};
  const auto report = parse_report(answer);
  REQUIRE(report);
  return {.is_well = true, .detail = "", .report = *report};
}

void play(Check check, const std::vector<Step>& steps) {
  for (const Step& step : steps) {
    INFO("second " << step.second << ": " << step.answer);
    check.take(at(step.second), outcome_of(step.answer));
    CHECK(name(check.state()) == name(step.state));
    CHECK(check.percent(at(step.second)) == step.percent);
  }
}

Check fresh(const Settings& settings, bool serves = false) {
  return {settings, kStart, serves};
}

}  // namespace

TEST_CASE("three failures in a row make a service ill, two successes make it well") {
  play(fresh({}), {{0, "well", State::up, 100},
                   {2, "ill", State::up, 100},
                   {4, "ill", State::up, 100},
                   {6, "well", State::up, 100},
                   {8, "ill", State::up, 100},
                   {10, "ill", State::up, 100},
                   {12, "ill", State::down, 0},
                   {14, "well", State::down, 0},
                   {16, "ill", State::down, 0},
                   {18, "well", State::down, 0},
                   {20, "well", State::up, 100}});
}

TEST_CASE("a service takes nothing before its first success, unless it was in use already") {
  CHECK(fresh({}).state() == State::starting);
  CHECK(fresh({}).percent(kStart) == 0);
  CHECK(fresh({}, true).percent(kStart) == 100);
  Settings settings;
  settings.on_fail = OnFail::weight;
  CHECK(fresh(settings).percent(kStart) == 10);
  play(fresh({}), {{0, "ill", State::starting, 0},
                   {2, "ill", State::starting, 0},
                   {4, "well", State::up, 100}});
  play(fresh({}, true), {{0, "ill", State::starting, 100},
                         {2, "ill", State::starting, 100},
                         {4, "ill", State::down, 0}});
}

TEST_CASE("failures within the start grace do not count") {
  Settings settings;
  settings.start_grace = 10s;
  settings.fall = 2;
  play(fresh(settings, true), {{0, "ill", State::starting, 100},
                               {9, "ill", State::starting, 100},
                               {10, "ill", State::starting, 100},
                               {12, "ill", State::down, 0}});
  play(fresh(settings),
       {{0, "well", State::up, 100}, {2, "ill", State::up, 100}, {4, "ill", State::down, 0}});
}

TEST_CASE("a service that has recovered gets its share back in steps") {
  Settings settings;
  settings.slow_start = 40s;
  settings.fall = settings.rise = 1;
  Check check = fresh(settings);
  check.take(at(0), outcome_of("well"));
  CHECK(check.percent(at(0)) == 100);  // no ramp at the beginning
  CHECK(check.next_step(at(0)) == TimePoint::never());
  check.take(at(5), outcome_of("ill"));
  CHECK(check.next_step(at(5)) == TimePoint::never());
  check.take(at(100), outcome_of("well"));
  struct Row {
    int second;
    unsigned percent;
    int next;  // second of the next step; 0: none
  };
  for (const Row row : {Row{100, 20, 110}, Row{109, 20, 110}, Row{110, 40, 120}, Row{129, 60, 130},
                        Row{139, 80, 140}, Row{140, 100, 0}}) {
    INFO(row.second);
    CHECK(check.percent(at(row.second)) == row.percent);
    CHECK(check.next_step(at(row.second)) == (row.next == 0 ? TimePoint::never() : at(row.next)));
  }
  check.take(at(115), outcome_of("10%"));
  CHECK(check.percent(at(115)) == 4);
  check.take(at(116), outcome_of("1%"));
  CHECK(check.percent(at(116)) == 1);
}

TEST_CASE("a slow start that is too short for steps is none") {
  Settings settings;
  settings.slow_start = 3ns;
  settings.fall = settings.rise = 1;
  play(fresh(settings), {{0, "ill", State::down, 0}, {1, "well", State::up, 100}});
}

TEST_CASE("an agent's percentage stays until the next one") {
  play(fresh({}), {{0, "75%", State::up, 75},
                   {2, "up", State::up, 75},
                   {4, "ill", State::up, 75},
                   {6, "0%", State::up, 0},
                   {8, "100%", State::up, 100}});
}

TEST_CASE("drain and maint stay until ready, and keep nothing from being found ill") {
  play(fresh({}), {{0, "drain", State::drain, 0},
                   {2, "up 50%", State::drain, 0},
                   {4, "maint", State::maint, 0},
                   {6, "ill", State::maint, 0},
                   {8, "ill", State::maint, 0},
                   {10, "ill", State::down, 0},
                   {12, "ready", State::down, 0},
                   {14, "ready", State::up, 50}});
}

TEST_CASE("down holds at once and until up, whatever else is said") {
  play(fresh({}), {{0, "up", State::up, 100},
                   {2, "down", State::down, 0},
                   {4, "well", State::down, 0},
                   {6, "ready 80%", State::down, 0},
                   {8, "well", State::down, 0},
                   {10, "up", State::up, 80}});
}

TEST_CASE("an ill service keeps a part of its weight where that is wanted") {
  Settings settings;
  settings.on_fail = OnFail::weight;
  settings.fail_percent = 25;
  settings.fall = 1;
  play(fresh(settings), {{0, "well", State::up, 100},
                         {2, "ill", State::down, 25},
                         {4, "20%", State::down, 20},
                         {6, "drain", State::drain, 0}});
}

TEST_CASE("a check that only reports never takes from a share") {
  Settings settings;
  settings.on_fail = OnFail::report;
  settings.fall = 1;
  CHECK(fresh(settings).percent(kStart) == 100);
  play(fresh(settings), {{0, "ill", State::down, 100}, {2, "up drain", State::drain, 100}});
}

TEST_CASE("a state has an age") {
  Check check = fresh({});
  CHECK(check.since() == kStart);
  check.take(at(3), outcome_of("well"));
  CHECK(check.since() == at(3));
  check.take(at(5), outcome_of("well"));
  CHECK(check.since() == at(3));
}

}  // namespace covey::health
