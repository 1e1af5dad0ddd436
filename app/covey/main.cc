// SPDX-License-Identifier: BSD-3-Clause
// covey: the command line. Everything is in lib/cli; this is its terminal.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/run.h"

int main(int argc, char** argv) {
  // Whoever closes the other end of a pipe has read enough; writing on is no reason to die loudly.
  std::signal(SIGPIPE, SIG_IGN);
  const char* no_color = std::getenv("NO_COLOR");
  const bool wants_colours = no_color == nullptr || *no_color == '\0';
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  return covey::cli::run(arguments, {std::cout, std::cerr,
                                     wants_colours && isatty(STDOUT_FILENO) == 1, COVEY_VERSION});
}
