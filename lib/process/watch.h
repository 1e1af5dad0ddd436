// SPDX-License-Identifier: BSD-3-Clause
// watch(): runs a function in a child process and stays behind as its parent.
//
// Owner: process. Thread: the main thread, before there is any other: it forks. The parent waits,
// passes signals on (TERM, INT, HUP, QUIT, USR1, USR2, and ABRT as KILL) and reports the end. Once
// the child has ended the kernel has taken everything from it: no thread of it runs, no device is
// open. A parent that is killed takes the child with it, by SIGTERM.
#pragma once

#include <functional>
#include <string>

#include "base/result.h"

namespace covey::process {

struct Ending {
  int status = 0;  // as of exit(3)
  int signal = 0;  // 0: it ended by itself
};

/// "was killed by signal 9 (Killed)", "ended with status 1".
[[nodiscard]] std::string text(const Ending& ending);

struct Watched {
  std::function<int()> child;             // its result is the exit status of the child
  std::function<void(int child)> parent;  // called in the parent once the child runs
  // ... and as soon as it has ended. The kernel may yet take long to forget it, in our name.
  std::function<void(const Ending&)> ended;
};

/// Returns in the parent alone, when the child has ended. Error: there could be no child.
[[nodiscard]] base::Result<Ending> watch(const Watched& watched);

}  // namespace covey::process
