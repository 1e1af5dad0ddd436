// SPDX-License-Identifier: BSD-3-Clause
// ChildProgram: a program of the operator's, run beside the daemon without any of its privileges.
//
// Owner: process. Threads: start() needs a thread of its own, which gives up its privileges and
// waits until the program is loaded; the object then belongs to one thread, which never waits.
// The program has the daemon's user, an empty standard input, no standard error, no open files but
// its output, and a process group of its own, which ends with it: what it leaves behind in that
// group is killed. What leaves the group is on its own.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "process/watch.h"

namespace covey::process {

struct Program {
  std::vector<std::string> arguments;  // the first is its absolute path
  std::vector<std::string> environment;
};

class ChildProgram {
 public:
  [[nodiscard]] static base::Result<ChildProgram> start(const Program& program);
  ChildProgram(ChildProgram&& other) noexcept;
  ChildProgram& operator=(ChildProgram&&) = delete;
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;
  /// A program that still runs is killed.
  ~ChildProgram();

  /// Readable once the program has ended.
  [[nodiscard]] int end_fd() const { return end_fd_; }
  /// Its standard output, non-blocking.
  [[nodiscard]] int output_fd() const { return output_fd_; }
  void kill() const;
  /// How it ended; nothing while it runs.
  [[nodiscard]] std::optional<Ending> ending();

 private:
  ChildProgram(int pid, int end_fd, int output_fd)
      : pid_(pid), end_fd_(end_fd), output_fd_(output_fd) {}

  int pid_;  // 0: it has been waited for
  int end_fd_;
  int output_fd_;
  std::optional<Ending> ending_;
};

}  // namespace covey::process
