// SPDX-License-Identifier: BSD-3-Clause
// covey: the command line. Everything is in lib/cli; this is its terminal, and what it does without
// a daemon.
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <iostream>

#include "cli/run.h"
#include "doctor/diagnose.h"
#include "explaining/from_file.h"

namespace covey::app {
namespace {

class WithoutDaemon final : public cli::Offline {
 public:
  [[nodiscard]] base::Result<api::FileAnswer> explain(
      const api::FileQuestion& question) const override {
    return explaining::explain_from_file(question);
  }
  [[nodiscard]] api::Diagnosis diagnose(const api::Doctoring& about) const override {
    return doctor::diagnose(about);
  }
};

}  // namespace
}  // namespace covey::app

int main(int argc, char** argv) {
  // Whoever closes the other end of a pipe has read enough; writing on is no reason to die loudly.
  std::signal(SIGPIPE, SIG_IGN);
  const char* no_color = std::getenv("NO_COLOR");
  const bool wants_colours = no_color == nullptr || *no_color == '\0';
  const std::vector<std::string> arguments(argv + (argc > 0 ? 1 : 0), argv + argc);
  const covey::app::WithoutDaemon offline;
  return covey::cli::run(
      arguments,
      {std::cout, std::cerr, wants_colours && isatty(STDOUT_FILENO) == 1, COVEY_VERSION, offline});
}
