// SPDX-License-Identifier: BSD-3-Clause
#include "health/report.h"

#include <catch2/catch.hpp>

namespace covey::health {

TEST_CASE("the words of an agent are read in any order, case and spacing") {
  struct Row {
    std::string line;
    Report report;
  };
  const auto row = GENERATE(values<Row>({
      {"75%", {.percent = 75, .is_up = {}, .wish = {}, .description = ""}},
      {"0%", {.percent = 0, .is_up = {}, .wish = {}, .description = ""}},
      {"100%", {.percent = 100, .is_up = {}, .wish = {}, .description = ""}},
      {"up", {.percent = {}, .is_up = true, .wish = {}, .description = ""}},
      {"UP", {.percent = {}, .is_up = true, .wish = {}, .description = ""}},
      {"down", {.percent = {}, .is_up = false, .wish = {}, .description = ""}},
      {"failed", {.percent = {}, .is_up = false, .wish = {}, .description = ""}},
      {"stopped # by hand", {.percent = {}, .is_up = false, .wish = {}, .description = "by hand"}},
      {"ready", {.percent = {}, .is_up = {}, .wish = Wish::ready, .description = ""}},
      {"drain", {.percent = {}, .is_up = {}, .wish = Wish::drain, .description = ""}},
      {"maint", {.percent = {}, .is_up = {}, .wish = Wish::maint, .description = ""}},
      {"\tup, ready ,50%  maxconn:30",
       {.percent = 50, .is_up = true, .wish = Wish::ready, .description = ""}},
      {"10% 20%", {.percent = 20, .is_up = {}, .wish = {}, .description = ""}},
      {"down#UP", {.percent = {}, .is_up = false, .wish = {}, .description = "UP"}},
  }));
  INFO(row.line);
  const auto report = parse_report(row.line);
  REQUIRE(report);
  CHECK(*report == row.report);
}

TEST_CASE("what is no report is refused, and the word is named") {
  struct Row {
    std::string line;
    std::string problem;
  };
  const auto row = GENERATE(values<Row>({
      {"", "says nothing"},
      {"  , ", "says nothing"},
      {"# only words", "says nothing"},
      {"maxconn:30", "says nothing"},
      {"101%", "'101%'"},
      {"-1%", "'-1%'"},
      {"75", "'75'"},
      {"%", "'%'"},
      {"75%%", "'75%%'"},
      {"up 99999999999999999999%", "'99999999999999999999%'"},
      {"upp", "'upp' (allowed: 0%..100%, up, down, failed, stopped, ready, drain, maint)"},
      {"ready <html>", "'<html>'"},
  }));
  INFO(row.line);
  const auto report = parse_report(row.line);
  REQUIRE_FALSE(report);
  CHECK(report.error().context.find(row.problem) != std::string::npos);
}

TEST_CASE("a word that nobody knows is shown up to a length") {
  const auto report = parse_report(std::string(10'000, 'x'));
  REQUIRE_FALSE(report);
  CHECK(report.error().context.size() < 200);
}

}  // namespace covey::health
