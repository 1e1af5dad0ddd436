// SPDX-License-Identifier: BSD-3-Clause
#include "control/health_rows.h"

#include <catch2/catch.hpp>

namespace covey::control {

namespace {

HealthChecks::Row row_of(const health::Settings& settings, bool is_well) {
  HealthChecks::Row row{.check = {settings, {0}, true}, .last = ""};
  row.was_well = is_well;
  row.last = is_well ? "200 OK" : "connect: Connection refused";
  row.took = std::chrono::microseconds(1500);
  row.succeeded = is_well ? 7 : 0;
  row.failed = is_well ? 1 : 3;
  for (int i = 0; i < 3; ++i)
    row.check.take({1}, {.is_well = is_well, .detail = row.last, .report = {}});
  return row;
}

std::vector<api::HealthRow> two_rows() {
  health::Settings web;
  web.name = "web";
  web.rules = {"web", "app"};
  web.kind = health::Kind::http;
  web.target.written = "http://127.0.0.1/";
  health::Settings disk;
  disk.name = "disk";
  disk.kind = health::Kind::exec;
  disk.program = {"/bin/check", "-v"};
  disk.on_fail = health::OnFail::drain_host;
  return to_rows({row_of(web, true), row_of(disk, false)}, {2},
                 [](base::TimePoint instant) { return "at " + std::to_string(instant.ns); });
}

}  // namespace

TEST_CASE("a check is shown with what is asked, what was answered and what follows") {
  const std::vector<api::HealthRow> rows = two_rows();
  REQUIRE(rows.size() == 2);
  CHECK(rows[0] == api::HealthRow{.name = "web",
                                  .rule = "web,app",
                                  .kind = "http",
                                  .target = "http://127.0.0.1/",
                                  .on_fail = "drain",
                                  .state = "up",
                                  .since = "at 1",
                                  .percent = 100,
                                  .last = "200 OK",
                                  .last_ok = true,
                                  .duration_ms = 1.5,
                                  .succeeded = 7,
                                  .failed = 1});
  CHECK(rows[1] == api::HealthRow{.name = "disk",
                                  .rule = "",
                                  .kind = "exec",
                                  .target = "/bin/check -v",
                                  .on_fail = "drain_host",
                                  .state = "down",
                                  .since = "at 1",
                                  .percent = 0,
                                  .last = "connect: Connection refused",
                                  .last_ok = false,
                                  .duration_ms = 1.5,
                                  .succeeded = 0,
                                  .failed = 3});
}

TEST_CASE("only checks that are not up are complained about") {
  CHECK(complaints(two_rows()) ==
        std::vector<std::string>{"disk is down: connect: Connection refused"});
}

TEST_CASE("metrics of checks are by their names, and there are none without checks") {
  std::vector<telemetry::Metric> metrics;
  append_health_metrics({}, metrics);
  CHECK(metrics.empty());
  append_health_metrics(two_rows(), metrics);
  const std::string page = telemetry::to_openmetrics(metrics);
  for (const char* line :
       {"covey_health_up{check=\"web\"} 1\n", "covey_health_up{check=\"disk\"} 0\n",
        "covey_health_share_ratio{check=\"disk\"} 0\n",
        "covey_health_check_duration_seconds{check=\"web\"} 0.0015\n",
        "covey_health_checks_total{check=\"web\",result=\"success\"} 7\n",
        "covey_health_checks_total{check=\"web\",result=\"failure\"} 1\n"}) {
    INFO(line);
    CHECK(page.find(line) != std::string::npos);
  }
}

}  // namespace covey::control
