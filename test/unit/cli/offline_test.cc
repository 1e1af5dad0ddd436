// SPDX-License-Identifier: BSD-3-Clause
#include "cli/offline.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "canned.h"
#include "cli/run.h"
#include "fake_daemon.h"
#include "files.h"

namespace covey::cli {
namespace {

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

Outcome run_with(const std::vector<std::string>& arguments) {
  std::ostringstream out;
  std::ostringstream err;
  const int status = run(arguments, {out, err, false, "1.2.3", test::Files()});
  return {status, out.str(), err.str()};
}

}  // namespace

TEST_CASE("a packet is explained by a file, and its mistakes are exit status 3") {
  const std::vector<std::string> line = {"explain", "tcp", "10.77.0.100:40000", "10.77.0.50:80",
                                         "-f"};
  std::vector<std::string> good = line;
  good.emplace_back("good.yaml");
  const Outcome explained = run_with(good);
  CHECK(explained.status == 0);
  CHECK(explained.out.find("drop_not_owner") != std::string::npos);
  CHECK(explained.out.find("host 1 would take the bucket over from host 2") != std::string::npos);
  std::vector<std::string> bad = line;
  bad.emplace_back("bad.yaml");
  const Outcome refused = run_with(bad);
  CHECK(refused.status == 3);
  CHECK(refused.out.empty());
  CHECK(refused.err == "bad.yaml:1:1: x: no\n");
}

TEST_CASE("doctor does not need a daemon, and exits with 1 if it finds a fault") {
  const Outcome outcome = run_with({"-s", "/run/no-such.sock", "doctor"});
  CHECK(outcome.status == 1);
  CHECK(outcome.out.find("daemon_unreachable") != std::string::npos);
  CHECK(outcome.out.find("1 fault, 0 notes\n") != std::string::npos);
  test::FakeDaemon daemon;
  daemon.answer("GET /v1/status", 200, canned::kStatus);
  daemon.answer("GET /v1/stats", 200, canned::kStats);
  daemon.answer("GET /v1/rules", 200, canned::kRules);
  daemon.answer("GET /v1/events", 200, canned::kEvents);
  daemon.answer("GET /v1/config", 200, R"({"yaml":"version: 1\n"})");
  const Outcome healthy = run_with({"-s", daemon.socket(), "doctor", "--time", "0s"});
  CHECK(healthy.status == 0);
  CHECK(healthy.out.find("0 faults, 1 note\n") != std::string::npos);
}

}  // namespace covey::cli
