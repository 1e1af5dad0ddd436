// SPDX-License-Identifier: BSD-3-Clause
// Terminal: a screen that a program has to itself, and its keyboard.
//
// Owner: cli. Thread: the one that makes it, which is the only one. While it lives, SIGINT,
// SIGTERM, SIGHUP and SIGWINCH are news of wait() instead of what they are else, so that the
// terminal is put right again on every end that a program can see.
#pragma once

#include <signal.h>
#include <termios.h>

#include <ostream>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/top_screen.h"

namespace covey::cli {

class Terminal {
 public:
  /// Standard input and output must be a terminal.
  [[nodiscard]] static bool is_there();

  explicit Terminal(std::ostream& out);
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] ScreenSize size() const;
  void draw(const std::vector<std::string>& lines);

  enum class News : unsigned char { nothing, resized, quit };
  /// Until the time is up or there is news; q, Ctrl-C and signals that end programs are quit.
  [[nodiscard]] News wait(base::Duration patience);

 private:
  [[nodiscard]] News key() const;
  [[nodiscard]] News signal() const;

  std::ostream& out_;
  termios before_{};
  sigset_t mask_before_{};
  int signals_ = -1;
};

}  // namespace covey::cli
