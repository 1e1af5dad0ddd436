// SPDX-License-Identifier: BSD-3-Clause
#include "control/command_channel.h"

#include <catch2/catch.hpp>
#include <memory>

using namespace covey;
using namespace covey::control;
using heartbeat::CommandFrame;
using heartbeat::CommandKind;

namespace {

/// Channels that hear each other when the test says so; time is what the test says.
class Wire {
 public:
  struct Host {
    std::unique_ptr<CommandChannel> channel;
    std::vector<std::string> obeyed;
  };

  explicit Wire(std::uint8_t hosts) : hosts_(hosts + 1U) {
    for (std::uint8_t id = 1; id <= hosts; ++id)
      start(id, 100U + id);
  }
  /// Also: starts that host's daemon anew.
  void start(std::uint8_t id, std::uint64_t nonce) {
    Host& host = hosts_[id];
    host.obeyed.clear();
    host.channel = std::make_unique<CommandChannel>(
        CommandChannel::Settings{
            base::HostId{id}, "web" + std::to_string(id), nonce, {nonce, 7U * nonce}},
        [this](const CommandFrame& frame, std::optional<std::uint8_t>) { sent.push_back(frame); },
        [&host](base::HostId from, const std::string& text) {
          host.obeyed.push_back(std::to_string(from.value) + ":" + text);
          return "did " + text;
        });
  }
  CommandChannel& channel(std::uint8_t id) { return *hosts_[id].channel; }
  std::vector<std::string>& obeyed(std::uint8_t id) { return hosts_[id].obeyed; }

  /// Asks; the answer goes into `answers`, "-" for none.
  void ask(std::uint8_t from, std::uint8_t to, const std::string& text) {
    channel(from).ask(now, base::HostId{to}, text, [this](const std::optional<std::string>& reply) {
      answers.push_back(reply.value_or("-"));
    });
  }
  void deliver(const CommandFrame& frame) {
    for (std::size_t id = 1; id < hosts_.size(); ++id)
      hosts_[id].channel->receive(now, frame, 0);
  }
  /// Everybody hears everything until all is said.
  void settle() {
    while (!sent.empty()) {
      const CommandFrame frame = sent.front();
      sent.erase(sent.begin());
      recorded.push_back(frame);
      deliver(frame);
    }
  }
  void pass(base::Duration span) {
    now = now + span;
    for (std::size_t id = 1; id < hosts_.size(); ++id)
      hosts_[id].channel->timer(now);
  }

  base::TimePoint now{1'000'000'000};
  std::vector<CommandFrame> sent;  // not delivered yet
  std::vector<CommandFrame> recorded;
  std::vector<std::string> answers;

 private:
  std::vector<Host> hosts_;
};

using Texts = std::vector<std::string>;

}  // namespace

TEST_CASE("a command is obeyed once by the host it is for, and answered") {
  Wire wire(3);
  wire.ask(1, 2, "stop");
  wire.settle();
  CHECK(wire.obeyed(2) == Texts{"1:stop"});
  CHECK(wire.obeyed(3).empty());
  CHECK(wire.answers == Texts{"did stop"});
  CHECK(wire.channel(2).counts().obeyed == 1);
  CHECK(wire.channel(1).next_wakeup() == base::TimePoint::never());
}

TEST_CASE("the first command costs a challenge, the next ones do not") {
  Wire wire(2);
  wire.ask(1, 2, "a");
  wire.settle();
  CHECK(wire.recorded.size() == 4);
  wire.recorded.clear();
  wire.ask(1, 2, "b");
  wire.settle();
  CHECK(wire.recorded.size() == 2);
  CHECK(wire.channel(2).counts().challenged == 1);
  CHECK(wire.answers == Texts{"did a", "did b"});
}

TEST_CASE("a command that is lost is sent again, one whose reply is lost is obeyed once") {
  Wire wire(2);
  wire.ask(1, 2, "stop");
  wire.sent.clear();
  wire.pass(std::chrono::milliseconds(200));
  REQUIRE(wire.sent.size() == 1);
  wire.deliver(std::exchange(wire.sent, {}).front());  // without a challenge
  wire.deliver(std::exchange(wire.sent, {}).front());  // the challenge
  wire.deliver(std::exchange(wire.sent, {}).front());  // the command
  CHECK(wire.obeyed(2) == Texts{"1:stop"});
  wire.sent.clear();  // the reply
  wire.pass(std::chrono::milliseconds(200));
  wire.settle();
  CHECK(wire.obeyed(2) == Texts{"1:stop"});
  CHECK(wire.channel(2).counts().repeated == 1);
  CHECK(wire.answers == Texts{"did stop"});
}

TEST_CASE("a host that does not answer is given up after two seconds") {
  Wire wire(2);
  wire.ask(1, 9, "stop");
  wire.pass(std::chrono::milliseconds(1999));
  CHECK(wire.answers.empty());
  CHECK(wire.channel(1).next_wakeup() <= wire.now + std::chrono::milliseconds(1));
  wire.pass(std::chrono::milliseconds(1));
  CHECK(wire.answers == Texts{"-"});
  CHECK(wire.channel(1).next_wakeup() == base::TimePoint::never());
}

TEST_CASE("several commands for one host are obeyed in the order they were given") {
  Wire wire(2);
  for (const char* text : {"a", "b", "c"})
    wire.ask(1, 2, text);
  CHECK(wire.sent.size() == 1);
  wire.settle();
  CHECK(wire.obeyed(2) == Texts{"1:a", "1:b", "1:c"});
  CHECK(wire.answers == Texts{"did a", "did b", "did c"});
}

TEST_CASE("a recording of all that was ever said does nothing") {
  Wire wire(2);
  for (const char* text : {"stop", "start", "stop"})
    wire.ask(1, 2, text);
  wire.settle();
  const auto recording = wire.recorded;
  wire.obeyed(2).clear();
  for (const CommandFrame& frame : recording)
    wire.deliver(frame);
  CHECK(wire.obeyed(2).empty());
  CHECK(wire.channel(2).counts().replayed == 2);
  CHECK(wire.channel(2).counts().repeated == 1);  // the last one: an answer, nothing done
  CHECK(wire.answers.size() == 3);
}

TEST_CASE("a recording of an earlier start of the target does nothing") {
  Wire wire(2);
  wire.ask(1, 2, "stop");
  wire.settle();
  const auto recording = wire.recorded;
  wire.start(2, 777);
  for (const CommandFrame& frame : recording)
    wire.deliver(frame);
  CHECK(wire.obeyed(2).empty());
  wire.sent.clear();
  wire.ask(1, 2, "start");  // with the challenge of the target's earlier start
  wire.settle();
  CHECK(wire.obeyed(2) == Texts{"1:start"});
}

TEST_CASE("a recording of earlier starts of the asker does nothing, and takes no session away") {
  Wire wire(2);
  wire.ask(1, 2, "stop");
  wire.settle();
  wire.start(1, 555);
  wire.ask(1, 2, "start");
  wire.settle();
  wire.start(1, 666);
  wire.ask(1, 2, "stop");
  wire.settle();
  CHECK(wire.obeyed(2) == Texts{"1:stop", "1:start", "1:stop"});
  const auto recording = wire.recorded;
  for (const CommandFrame& frame : recording)
    wire.deliver(frame);
  CHECK(wire.obeyed(2).size() == 3);
  wire.sent.clear();
  wire.recorded.clear();
  wire.ask(1, 2, "start");
  wire.settle();
  CHECK(wire.recorded.size() == 2);  // no new challenge
  CHECK(wire.obeyed(2).size() == 4);
}

TEST_CASE("a wrong challenge, a wrong nonce and answers nobody waits for change nothing") {
  Wire wire(2);
  wire.ask(1, 2, "stop");
  const CommandFrame first = wire.sent.front();
  CommandFrame guess = first;
  guess.challenge = 12345;
  wire.deliver(guess);
  CHECK(wire.obeyed(2).empty());
  CommandFrame reply{CommandKind::reply, base::HostId{2}, base::HostId{1}, first.nonce + 1, 0,
                     first.sequence,     "forged"};
  wire.deliver(reply);
  reply.nonce = first.nonce;
  reply.sequence += 1;
  wire.deliver(reply);
  reply.from = base::HostId{9};
  reply.sequence = first.sequence;
  wire.deliver(reply);
  CHECK(wire.answers.empty());
}

TEST_CASE("a call finds out who is there and is obeyed by nobody") {
  Wire wire(3);
  std::map<base::HostId, std::string> present;
  wire.channel(1).call(wire.now, [&present](const auto& names) { present = names; });
  wire.settle();
  wire.pass(kCallTime);
  CHECK(present ==
        std::map<base::HostId, std::string>{{base::HostId{2}, "web2"}, {base::HostId{3}, "web3"}});
  CHECK(wire.obeyed(2).empty());
}

TEST_CASE("a flood of recordings is answered a bounded number of times a second") {
  Wire wire(2);
  wire.ask(1, 2, "stop");
  const CommandFrame first = wire.sent.front();
  wire.sent.clear();
  for (int i = 0; i < 10000; ++i)
    wire.channel(2).receive(wire.now, first, 0);
  CHECK(wire.sent.size() == 200);
  CHECK(wire.channel(2).counts().limited == 9800);
  wire.sent.clear();
  wire.pass(std::chrono::seconds(1));
  wire.sent.clear();
  wire.channel(2).receive(wire.now, first, 0);
  CHECK(wire.sent.size() == 1);
}
