// SPDX-License-Identifier: BSD-3-Clause
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "asking.h"

namespace covey::probe {
namespace {

using namespace std::chrono_literals;

health::Settings script(const std::string& text) {
  health::Settings settings;
  settings.name = "script";
  settings.kind = health::Kind::exec;
  settings.program = {"/bin/sh", "-c", text};
  settings.timeout = 60s;  // only a hang takes so long
  return settings;
}

}  // namespace

TEST_CASE("the status of a program decides, its first line is told") {
  struct Row {
    std::string script;
    bool is_well;
    std::string detail;
  };
  const auto row = GENERATE(values<Row>({
      {"true", true, "ended with status 0"},
      {"echo \"$COVEY_CHECK is fine\"; echo more", true, "ended with status 0: script is fine"},
      {"echo no disk; exit 2", false, "ended with status 2: no disk"},
      {"echo loud >&2; exit 1", false, "ended with status 1"},
      {"kill -9 $$", false, "was killed by signal 9 (Killed)"},
      {"printf 'a\\tb\\033[31m'", true, "ended with status 0: a?b?[31m"},
  }));
  INFO(row.script);
  const health::Outcome outcome = ask(script(row.script));
  CHECK(outcome.is_well == row.is_well);
  CHECK(outcome.detail == row.detail);
  CHECK_FALSE(outcome.report);
}

TEST_CASE("a program that is not there is a failure") {
  health::Settings settings = script("");
  settings.program = {"/nonexistent/check"};
  const health::Outcome outcome = ask(settings);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail == "run /nonexistent/check: No such file or directory");
}

TEST_CASE("a program whose time is up is killed with what it has started") {
  health::Settings settings = script("sleep 1000 & sleep 1000");
  settings.timeout = 50ms;
  const health::Outcome outcome = ask(settings);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail == "no answer within 50ms");
}

TEST_CASE("a program that says more than anybody reads is not held up") {
  const health::Outcome outcome = ask(script("yes | head -c 1000000"));
  CHECK(outcome.is_well);
  CHECK(outcome.detail == "ended with status 0: y");
}

TEST_CASE("a program that leaves its output open to others is not waited for twice") {
  const health::Outcome outcome = ask(script("echo done; sleep 1000 & exit 0"));
  CHECK(outcome.is_well);
  CHECK(outcome.detail == "ended with status 0: done");
}

TEST_CASE("the first line of a program can be a report") {
  health::Settings settings = script("echo '75% # two disks'");
  settings.agent = true;
  health::Outcome outcome = ask(settings);
  CHECK(outcome.is_well);
  CHECK(outcome.detail == "says: 75% # two disks");
  REQUIRE(outcome.report);
  CHECK(outcome.report->percent == 75U);
  settings.program[2] = "echo perhaps";
  outcome = ask(settings);
  CHECK_FALSE(outcome.is_well);
  CHECK(outcome.detail.starts_with("the agent says 'perhaps' (allowed:"));
  settings.program[2] = "echo 75%; exit 1";
  outcome = ask(settings);
  CHECK_FALSE(outcome.is_well);
  CHECK_FALSE(outcome.report);
}

TEST_CASE("a question that is cancelled ends, and the program with it") {
  const std::string sign = "probe_test." + std::to_string(::getpid()) + ".sign";
  boost::asio::io_context io;
  const auto probe = make_probe(io, script("touch " + sign + "; sleep 1000"));
  std::optional<health::Outcome> outcome;
  begin_asking(io, probe, outcome);
  io.poll();
  const bool while_it_runs = GENERATE(false, true);
  while (while_it_runs && !std::filesystem::exists(sign))
    io.run_one_for(1ms);
  probe->cancel();
  io.run();
  CHECK(outcome);
  probe->finish();
  std::filesystem::remove(sign);
}

}  // namespace covey::probe
