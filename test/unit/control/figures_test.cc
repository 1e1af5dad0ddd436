// SPDX-License-Identifier: BSD-3-Clause
#include "control/figures.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <string>

#include "fake_service.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;
using telemetry::Figure;
using telemetry::FigureList;
using telemetry::FigureTable;

namespace {

/// Two hosts, two workers, two ports, and as many rules as a test wants.
class Daemon final : public FakeService {
 public:
  api::Status status() override {
    api::Status status;
    status.cluster = "web";
    status.host = {2, "web2", "converged", false};
    status.epoch = 7;
    status.converged = true;
    status.members.resize(2);
    status.members[0] = {2, "web2", "converged", true, 100, 0, true, {}};
    status.members[1] = {5, "web5", "stopped", false, 50, 120, false, {"mail", "web"}};
    return status;
  }
  api::Stats stats() override {
    api::Stats stats;
    stats.verdicts = {{"deliver_owned", {3, 300}}, {"drop_other_bucket", {4, 400}}};
    stats.ports.resize(2);
    stats.ports[0] = {"up0", {true, 1, 2, 3, 4, 5, 6, 7}};
    stats.ports[1].first = "covey0";
    stats.workers.resize(2);
    stats.workers[1].packets = 11;
    stats.workers[1].busy_cycles = 12;
    stats.flows.established = 13;
    stats.flows.capacity = 14;
    stats.heartbeats.sent = 15;
    stats.heartbeats.refused = {{"bad_tag", 16}};
    return stats;
  }
  std::vector<api::RuleStatus> rules() override {
    std::vector<api::RuleStatus> rows(rule_count);
    for (std::size_t i = 0; i < rows.size(); ++i)
      rows[i].rule.append("r").append(std::to_string(i));
    if (!rows.empty()) rows.back().accepted = 17;
    return rows;
  }
  std::size_t rule_count = 3;
};

std::string text(const Figure& figure) {
  return std::holds_alternative<std::string>(figure)
             ? std::get<std::string>(figure)
             : std::to_string(std::get<std::uint64_t>(figure));
}

std::string table(const std::string& path, const std::string& parameter = "") {
  Daemon daemon;
  const auto got = figures(daemon, path, parameter);
  REQUIRE(got.has_value());
  std::string all;
  for (const auto& [name, figure] : std::get<FigureTable>(*got))
    all += name + "=" + text(figure) + " ";
  return all;
}

std::string list(const std::string& path, const std::string& parameter = "",
                 std::size_t rule_count = 3) {
  Daemon daemon;
  daemon.rule_count = rule_count;
  const auto got = figures(daemon, path, parameter);
  REQUIRE(got.has_value());
  std::string all;
  for (const Figure& figure : std::get<FigureList>(*got))
    all += text(figure) + " ";
  return all;
}

std::string refusal(const std::string& path, const std::string& parameter) {
  Daemon daemon;
  const auto got = figures(daemon, path, parameter);
  REQUIRE_FALSE(got.has_value());
  return got.error().context;
}

}  // namespace

TEST_CASE("figures say what the HTTP interface says") {
  CHECK(table("/covey/cluster") ==
        "cluster=web host=2 name=web2 state=converged converged=1 epoch=7 members=1 reason= ");
  CHECK(list("/covey/hosts") == "2 5 ");
  CHECK(table("/covey/host", "5") ==
        "name=web5 state=stopped in_view=0 default_host=0 weight=50 age_ms=120 drained_rules=2 ");
  CHECK(list("/covey/workers") == "0 1 ");
  CHECK(table("/covey/worker", "1") ==
        "packets=11 bursts=0 loops=0 busy_cycles=12 idle_cycles=0 sleeps=0 ");
  CHECK(list("/covey/ports") == "up0 covey0 ");
  CHECK(table("/covey/port", "up0") ==
        "link_up=1 rx_frames=1 rx_bytes=2 rx_missed=3 rx_errors=4 tx_frames=5 tx_bytes=6 "
        "tx_errors=7 ");
  CHECK(table("/covey/verdicts") == "deliver_owned=3 drop_other_bucket=4 ");
  CHECK(table("/covey/verdicts", "bytes") == "deliver_owned=300 drop_other_bucket=400 ");
  CHECK(table("/covey/flows") ==
        "established=13 half_open=0 created=0 expired=0 evicted=0 untracked=0 capacity=14 ");
  CHECK(table("/covey/heartbeats") ==
        "sent=15 send_failed=0 received=0 fragments=0 lost=0 refused_bad_tag=16 ");
  CHECK(table("/covey/rule", "r2") ==
        "state= percent=0 weight=0 accepted=17 dropped=0 flows=0 buckets_owned=0 buckets_dirty=0 "
        "buckets_total=0 ");
}

TEST_CASE("names of rules come 128 at a time") {
  CHECK(list("/covey/rules") == "r0 r1 r2 ");
  CHECK(list("/covey/rules", "2") == "r2 ");
  const std::string names = list("/covey/rules", "100", 1000);
  CHECK(names.starts_with("r100 r101 "));
  CHECK(names.ends_with(" r226 r227 "));
}

TEST_CASE("what is not there is refused") {
  CHECK(refusal("/covey/host", "") == "no host \"\"");
  CHECK(refusal("/covey/host", "3") == "no host \"3\"");
  CHECK(refusal("/covey/host", "-1") == "no host \"-1\"");
  CHECK(refusal("/covey/worker", "2") == "no worker \"2\"");
  CHECK(refusal("/covey/worker", "99999999999999999999") == "no worker \"99999999999999999999\"");
  CHECK(refusal("/covey/port", "eth0") == "no port \"eth0\"");
  CHECK(refusal("/covey/rule", "") == "no rule \"\"");
  CHECK(refusal("/covey/rules", "3") == "no rule number \"3\"");
  CHECK(refusal("/covey/verdicts", "bits") == "no count of \"bits\"");
  CHECK(refusal("/covey/nothing", "") == "no command /covey/nothing");
}

TEST_CASE("every command that is announced answers or asks for a parameter, in DPDK's limits") {
  for (const telemetry::FigureCommand& command : figure_commands()) {
    INFO(command.path);
    Daemon daemon;
    const auto got = figures(daemon, command.path, "");
    if (!got) CHECK(got.error().code == base::ErrorCode::invalid_argument);
    CHECK(command.path.size() < 56);
    CHECK(command.help.size() < 128);
  }
}
