// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/eal.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <set>

using namespace covey;

namespace {

namespace fs = std::filesystem;

/// A directory of instances, removed with the object.
class Instances {
 public:
  Instances() {
    std::string pattern = fs::temp_directory_path() / "covey-eal-test-XXXXXX";
    REQUIRE(::mkdtemp(pattern.data()) != nullptr);
    root_ = pattern;
  }
  ~Instances() {
    std::error_code ignored;
    fs::remove_all(root_, ignored);
  }
  Instances(const Instances&) = delete;
  Instances& operator=(const Instances&) = delete;

  void add(const std::string& name) const {
    fs::create_directory(root_ / name);
    std::ofstream(root_ / name / "dpdk_telemetry.v2") << "left";
  }
  [[nodiscard]] const fs::path& root() const { return root_; }
  [[nodiscard]] std::set<std::string> names() const {
    std::set<std::string> found;
    for (const auto& entry : fs::directory_iterator(root_))
      found.insert(entry.path().filename());
    return found;
  }

 private:
  fs::path root_;
};

/// Of a process that has ended and been waited for.
std::string dead_pid() {
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) ::_exit(0);
  REQUIRE(::waitpid(child, nullptr, 0) == child);
  return std::to_string(child);
}

}  // namespace

TEST_CASE("what a killed instance left is removed") {
  const Instances instances;
  instances.add("covey-" + dead_pid());
  dataplane::remove_left_overs(instances.root());
  CHECK(instances.names().empty());
}

TEST_CASE("directories of living processes and of strangers stay") {
  const Instances instances;
  const std::string dead = dead_pid();
  const std::set<std::string> strangers = {"covey-" + std::to_string(::getpid()),
                                           "covey-1",
                                           "covey-",
                                           "covey-0",
                                           "covey--" + dead,
                                           "covey-" + dead + "x",
                                           "covey-99999999999999999999",
                                           "covey-test-" + dead,
                                           "rte",
                                           dead};
  for (const std::string& name : strangers)
    instances.add(name);
  dataplane::remove_left_overs(instances.root());
  CHECK(instances.names() == strangers);
}

TEST_CASE("only directories are removed, and no link is followed") {
  const Instances elsewhere;
  elsewhere.add("precious");
  const Instances instances;
  const std::string dead = dead_pid();
  fs::create_directory_symlink(elsewhere.root(), instances.root() / ("covey-" + dead));
  dataplane::remove_left_overs(instances.root());
  CHECK(instances.names().size() == 1);
  CHECK(elsewhere.names() == std::set<std::string>{"precious"});
}

TEST_CASE("a directory that is not there has no left-overs") {
  dataplane::remove_left_overs("/nonexistent/dpdk");
}
