// SPDX-License-Identifier: BSD-3-Clause
#include "process/watch.h"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace covey::process {
namespace {

constexpr std::array kTaken{SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2, SIGABRT};

/// SIGABRT is how the watchdog of a service manager ends who hangs, and who hangs hears nothing.
int passed_on(int signal) {
  return signal == SIGABRT ? SIGKILL : signal;
}

/// The signals a parent waits for, blocked while this lives.
class BlockedSignals {
 public:
  BlockedSignals() {
    ::sigemptyset(&signals_);
    ::sigaddset(&signals_, SIGCHLD);
    for (const int signal : kTaken)
      ::sigaddset(&signals_, signal);
    ::sigprocmask(SIG_BLOCK, &signals_, &before_);
  }
  ~BlockedSignals() { ::sigprocmask(SIG_SETMASK, &before_, nullptr); }
  BlockedSignals(const BlockedSignals&) = delete;
  BlockedSignals& operator=(const BlockedSignals&) = delete;

  /// The next one; 0 if a signal that is not ours came in between.
  [[nodiscard]] int wait() const {
    const int signal = ::sigwaitinfo(&signals_, nullptr);
    return signal < 0 ? 0 : signal;
  }

 private:
  sigset_t signals_;
  sigset_t before_;
};

[[noreturn]] void be_the_child(const Watched& watched, pid_t parent) {
  // In this order: a parent that died before the request is noticed by the question after it.
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  if (::getppid() != parent) ::raise(SIGTERM);
  std::exit(watched.child());
}

/// Leaves the child to be waited for.
bool has_ended(pid_t child, Ending& ending) {
  siginfo_t news{};
  const int failed = ::waitid(P_PID, static_cast<id_t>(child), &news, WEXITED | WNOHANG | WNOWAIT);
  if (failed != 0 || news.si_pid != child) return false;
  (news.si_code == CLD_EXITED ? ending.status : ending.signal) = news.si_status;
  return true;
}

}  // namespace

std::string text(const Ending& ending) {
  if (ending.signal == 0) return "ended with status " + std::to_string(ending.status);
  return "was killed by signal " + std::to_string(ending.signal) + " (" +
         ::strsignal(ending.signal) + ")";
}

base::Result<Ending> watch(const Watched& watched) {
  std::fflush(nullptr);  // else what is buffered would be written twice
  const pid_t parent = ::getpid();
  pid_t child = -1;
  Ending ending;
  {
    const BlockedSignals signals;
    child = ::fork();
    if (child < 0) return base::fail_errno("fork", errno);
    if (child > 0) {
      watched.parent(child);
      while (!has_ended(child, ending)) {
        const int signal = signals.wait();
        if (signal != 0 && signal != SIGCHLD) ::kill(child, passed_on(signal));
      }
      watched.ended(ending);
      ::waitpid(child, nullptr, 0);
    }
  }
  if (child == 0) be_the_child(watched, parent);
  return ending;
}

}  // namespace covey::process
