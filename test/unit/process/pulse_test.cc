// SPDX-License-Identifier: BSD-3-Clause
#include "process/pulse.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <functional>
#include <thread>
#include <vector>

namespace covey::process {

namespace {

/// A child process that does something; it is killed in the end.
class Child {
 public:
  explicit Child(const std::function<void()>& what) : pid_(::fork()) {
    if (pid_ != 0) return;
    what();
    for (;;)
      ::pause();
  }
  ~Child() {
    kill();
    ::waitpid(pid_, nullptr, 0);
  }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;
  void kill() const { ::kill(pid_, SIGKILL); }

 private:
  pid_t pid_;
};

std::unique_ptr<Pulse> pulse() {
  auto made = Pulse::make();
  REQUIRE(made);
  return std::move(*made);
}

}  // namespace

TEST_CASE("the death of all threads that are expected is known before the process is reaped") {
  const auto shared = pulse();
  std::array<int, 2> pipe{};
  REQUIRE(::pipe(pipe.data()) == 0);
  const Child child([&] {
    for (int i = 0; i < 3; ++i) {
      std::thread([&] {
        const auto held = shared->hold();
        static_cast<void>(::write(pipe[1], "!", 1));
        for (;;)
          ::pause();
      }).detach();
    }
    shared->expect(3);
    static_cast<void>(::write(pipe[1], "!", 1));
  });
  char said = 0;
  for (int i = 0; i < 4; ++i)
    REQUIRE(::read(pipe[0], &said, 1) == 1);
  bool died = false;
  std::jthread waiter([&](const std::stop_token& stop) { died = shared->wait_for_death(stop); });
  child.kill();
  waiter.join();
  CHECK(died);
  ::close(pipe[0]);
  ::close(pipe[1]);
}

TEST_CASE("threads that let go have not died") {
  const auto shared = pulse();
  const Child child([&] {
    std::jthread([&] { const auto held = shared->hold(); }).join();
    const auto held = shared->hold();
    shared->expect(2);
  });
  CHECK_FALSE(shared->wait_for_death({}));
}

TEST_CASE("one dead thread among others is enough, but all are waited for") {
  const auto shared = pulse();
  const Child child([&] {
    std::jthread([&] { const auto held = shared->hold(); }).join();
    static std::shared_ptr<void> held;
    held = shared->hold();
    shared->expect(2);
    ::raise(SIGKILL);
  });
  CHECK(shared->wait_for_death({}));
}

TEST_CASE("whoever waits for threads that never come can be stopped") {
  const auto shared = pulse();
  bool died = true;
  std::jthread waiter([&](const std::stop_token& stop) { died = shared->wait_for_death(stop); });
  waiter.request_stop();
  waiter.join();
  CHECK_FALSE(died);
}

TEST_CASE("a thread too many has no pulse") {
  const auto shared = pulse();
  std::vector<std::shared_ptr<void>> held;
  for (unsigned i = 0; i < kMaxPulses; ++i)
    held.push_back(shared->hold());
  CHECK(held.back() != nullptr);
  CHECK(shared->hold() == nullptr);
}

}  // namespace covey::process
