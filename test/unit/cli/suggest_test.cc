// SPDX-License-Identifier: BSD-3-Clause
#include "cli/suggest.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "canned.h"
#include "cli/run.h"
#include "fake_daemon.h"
#include "files.h"

namespace covey::cli {
namespace {

using Line = std::vector<std::string>;

struct Outcome {
  int status = 0;
  std::string err;
};

Outcome run_with(Line line, const std::string& socket = "/run/no-such.sock") {
  line.insert(line.begin(), {"-s", socket});
  std::ostringstream out;
  std::ostringstream err;
  const int status = run(line, {out, err, false, "1.2.3", test::Files()});
  CHECK(out.str().empty());
  return {status, err.str()};
}

/// Knows three hosts, some rules and verdicts, and refuses all else as coveyd does.
void answer_all(test::FakeDaemon& daemon) {
  daemon.answer("GET /v1/status", 200, canned::kStatus);
  daemon.answer("GET /v1/rules", 200, canned::kRules);
  daemon.answer("GET /v1/stats", 200, canned::kStats);
}

std::string refusal(std::string_view text) {
  return R"({"ok":false,"text":")" + std::string(text) + R"(","code":2,"hosts":[]})";
}

}  // namespace

TEST_CASE("a misspelt command, option or fixed word is answered with the nearest") {
  const std::vector<std::pair<Line, std::string>> table = {
      {{"qurey"}, "unknown command 'qurey', did you mean 'query'?\n"},
      {{"--jsno"},
       "unknown option '--jsno', did you mean '--json'?; usage: covey [-s SOCKET] [--json] "
       "[--no-color] COMMAND\n"},
      {{"query", "--chek"},
       "unknown option '--chek', did you mean '--check'?; usage: covey query [HOST] [--check]\n"},
      {{"--jsno", "query"},
       "unknown option '--jsno', did you mean '--json'?; usage: covey query [HOST] [--check]\n"},
      {{"query", "-json"},
       "unknown option '-json', did you mean '--json'?; usage: covey query [HOST] [--check]\n"},
      {{"drainstop", "--timout=5m"},
       "unknown option '--timout=5m', did you mean '--timeout'?; usage: covey drainstop [HOST] "
       "[--timeout VALUE]\n"},
      {{"queryport", "80", "tpc"},
       "PROTOCOL: 'tpc' is unknown, did you mean 'tcp'? (allowed: tcp, udp)\n"},
      {{"key", "retrie"},
       "ACTION: 'retrie' is unknown, did you mean 'retire'? (allowed: list, add, retire)\n"},
      {{"completion", "fihs"},
       "SHELL: 'fihs' is unknown, did you mean 'fish'? (allowed: bash, zsh, fish)\n"},
      {{"completion", "csh-like"}, "SHELL: 'csh-like' is unknown (allowed: bash, zsh, fish)\n"}};
  for (const auto& [line, words] : table) {
    CAPTURE(line);
    const Outcome outcome = run_with(line);
    CHECK(outcome.status == 2);
    CHECK(outcome.err == "covey: " + words);
  }
}

TEST_CASE("what only scripts call is suggested to nobody") {
  CHECK(run_with({"__complet"}).err ==
        "covey: unknown command '__complet'; `covey --help` lists them\n");
}

TEST_CASE("a misspelt host, rule or verdict is answered with the nearest that the daemon knows") {
  test::FakeDaemon daemon;
  answer_all(daemon);
  daemon.answer("GET /v1/buckets?rule=web-oen", 404,
                R"({"error":"no rule with buckets is named \"web-oen\""})");
  daemon.answer("GET /v1/buckets?rule=spraed", 404,
                R"({"error":"no rule with buckets is named \"spraed\""})");
  daemon.answer(
      "GET /v1/trace?" + api::to_query(api::TraceRequest{10, 10'000, "drop_malfromed", {}}), 400,
      R"({"error":"verdict: \"drop_malfromed\" is unknown"})");
  daemon.answer("POST /v1/command", 400, refusal(R"(no host is named \"wbe3\")"));
  const std::vector<std::pair<Line, std::string>> table = {
      {{"query", "wbe2"}, "no host 'wbe2' is known, did you mean 'web2'?\n"},
      {{"query", "database"}, "no host 'database' is known\n"},
      {{"query", "7"}, "no host '7' is known\n"},
      {{"buckets", "web-oen"},
       "no rule with buckets is named \"web-oen\", did you mean 'web-one'?\n"},
      {{"buckets", "spraed"}, "no rule with buckets is named \"spraed\", did you mean 'spread'?\n"},
      {{"trace", "--verdict", "drop_malfromed"},
       "verdict: \"drop_malfromed\" is unknown, did you mean 'drop_malformed'?\n"},
      {{"stop", "wbe3"}, "no host is named \"wbe3\", did you mean 'web3'?\n"}};
  for (const auto& [line, words] : table) {
    CAPTURE(line);
    const Outcome outcome = run_with(line, daemon.socket());
    CHECK(outcome.status == 2);
    CHECK(outcome.err == "covey: " + words);
  }
}

TEST_CASE("a host that is there, but another one, is refused and not suggested") {
  test::FakeDaemon daemon;
  answer_all(daemon);
  for (const std::string host : {"web2", "2"}) {
    const Outcome outcome = run_with({"query", host}, daemon.socket());
    CHECK(outcome.status == 5);
    CHECK(outcome.err.find("did you mean") == std::string::npos);
  }
}

TEST_CASE("an error about something else brings no suggestion and no further request") {
  test::FakeDaemon daemon;
  answer_all(daemon);
  daemon.answer("POST /v1/command", 400, refusal("a weight is 0..100 or equal"));
  CHECK(run_with({"weight", "wbe", "1000", "wbe2"}, daemon.socket()).err ==
        "covey: a weight is 0..100 or equal\n");
  CHECK(daemon.requests().size() == 1);
}

TEST_CASE("a daemon that does not say what it knows leaves the error as it is") {
  test::FakeDaemon daemon;
  daemon.answer("GET /v1/buckets?rule=wbe", 404, R"({"error":"no rule is named \"wbe\""})");
  const Outcome outcome = run_with({"buckets", "wbe"}, daemon.socket());
  CHECK(outcome.status == 2);
  CHECK(outcome.err == "covey: no rule is named \"wbe\"\n");
}

}  // namespace covey::cli
