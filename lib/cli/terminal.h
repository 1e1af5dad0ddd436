// SPDX-License-Identifier: BSD-3-Clause
// Terminal: a screen that a program has to itself, and its keyboard, by ncurses.
//
// Owner: cli. Thread: the one that makes it, which is the only one; one at a time. While it lives,
// SIGINT, SIGTERM, SIGHUP and SIGWINCH are news of wait() instead of what they are else, so that
// the terminal is put right again on every end that a program can see.
#pragma once

#include <signal.h>

#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "cli/top_screen.h"

struct screen;

namespace covey::cli {

class Terminal {
 public:
  /// Standard input and output must be a terminal.
  [[nodiscard]] static bool is_there();
  /// Needs one that is there. invalid_argument: TERM names a kind that is not known.
  [[nodiscard]] static base::Result<std::unique_ptr<Terminal>> open();

  explicit Terminal(struct screen* screen);  // see open()
  ~Terminal();
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;

  [[nodiscard]] ScreenSize size() const;
  /// No more lines than there are rows, none of them wider than the screen.
  void draw(const std::vector<std::string>& lines);

  enum class News : unsigned char { nothing, resized, quit };
  /// Until the time is up or there is news; q, Ctrl-C and signals that end programs are quit.
  [[nodiscard]] News wait(base::Duration patience);

 private:
  [[nodiscard]] News key() const;
  [[nodiscard]] News signal() const;

  struct screen* screen_;  // of ncurses
  sigset_t mask_before_{};
  int signals_ = -1;
};

}  // namespace covey::cli
