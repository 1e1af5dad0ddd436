// SPDX-License-Identifier: BSD-3-Clause
#include "process/messenger.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <functional>
#include <vector>

namespace covey::process {

namespace {

/// What the parent was told by a child that ran `body`, and ended by SIGKILL.
std::vector<std::string> told_by(const std::function<void(const Messenger&)>& body) {
  const auto messenger = Messenger::make();
  REQUIRE(messenger);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    body(**messenger);
    ::raise(SIGKILL);
  }
  std::vector<std::string> told;
  (*messenger)->pass_on([&told](const std::string& text) { told.push_back(text); });
  CHECK(::waitpid(child, nullptr, 0) == child);
  return told;
}

}  // namespace

TEST_CASE("a parent is told each text of its child, and when there will be no more") {
  CHECK(told_by([](const Messenger& messenger) {
          messenger.send("READY=1\nSTATUS=well");
          messenger.send("STATUS=better");
        }) == std::vector<std::string>{"READY=1\nSTATUS=well", "STATUS=better"});
  CHECK(told_by([](const Messenger&) {}).empty());
}

TEST_CASE("a text that is too long is cut off") {
  const std::string text(kLongestText + 1, 'x');
  CHECK(told_by([&text](const Messenger& messenger) { messenger.send(text); }) ==
        std::vector<std::string>{text.substr(0, kLongestText)});
}

TEST_CASE("a child does not wait for a parent that reads nothing") {
  const auto messenger = Messenger::make();
  REQUIRE(messenger);
  int sent = 0;
  while ((*messenger)->send("STATUS=on and on"))
    ++sent;
  CHECK(sent > 0);
}

TEST_CASE("a child whose parent has gone sends into the void, and lives") {
  auto messenger = Messenger::make();
  REQUIRE(messenger);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    // Its copy of the parent's end is closed with it; ours goes with the object.
    ::_exit((*messenger)->send("anybody?") ? 0 : 1);
  }
  int status = 0;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(WIFEXITED(status));
}

}  // namespace covey::process
