// SPDX-License-Identifier: BSD-3-Clause
// covey-manual PAGE: one manual page on standard output. Used by the build only.
#include <fmt/format.h>

#include <cstdio>

#include "pages.h"

int main(int argc, char** argv) {
  const auto page = argc == 2 ? covey::app::manual_page(argv[1], COVEY_VERSION) : std::nullopt;
  if (!page) {
    fmt::print(stderr, "usage: covey-manual covey.1|coveyd.8|coveyd.yaml.5\n");
    return 2;
  }
  fmt::print("{}", *page);
  return std::fflush(stdout) == 0 ? 0 : 1;
}
