// SPDX-License-Identifier: BSD-3-Clause
#include "control/runtime.h"

#include <catch2/catch.hpp>
#include <climits>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <stdexcept>
#include <thread>

#include "control/state_file.h"
#include "daemon.h"
#include "fakes.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

TEST_CASE("a daemon converges, answers, and leaves when it is stopped") {
  Daemon daemon(1);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  const api::Status status = daemon.status();
  CHECK(status.cluster == "test");
  CHECK(status.host.id == 1);
  CHECK(status.host.is_default);
  CHECK(status.converged);
  CHECK(status.reason.empty());
  CHECK(daemon.status().since == status.since);
  CHECK(daemon.wait() == 0);
  CHECK_FALSE(daemon.data_plane.tables.back().serving);
  CHECK_FALSE(std::filesystem::exists(daemon.settings.socket));
}

TEST_CASE("a trace ends when its time is up, and its packets have times") {
  Daemon daemon(1);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  const auto reply = api::decode<api::TraceReply>(
      ask(daemon.settings.socket, get("/v1/trace?count=5&timeout_ms=1")));
  REQUIRE(reply.has_value());
  CHECK(reply->host == 1);
  CHECK(reply->ended == "time");
  CHECK(reply->seen == 7);
  REQUIRE(reply->packets.size() == 2);
  for (const api::TraceRow& packet : reply->packets) {
    CHECK(packet.time.starts_with("20"));
    CHECK(packet.time.ends_with("Z"));
  }
}

TEST_CASE("SIGTERM leaves the cluster as stop does, however often it comes at once") {
  Daemon daemon(1);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  std::raise(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
  std::raise(SIGTERM);
  CHECK(daemon.join() == 0);
  CHECK_FALSE(daemon.data_plane.tables.back().serving);
}

TEST_CASE("two daemons share a rule, and the share is in the rules") {
  Daemon one(1);
  Daemon two(2);
  one.link.peers = {&two.link};
  two.link.peers = {&one.link};
  one.start();
  two.start();
  const auto share = [](const Daemon& daemon) {
    const auto rules =
        api::decode<std::vector<api::RuleStatus>>(ask(daemon.settings.socket, get("/v1/rules")));
    return rules ? rules->front() : api::RuleStatus{};
  };
  REQUIRE(one.reaches([&](const api::Status& now) {
    return now.converged && now.members.size() == 2 && share(one).buckets.owned == 32 &&
           share(two).buckets.owned == 32;
  }));
  CHECK(share(one).state == "enabled");
  CHECK(share(one).weight == 100);
  CHECK(share(one).buckets.total == 64);
  CHECK(one.command({"weight", "web", "0", 0, ""}).ok);
  CHECK(one.reaches([&](const api::Status&) { return share(two).buckets.owned == 64; }));
  const auto map =
      api::decode<api::BucketMaps>(ask(two.settings.socket, get("/v1/buckets?rule=web")));
  REQUIRE(map.has_value());
  CHECK(map->maps.front().owners == std::vector<unsigned>(64, 2U));
  CHECK(one.wait() == 0);
  CHECK(two.reaches([](const api::Status& now) { return now.converged && now.host.is_default; }));
  const auto history =
      api::decode<std::vector<api::HistoryRow>>(ask(two.settings.socket, get("/v1/history")));
  REQUIRE(history.has_value());
  CHECK(history->size() >= 2);
  CHECK(two.wait() == 0);
}

TEST_CASE("a host stopped by command keeps answering, starts again, and remembers") {
  Daemon daemon(1, InitialState::persisted);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.command({"stop", "", "", 0, ""}).ok);
  REQUIRE(daemon.reaches("stopped"));
  CHECK(load_state(daemon.settings.state_dir) == InitialState::stopped);
  CHECK(daemon.wait() == 0);

  daemon.start();
  REQUIRE(daemon.reaches("stopped"));
  CHECK(ask(daemon.settings.socket, get("/healthz")).find("stopped") != std::string::npos);
  CHECK(daemon.command({"start", "", "", 0, ""}).ok);
  REQUIRE(daemon.reaches("converged"));
  CHECK(ask(daemon.settings.socket, get("/healthz")) == R"({"status":"ok"})");
  CHECK(load_state(daemon.settings.state_dir) == InitialState::started);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a rule that is drained or disabled is so after a restart, until it is enabled") {
  Daemon daemon(1, InitialState::persisted);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.command({"drain", "web", "", 0, ""}).text ==
        "host web1 takes no new connections of rule web");
  CHECK(daemon.command({"disable", "default", "", 0, ""}).ok);
  const std::vector<api::HeldRule> held = {{"web", "draining", "operator", 0},
                                           {"default", "disabled", "operator", 0}};
  CHECK(daemon.status().rules == held);
  CHECK(daemon.reaches([&](const api::Status&) { return daemon.rule(0).buckets.owned == 0; }));
  CHECK(daemon.rule(0).reason == "operator");
  const std::string events = ask(daemon.settings.socket, get("/v1/events"));
  CHECK(events.find(R"("event":"rule_state_changed","host":1,"detail":"rule web: draining")") !=
        std::string::npos);
  const std::string metrics = ask(daemon.settings.socket, get("/metrics"));
  CHECK(metrics.find("covey_rule_state{rule=\"web\",state=\"draining\"} 1\n") != std::string::npos);
  CHECK(metrics.find("covey_rule_part_ratio{rule=\"web\"} 0\n") != std::string::npos);
  CHECK(daemon.wait() == 0);

  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.status().rules == held);
  CHECK(daemon.rule(0).buckets.owned == 0);
  CHECK(daemon.command({"enable", "web", "", 0, ""}).ok);
  CHECK(daemon.command({"enable", "default", "", 0, ""}).ok);
  CHECK(daemon.reaches([&](const api::Status& now) {
    return now.rules.empty() && daemon.rule(0).buckets.owned == FakeDataPlane::kBuckets;
  }));
  CHECK(load_rule_states(daemon.settings.state_dir) == RuleStates::Kept{});
  CHECK(daemon.wait() == 0);
}

TEST_CASE("without initial_state persisted a restart enables every rule") {
  Daemon daemon(1);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.command({"disable", "all", "", 0, ""}).ok);
  CHECK(daemon.wait() == 0);
  daemon.start();
  CHECK(daemon.reaches([&](const api::Status& now) {
    return now.converged && now.rules.empty() && daemon.rule(0).buckets.owned != 0;
  }));
  CHECK(daemon.wait() == 0);
}

TEST_CASE("rule states that cannot be read keep the host out") {
  Daemon daemon(1, InitialState::persisted);
  std::filesystem::create_directory(daemon.settings.state_dir);
  std::ofstream(daemon.settings.state_dir + "/rule-states") << "drained web\n";
  daemon.start();
  CHECK(daemon.reaches("stopped"));
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a command about a rule reaches every host, and each answers") {
  Daemon one(1);
  Daemon two(2);
  one.link.peers = {&two.link};
  two.link.peers = {&one.link};
  one.start();
  two.start();
  REQUIRE(
      one.reaches([](const api::Status& now) { return now.converged && now.members.size() == 2; }));
  const api::CommandReply all = one.command({"drain", "web", "", 0, "all"});
  CHECK(all.ok);
  REQUIRE(all.hosts.size() == 2);
  CHECK(all.hosts[1].text == "host web2 takes no new connections of rule web");
  CHECK(one.reaches([&](const api::Status&) {
    return one.rule(0).buckets.owned == 0 && two.rule(0).buckets.owned == 0;
  }));
  CHECK(one.reaches([](const api::Status& now) {
    return now.members[1].drains == std::vector<std::string>{"web"};
  }));
  CHECK(one.command({"enable", "web", "", 0, "web2"}).ok);
  CHECK(one.reaches([&](const api::Status&) { return two.rule(0).buckets.owned == 64; }));
  CHECK(one.command({"drain", "block", "", 0, "2"}).code == 5);
  CHECK(one.command({"drain", "wbe", "", 0, "all"}).code == 2);
  CHECK(one.wait() == 0);
  CHECK(two.wait() == 0);
}

TEST_CASE("a host without connections is drained at once and stays out after a restart") {
  Daemon daemon(1, InitialState::persisted);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.command({"drainstop", "", "", 0, ""}).ok);
  REQUIRE(daemon.reaches("stopped"));
  CHECK(daemon.wait() == 0);
  CHECK(load_state(daemon.settings.state_dir) == InitialState::stopped);
}

namespace {

/// As the file says it now: one class more.
Reread good_reread(std::atomic<int>& adopted) {
  Reread reread;
  reread.changes = {{"port_rules[ssh]", "", "tcp 22", false, "port_rules[ssh]: added (tcp 22)"}};
  reread.configuration.digest = 43;
  for (std::uint64_t identity = 1; identity <= 4; ++identity)
    reread.configuration.classes.push_back({FakeDataPlane::kBuckets, 50, 0, identity});
  reread.adopt = [&adopted] { ++adopted; };
  return reread;
}

void start_with_another_file(Daemon& daemon, std::atomic<int>& adopted) {
  daemon.config.read_by = [&adopted] { return good_reread(adopted); };
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
}

}  // namespace

TEST_CASE("a reload is adopted, staged and, on a host alone, followed") {
  std::atomic<int> adopted = 0;
  Daemon daemon(1);
  start_with_another_file(daemon, adopted);
  CHECK(daemon.data_plane.followed == 42);
  const api::ReloadReply reply = daemon.reload();
  CHECK(reply.ok);
  CHECK(reply.changes.size() == 1);
  CHECK(reply.text == "in effect on this host");
  CHECK(daemon.reaches([&](const api::Status&) { return daemon.data_plane.followed == 43; }));
  CHECK(adopted == 1);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a rule that keeps its name keeps its state over a reload that changes it") {
  std::atomic<int> adopted = 0;
  Daemon daemon(1);
  daemon.config.read_by = [&adopted] {
    Reread reread = good_reread(adopted);
    reread.class_rules = {"default", "", "web", ""};
    for (convergence::ClassConfig& map_class : reread.configuration.classes)
      map_class.identity += 100;  // none is the same one
    return reread;
  };
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.command({"disable", "web", "", 0, ""}).ok);
  CHECK(daemon.reload().ok);
  CHECK(daemon.reaches([&](const api::Status&) { return daemon.data_plane.followed == 43; }));
  CHECK(daemon.status().rules == std::vector<api::HeldRule>{{"web", "disabled", "operator", 0}});
  CHECK(daemon.reaches([&](const api::Status& now) { return now.converged; }));
  CHECK(daemon.data_plane.tables.back().closed == std::vector{base::ClassIndex{2}});
  CHECK(daemon.wait() == 0);
}

TEST_CASE("SIGHUP reloads, and the daemon goes on") {
  std::atomic<int> adopted = 0;
  Daemon daemon(1);
  start_with_another_file(daemon, adopted);
  ::kill(::getpid(), SIGHUP);
  CHECK(daemon.reaches([&](const api::Status&) { return daemon.data_plane.followed == 43; }));
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a service manager hears of the start, of each reload however it ends, and of the end") {
  std::vector<std::string> told;  // by the control thread, read when it has ended
  Daemon daemon(1);
  daemon.supervisor.tell = [&told](const std::string& news) { told.push_back(news); };
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.reload().ok);
  daemon.config.read_by = []() -> Reread { throw std::runtime_error("no"); };
  CHECK_FALSE(daemon.reload().ok);
  CHECK(daemon.wait() == 0);

  std::erase_if(told, [](const std::string& news) { return news.starts_with("STATUS="); });
  for (std::string& news : told)
    news.resize(news.find_first_of("=") + 2);
  CHECK(told == std::vector<std::string>{"READY=1", "RELOADING=1", "READY=1", "RELOADING=1",
                                         "READY=1", "STOPPING=1"});
}

TEST_CASE("a file with mistakes, or one that needs a restart, changes nothing") {
  std::atomic<int> adopted = 0;
  Reread reread;
  Daemon daemon(1);
  daemon.config.read_by = [&] { return reread; };
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  CHECK(daemon.reload().text == "nothing has changed");

  reread.mistakes = {"coveyd.yaml:3:1: hosts: unknown key"};
  api::ReloadReply reply = daemon.reload();
  CHECK_FALSE(reply.ok);
  CHECK(reply.code == 3);
  CHECK(reply.mistakes == reread.mistakes);

  reread = good_reread(adopted);
  reread.changes.push_back({"host.id", "1", "2", true, "host.id: 1 -> 2"});
  reply = daemon.reload();
  CHECK_FALSE(reply.ok);
  CHECK(reply.code == 5);
  CHECK(reply.changes.size() == 2);

  daemon.config.read_by = []() -> Reread { throw std::runtime_error("no"); };
  CHECK(daemon.reload().mistakes == std::vector<std::string>{"cannot be read: no"});
  CHECK(adopted == 0);
  CHECK(daemon.data_plane.followed == 42);
  CHECK(daemon.status().converged);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a suspended host refuses to start until it is resumed") {
  Daemon daemon(1, InitialState::suspended);
  daemon.start();
  REQUIRE(daemon.reaches("suspended"));
  CHECK(daemon.command({"start", "", "", 0, ""}).code == 5);
  CHECK(daemon.command({"resume", "", "", 0, ""}).ok);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("the only host goes on serving a rule whose service is ill, and says so") {
  Daemon daemon(1);
  health::Settings& check = daemon.health.emplace_back();
  check.name = "no";
  check.kind = health::Kind::exec;
  check.program = {"/bin/false"};
  check.interval = std::chrono::milliseconds(20);
  check.timeout = std::chrono::seconds(20);
  daemon.start();
  REQUIRE(daemon.reaches([&](const api::Status& now) {
    const std::string events = ask(daemon.settings.socket, get("/v1/events"));
    return now.converged && events.find("health_overruled") != std::string::npos;
  }));
  CHECK(daemon.status().health == std::vector<std::string>{"no is down: ended with status 1"});
  const std::string rules = ask(daemon.settings.socket, get("/v1/rules"));
  const auto web = api::decode<std::vector<api::RuleStatus>>(rules).value().front();
  CHECK(web.reason == "health");
  CHECK(web.buckets.owned == web.buckets.total);
  CHECK(daemon.wait() == 0);
}

TEST_CASE("metrics and statistics join both sides") {
  Daemon daemon(1);
  daemon.start();
  REQUIRE(daemon.reaches("converged"));
  const std::string metrics = ask(daemon.settings.socket, get("/metrics"));
  CHECK(metrics.find("covey_x 1\n") != std::string::npos);
  CHECK(metrics.find("covey_host_state{state=\"converged\"} 1\n") != std::string::npos);
  CHECK(metrics.find("covey_heartbeats_total{outcome=\"bad_tag\"} 0\n") != std::string::npos);
  CHECK(metrics.find("covey_host_info{host=\"1\",name=\"") != std::string::npos);
  CHECK(metrics.find("covey_islands 0\n") != std::string::npos);
  const auto stats = api::decode<api::Stats>(ask(daemon.settings.socket, get("/v1/stats")));
  REQUIRE(stats.has_value());
  CHECK(stats->heartbeats.sent > 0);
  CHECK(stats->heartbeats.lost == 3);
  CHECK(stats->verdicts.front().first == "deliver_owned");
  CHECK(daemon.wait() == 0);
}

TEST_CASE("a daemon that cannot open its socket says why and starts nothing") {
  Daemon daemon(1);
  daemon.settings.socket = "/no/such/directory/at/all/api.sock";
  FakeConfig config;
  const auto opened =
      Runtime::open({daemon.settings, host_config(1), cluster_ring(), {}, {}}, daemon.data_plane,
                    daemon.link, daemon.data_plane, config, quiet_logger());
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().context.starts_with("api: "));
  CHECK(daemon.link.sent == 0);
}

TEST_CASE("a daemon whose workers hang is stopped all the same") {
  Daemon daemon(1);
  daemon.data_plane.polls_to_go = INT_MAX;
  daemon.start();
  REQUIRE(daemon.reaches([](const api::Status& now) { return now.host.id == 1; }));
  const auto stopping = std::chrono::steady_clock::now();
  const int exit_code = daemon.wait();
  CHECK(exit_code == 1);
  CHECK(std::chrono::steady_clock::now() - stopping < kDeadline);
}

TEST_CASE("one signal ends a daemon that has left before") {
  Daemon daemon(1, InitialState::stopped);
  daemon.start();
  REQUIRE(daemon.reaches("stopped"));
  std::raise(SIGTERM);
  if (!comes_true([&daemon] { return daemon.has_ended.load(); }))
    std::raise(SIGTERM);  // cuts it short
  CHECK(daemon.join() == 0);
}

TEST_CASE("a second signal ends a daemon that is still leaving") {
  Daemon daemon(1);
  daemon.data_plane.polls_to_go = INT_MAX;
  daemon.start();
  REQUIRE(daemon.reaches([](const api::Status& now) { return now.host.id == 1; }));
  std::raise(SIGTERM);
  std::this_thread::sleep_for(std::chrono::milliseconds(600));
  std::raise(SIGINT);
  CHECK(daemon.join() == kCutShort);
}
