// SPDX-License-Identifier: BSD-3-Clause
#include "process/last_words.h"

#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <csignal>
#include <vector>

namespace covey::process {

namespace {

std::vector<std::uint8_t> kept(const LastWords& words) {
  return {words.frame().begin(), words.frame().end()};
}

}  // namespace

TEST_CASE("the newest words are kept, and can be taken back") {
  const auto words = LastWords::make();
  REQUIRE(words);
  CHECK((*words)->frame().empty());
  (*words)->keep(std::vector<std::uint8_t>{1, 2, 3});
  (*words)->keep(std::vector<std::uint8_t>{4, 5});
  CHECK(kept(**words) == std::vector<std::uint8_t>{4, 5});
  (*words)->keep({});
  CHECK((*words)->frame().empty());
}

TEST_CASE("a frame that is too long counts as none") {
  const auto words = LastWords::make();
  REQUIRE(words);
  (*words)->keep(std::vector<std::uint8_t>(kMaxLastWords, 7));
  CHECK((*words)->frame().size() == kMaxLastWords);
  (*words)->keep(std::vector<std::uint8_t>(kMaxLastWords + 1, 7));
  CHECK((*words)->frame().empty());
}

TEST_CASE("what a child kept outlives it, whatever ended it") {
  const auto words = LastWords::make();
  REQUIRE(words);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    (*words)->keep(std::vector<std::uint8_t>{9, 8, 7});
    ::raise(SIGKILL);
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(kept(**words) == std::vector<std::uint8_t>{9, 8, 7});
}

}  // namespace covey::process
