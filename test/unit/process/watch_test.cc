// SPDX-License-Identifier: BSD-3-Clause
#include "process/watch.h"

#include <poll.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <new>

#include "process/frame_sender.h"

namespace covey::process {

namespace {

/// A pipe that says "ready" from one process to another.
class Signpost {
 public:
  Signpost() { REQUIRE(::pipe(ends_.data()) == 0); }
  ~Signpost() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  Signpost(const Signpost&) = delete;
  Signpost& operator=(const Signpost&) = delete;
  void tell(char what = '!') const { static_cast<void>(::write(ends_[1], &what, 1)); }
  char wait() const {
    char what = 0;
    static_cast<void>(::read(ends_[0], &what, 1));
    return what;
  }

 private:
  std::array<int, 2> ends_{};
};

/// Leaves without Catch's say, which is the parent's alone.
int leave(int status) {
  ::_exit(status);
}

}  // namespace

TEST_CASE("the parent learns how the child ended") {
  const auto well = watch({[] { return leave(7); }, [](int) {}, [](const Ending&) {}});
  REQUIRE(well);
  CHECK(well->status == 7);
  CHECK(well->signal == 0);
  CHECK(text(*well) == "ended with status 7");
  const auto killed = watch({[] {
                               ::raise(SIGKILL);
                               return leave(0);
                             },
                             [](int) {}, [](const Ending&) {}});
  REQUIRE(killed);
  CHECK(killed->signal == SIGKILL);
  CHECK(text(*killed) == "was killed by signal 9 (Killed)");
}

TEST_CASE("the end is told before the child is forgotten") {
  int child = 0;
  Ending told;
  const auto ending = watch({[] { return leave(5); }, [&](int pid) { child = pid; },
                             [&](const Ending& one) {
                               told = one;
                               CHECK(::kill(child, 0) == 0);  // still there to be asked about
                             }});
  REQUIRE(ending);
  CHECK(told.status == 5);
  CHECK(::kill(child, 0) != 0);
}

TEST_CASE("signals to the parent reach the child, and the parent stays") {
  for (const int signal : {SIGTERM, SIGINT, SIGHUP, SIGUSR1}) {
    // Not Catch's handler; and whoever started the tests may have had the signal ignored.
    const auto before = ::signal(signal, SIG_DFL);
    const auto ending =
        watch({[] {
                 while (true)
                   ::pause();
                 return 0;
               },
               [signal](int) { ::kill(::getpid(), signal); }, [](const Ending&) {}});
    ::signal(signal, before);
    REQUIRE(ending);
    CHECK(ending->signal == signal);
  }
}

TEST_CASE("SIGABRT to the parent kills a child that hears nothing any more") {
  const auto before = ::signal(SIGABRT, SIG_DFL);
  const auto ending = watch({[] {
                               ::raise(SIGSTOP);
                               return leave(0);
                             },
                             [](int) { ::kill(::getpid(), SIGABRT); }, [](const Ending&) {}});
  ::signal(SIGABRT, before);
  REQUIRE(ending);
  CHECK(ending->signal == SIGKILL);
}

TEST_CASE("a child that is stopped has not ended") {
  const auto ending = watch({[] {
                               ::raise(SIGSTOP);
                               return leave(3);
                             },
                             [](int child) {
                               int status = 0;
                               REQUIRE(::waitpid(child, &status, WUNTRACED) == child);
                               REQUIRE(WIFSTOPPED(status));
                               ::kill(child, SIGCONT);
                             },
                             [](const Ending&) {}});
  REQUIRE(ending);
  CHECK(ending->status == 3);
}

TEST_CASE("a parent that is killed takes the child with it") {
  const Signpost ready;
  const Signpost gone;
  const pid_t parent = ::fork();
  REQUIRE(parent >= 0);
  if (parent == 0) {
    static_cast<void>(watch({[&] {
                               sigset_t term;
                               ::sigemptyset(&term);
                               ::sigaddset(&term, SIGTERM);
                               ::sigprocmask(SIG_BLOCK, &term, nullptr);
                               ready.tell();
                               int signal = 0;
                               ::sigwait(&term, &signal);
                               gone.tell(static_cast<char>(signal));
                               return leave(0);
                             },
                             [](int) {}, [](const Ending&) {}}));
    leave(0);
  }
  ready.wait();
  ::kill(parent, SIGKILL);
  CHECK(::waitpid(parent, nullptr, 0) == parent);
  CHECK(gone.wait() == SIGTERM);
}

TEST_CASE("frames go to interfaces that exist") {
  const auto nowhere = FrameSender::open("no-such-if0");
  REQUIRE_FALSE(nowhere);
  CHECK(nowhere.error().context.find("no-such-if0") != std::string::npos);
  const auto loopback = FrameSender::open("lo");
  if (!loopback) {
    CHECK(::geteuid() != 0);  // packet sockets are root's
    return;
  }
  CHECK_FALSE(loopback->send(std::array<std::uint8_t, 3>{}));  // not even a header
}

}  // namespace covey::process
