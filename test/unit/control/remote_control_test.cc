// SPDX-License-Identifier: BSD-3-Clause
// Commands from one host to others over real drivers.
#include "control/remote_control.h"

#include <catch2/catch.hpp>

#include "control/commands.h"
#include "segment.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

namespace {

/// A converged segment where every host obeys as a daemon does.
class Remote {
 public:
  explicit Remote(std::uint8_t hosts) : segment(hosts) {
    for (std::uint8_t id = 1; id <= hosts; ++id) {
      ConvergenceDriver& driver = segment.host(id).driver;
      controls_.push_back(std::make_unique<RemoteControl>(
          segment.io(), driver, bucket::SipKey{id, 99},
          [&driver](const api::CommandRequest& request, base::HostId) {
            const std::vector<api::RuleStatus> rules = FakeDataPlane().rules();
            const Interpreted result =
                interpret(request, {driver.config().host_name, driver.status().state, rules});
            if (result.order) driver.command(*result.order);
            return result.reply;
          }));
      segment.start(id);
    }
    REQUIRE(segment.run_until([&] {
      for (std::uint8_t id = 1; id <= hosts; ++id) {
        const auto status = segment.host(id).driver.status();
        if (!status.converged || status.members.size() != hosts) return false;
      }
      return true;
    }));
  }
  ~Remote() {
    for (const auto& control : controls_)
      control->close();
    CHECK(segment.close());
  }
  Remote(const Remote&) = delete;
  Remote& operator=(const Remote&) = delete;

  /// Asks host 1 and runs until it has answered.
  api::CommandReply ask(const api::CommandRequest& request) {
    std::optional<api::CommandReply> got;
    controls_[0]->command(request, [&got](const api::CommandReply& reply) { got = reply; });
    REQUIRE(segment.run_until([&] { return got.has_value(); }));
    return *got;
  }
  api::CommandReply ask(const std::string& verb, const std::string& host) {
    return ask({verb, "", "", 0, host});
  }
  [[nodiscard]] bool reaches(std::size_t id, convergence::HostState state) {
    return segment.run_until([&] { return segment.host(id).driver.status().state == state; });
  }

  Segment segment;

 private:
  std::vector<std::unique_ptr<RemoteControl>> controls_;
};

using convergence::HostState;

}  // namespace

TEST_CASE("a host is stopped and started from another one, by id and by name") {
  Remote remote(2);
  const api::CommandReply stopped = remote.ask("stop", "2");
  CHECK(stopped.ok);
  CHECK(stopped.text == "host web2 stops");
  CHECK(stopped.hosts == std::vector<api::HostAnswer>{{2, "web2", true, 0, "host web2 stops"}});
  REQUIRE(remote.reaches(2, HostState::stopped));
  CHECK(remote.ask("start", "web2").text == "host web2 starts");
  REQUIRE(remote.reaches(2, HostState::converged));
  CHECK(remote.ask("start", "web2").text == "host web2 is started already");
}

TEST_CASE("what a host's state forbids is refused from afar as well") {
  Remote remote(2);
  REQUIRE(remote.ask("suspend", "2").ok);
  REQUIRE(remote.reaches(2, HostState::suspended));
  const api::CommandReply refused = remote.ask("start", "2");
  CHECK_FALSE(refused.ok);
  CHECK(refused.code == kRefused);
  CHECK(refused.text == "host web2 is suspended: resume it first");
  CHECK(remote.ask("resume", "2").ok);
  CHECK(remote.ask({"weight", "nothing", "5", 0, "2"}).code == kUsage);
  CHECK(remote.ask({"weight", "web", "5", 0, "2"}).ok);
  CHECK(remote.segment.host(2).driver.node().part(base::ClassIndex{2}).weight == 5);
  CHECK(remote.segment.host(1).driver.node().part(base::ClassIndex{2}).weight == 100);
}

TEST_CASE("all hosts answer in the order of their ids, this one among them") {
  Remote remote(3);
  const api::CommandReply stopped = remote.ask("stop", "all");
  CHECK(stopped.ok);
  CHECK(stopped.text == "host web1 stops\nhost web2 stops\nhost web3 stops");
  for (const std::size_t id : {1U, 2U, 3U})
    REQUIRE(remote.reaches(id, HostState::stopped));
  const api::CommandReply started = remote.ask("start", "all");
  CHECK(started.text == "host web1 starts\nhost web2 starts\nhost web3 starts");
  for (const std::size_t id : {1U, 2U, 3U})
    REQUIRE(remote.reaches(id, HostState::converged));
}

TEST_CASE("the host that is asked answers for itself at once") {
  Remote remote(1);
  for (const char* host : {"", "1", "web1"}) {
    const api::CommandReply reply = remote.ask("start", host);
    CHECK(reply.text == "host web1 is started already");
    CHECK(reply.hosts.size() == 1);
  }
}

TEST_CASE("a name nobody has is a usage error, a host that is down does not answer") {
  Remote remote(2);
  const api::CommandReply unknown = remote.ask("stop", "web9");
  CHECK(unknown.code == kUsage);
  CHECK(unknown.text == "no host is named \"web9\" (known: web1, web2)");
  CHECK(remote.ask("stop", "0").code == kUsage);
  CHECK(remote.ask("stop", "65").code == kUsage);
  const api::CommandReply down = remote.ask("stop", "9");
  CHECK_FALSE(down.ok);
  CHECK(down.code == kTimedOut);
  CHECK(down.text == "host 9: no answer within 2 s");
}

TEST_CASE("a command too long for a frame is refused before it is sent") {
  Remote remote(2);
  const api::CommandReply reply = remote.ask({"weight", std::string(1400, 'x'), "5", 0, "2"});
  CHECK(reply.code == kUsage);
  CHECK(reply.text == "the command is too long for another host");
}

TEST_CASE("forged and foreign commands are counted by reason and obeyed by nobody") {
  Remote remote(2);
  FakeLink& link = remote.segment.host(2).link;
  heartbeat::CommandFrame frame{heartbeat::CommandKind::command,
                                base::HostId{1},
                                base::HostId{2},
                                1001,
                                1,
                                1,
                                R"({"verb":"stop"})"};
  const heartbeat::DerivedKeys keys = cluster_keys();
  heartbeat::DerivedKeys foreign = keys;
  foreign.seals.front().command.fill(9);
  link.put(heartbeat::seal_command(foreign.seals.front(), keys.cluster_id, frame));
  foreign.seals.front().held.id = 5;
  link.put(heartbeat::seal_command(foreign.seals.front(), keys.cluster_id, frame));
  link.put(heartbeat::seal_command(keys.seals.front(), keys.cluster_id + 1, frame));
  const auto count = [&](const std::string& reason) -> std::uint64_t {
    for (const auto& [name, times] : remote.segment.host(2).driver.commands().refused) {
      if (name == reason) return times;
    }
    return 0;
  };
  REQUIRE(remote.segment.run_until([&] { return count("not_ours") == 1; }));
  CHECK(count("bad_tag") == 1);
  CHECK(count("unknown_key") == 1);
  CHECK(remote.segment.host(2).driver.status().state == HostState::converged);
}
