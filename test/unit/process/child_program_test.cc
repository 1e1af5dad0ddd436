// SPDX-License-Identifier: BSD-3-Clause
#include "process/child_program.h"

#include <poll.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cerrno>
#include <thread>

namespace covey::process {
namespace {

constexpr int kPatienceMs = 30'000;  // only a hang takes so long

Program shell(const std::string& script) {
  return {{"/bin/sh", "-c", script}, {"PATH=/usr/bin:/bin", "COVEY_CHECK=x"}};
}

/// In a thread of its own, as start() asks for.
base::Result<ChildProgram> start(const Program& program) {
  std::optional<base::Result<ChildProgram>> started;
  std::thread([&] { started.emplace(ChildProgram::start(program)); }).join();
  return std::move(*started);
}

bool is_readable(int fd) {
  pollfd wait{fd, POLLIN, 0};
  return ::poll(&wait, 1, kPatienceMs) == 1;
}

Ending end_of(ChildProgram& child) {
  REQUIRE(is_readable(child.end_fd()));
  const auto ending = child.ending();
  REQUIRE(ending);
  return *ending;
}

std::string output_of(const ChildProgram& child) {
  std::string text;
  std::array<char, 4096> bytes{};
  for (;;) {
    REQUIRE(is_readable(child.output_fd()));
    const ssize_t length = ::read(child.output_fd(), bytes.data(), bytes.size());
    if (length <= 0) return text;
    text.append(bytes.data(), static_cast<std::size_t>(length));
  }
}

}  // namespace

TEST_CASE("a program runs, says something and ends with a status") {
  auto child = start(shell("echo \"$COVEY_CHECK: fine\"; exit 3"));
  REQUIRE(child);
  CHECK(output_of(*child) == "x: fine\n");
  const Ending ending = end_of(*child);
  CHECK(ending.status == 3);
  CHECK(ending.signal == 0);
  CHECK(child->ending()->status == 3);  // asked again
}

TEST_CASE("a program that is not there is an error, and no process") {
  const auto child = start({{"/nonexistent/check"}, {}});
  REQUIRE_FALSE(child);
  CHECK(child.error().context == "run /nonexistent/check: No such file or directory");
}

TEST_CASE("a program has no privileges and no open files of ours") {
  std::array<int, 2> ours{};
  REQUIRE(::pipe(ours.data()) == 0);  // without O_CLOEXEC
  auto child =
      start({{"/bin/grep", "-E", "^(CapPrm|CapEff|CapAmb|NoNewPrivs)", "/proc/self/status"}, {}});
  REQUIRE(child);
  CHECK(output_of(*child) ==
        "CapPrm:\t0000000000000000\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n"
        "NoNewPrivs:\t1\n");
  CHECK(end_of(*child).status == 0);
  auto lister = start({{"/bin/ls", "/proc/self/fd"}, {}});
  REQUIRE(lister);
  CHECK(output_of(*lister) == "0\n1\n2\n3\n");  // the last is the directory
  CHECK(end_of(*lister).status == 0);
  ::close(ours[0]);
  ::close(ours[1]);
}

TEST_CASE("what the thread gave up the others keep") {
  const auto capabilities = [] {
    std::string text;
    std::array<char, 8192> bytes{};
    FILE* const file = std::fopen("/proc/thread-self/status", "r");
    REQUIRE(file != nullptr);
    text.assign(bytes.data(), std::fread(bytes.data(), 1, bytes.size(), file));
    std::fclose(file);
    return text.substr(text.find("CapPrm"), 24);
  };
  const std::string before = capabilities();
  auto child = start(shell("true"));
  REQUIRE(child);
  CHECK(end_of(*child).status == 0);
  CHECK(capabilities() == before);
}

TEST_CASE("a program is killed with what it has started") {
  auto child = start(shell("sleep 1000 & echo $!; wait"));
  REQUIRE(child);
  REQUIRE(is_readable(child->output_fd()));
  std::array<char, 32> bytes{};
  REQUIRE(::read(child->output_fd(), bytes.data(), bytes.size()) > 0);
  const int grandchild = std::stoi(bytes.data());
  CHECK_FALSE(child->ending());
  child->kill();
  CHECK(end_of(*child).signal == SIGKILL);
  CHECK(output_of(*child).empty());  // its end: nobody has it open any more
  CHECK(grandchild > 0);
}

TEST_CASE("what a program leaves behind in its group ends with it") {
  auto child = start(shell("sleep 1000 & exit 0"));
  REQUIRE(child);
  CHECK(end_of(*child).status == 0);
  CHECK(output_of(*child).empty());
}

TEST_CASE("a program that nobody waits for any more is killed") {
  std::array<int, 2> alive{};
  {
    auto child = start(shell("echo up; exec sleep 1000"));
    REQUIRE(child);
    REQUIRE(is_readable(child->output_fd()));
    alive[0] = ::dup(child->output_fd());
  }
  std::array<char, 8> bytes{};
  CHECK(::read(alive[0], bytes.data(), bytes.size()) == 3);
  REQUIRE(is_readable(alive[0]));
  CHECK(::read(alive[0], bytes.data(), bytes.size()) == 0);
  ::close(alive[0]);
}

}  // namespace covey::process
