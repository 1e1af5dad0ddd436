// SPDX-License-Identifier: BSD-3-Clause
#include "process/privileges.h"

#include <linux/capability.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <string>

namespace covey::process {

namespace {

std::uint64_t line_of_status(const std::string& name) {
  std::ifstream status("/proc/thread-self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with(name + ":"))
      return std::strtoull(line.c_str() + name.size() + 1, nullptr, 16);
  }
  return ~std::uint64_t{0};
}

std::uint64_t effective() {
  return line_of_status("CapEff");
}

/// The status a child ends with that does this.
template <typename Deed>
int in_a_child(Deed deed) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(deed());
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

constexpr std::uint64_t bit(unsigned capability) {
  return std::uint64_t{1} << capability;
}

}  // namespace

TEST_CASE("what is not named is gone, for programs started later as well") {
  const std::uint64_t had = effective();
  const int failed = in_a_child([had] {
    if (!keep_only(std::array{Capability::net_admin, Capability::net_raw})) return 1;
    if (effective() != (had & (bit(CAP_NET_ADMIN) | bit(CAP_NET_RAW)))) return 2;
    if (line_of_status("CapPrm") != effective()) return 3;
    if (line_of_status("NoNewPrivs") != 1) return 4;
    const bool may_bound = (had & bit(CAP_SETPCAP)) != 0;
    if (may_bound && line_of_status("CapBnd") != effective()) return 5;
    return 0;
  });
  CHECK(failed == 0);
}

TEST_CASE("a process without core dumps dies without one") {
  const pid_t child = ::fork();
  if (child == 0) {
    forbid_core_dumps();
    ::abort();
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(WIFSIGNALED(status));
  CHECK_FALSE(WCOREDUMP(status));
}

TEST_CASE("it can be done again, down to nothing, and nothing comes back") {
  const int failed = in_a_child([] {
    if (!keep_only(std::array{Capability::net_admin, Capability::chown})) return 1;
    if (!keep_only({})) return 2;
    if (effective() != 0) return 3;
    if (!keep_only(std::array{Capability::net_admin})) return 4;
    return effective() == 0 ? 0 : 5;
  });
  CHECK(failed == 0);
}

}  // namespace covey::process
