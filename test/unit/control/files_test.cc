// SPDX-License-Identifier: BSD-3-Clause
#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <optional>

#include "control/key_file.h"
#include "control/state_file.h"
#include "control/unix_listener.h"
#include "fakes.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

namespace {

void write(const std::string& path, const std::string& text) {
  std::ofstream(path) << text;
}

bool exists(const std::string& path) {
  return std::filesystem::exists(path);
}

std::string problem(const std::string& path) {
  const auto listener = UnixListener::open(path);
  REQUIRE_FALSE(listener.has_value());
  return listener.error().context;
}

}  // namespace

TEST_CASE("a host that has kept nothing yet is started") {
  const TemporaryDirectory directory;
  CHECK(load_state(directory.file("missing")) == InitialState::started);
}

TEST_CASE("a kept state is read again") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state");
  for (const InitialState state :
       {InitialState::stopped, InitialState::suspended, InitialState::started}) {
    REQUIRE(save_state(path, state).has_value());
    CHECK(load_state(path) == state);
  }
  CHECK_FALSE(exists(path + "/host-state.new"));
}

TEST_CASE("contents that are no state are an error, not a guess") {
  const TemporaryDirectory directory;
  for (const std::string& text : {std::string(), std::string("stop"), std::string("stopped"),
                                  std::string(100, 'x'), std::string("started\n\n")}) {
    write(directory.file("host-state"), text);
    const auto state = load_state(directory.file(""));
    REQUIRE_FALSE(state.has_value());
    CHECK(state.error().code == base::ErrorCode::corrupt);
  }
}

TEST_CASE("rule states that were kept are read again, and nothing is none") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("state");
  CHECK(load_rule_states(path) == RuleStates::Kept{});
  const RuleStates::Kept kept{{"a.b-c_d", RuleState::disabled}, {"web", RuleState::draining}};
  REQUIRE(save_rule_states(path, kept).has_value());
  CHECK(load_rule_states(path) == kept);
  REQUIRE(save_rule_states(path, {}).has_value());
  CHECK(load_rule_states(path) == RuleStates::Kept{});
  CHECK_FALSE(exists(path + "/rule-states.new"));
}

TEST_CASE("contents that are no rule states are an error, not a guess") {
  const TemporaryDirectory directory;
  for (const std::string& text :
       {std::string("draining web"), std::string("enabled web\n"), std::string("draining\n"),
        std::string("draining \n"), std::string("\n"), std::string("draining web\nx\n"),
        std::string("draining web\ndisabled web\n"), std::string(300'000, 'x')}) {
    write(directory.file("rule-states"), text);
    const auto states = load_rule_states(directory.file(""));
    REQUIRE_FALSE(states.has_value());
    CHECK(states.error().code == base::ErrorCode::corrupt);
  }
}

TEST_CASE("a state that cannot be kept is an error") {
  const TemporaryDirectory directory;
  CHECK_FALSE(save_rule_states(directory.file("no/such/place"), {}).has_value());
  CHECK_FALSE(save_state(directory.file("no/such/place"), InitialState::stopped).has_value());
  CHECK_FALSE(save_state(directory.file("x"), InitialState::persisted).has_value());
}

TEST_CASE("a key file is read, and replaced whole with mode 0600") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("cluster.key");
  write(path, heartbeat::key_to_hex(cluster_ring().keys.front().key) + "\n");
  ::chmod(path.c_str(), 0600);
  CHECK(read_key_file(path).value() == cluster_ring());
  const heartbeat::KeyRing both = heartbeat::with_key(cluster_ring(), std::string(64, 'a')).value();
  write(path + ".new", "left behind by a crash");
  REQUIRE(write_key_file(path, both).has_value());
  CHECK(read_key_file(path).value() == both);
  CHECK_FALSE(exists(path + ".new"));
  struct stat status {};
  REQUIRE(::stat(path.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777U) == 0600U);
}

TEST_CASE("a key file behind a symbolic link is replaced there") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("real.key");
  const std::string link = directory.file("cluster.key");
  write(path, "old");
  std::filesystem::create_symlink(path, link);
  REQUIRE(write_key_file(link, cluster_ring()).has_value());
  CHECK(std::filesystem::is_symlink(link));
  CHECK(read_key_file(path).value() == cluster_ring());
}

TEST_CASE("a key file that others may read, or that is none, is refused by name") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("cluster.key");
  CHECK(read_key_file(path).error().context == "key file " + path + ": No such file or directory");
  write(path, "key 0 abc\n");
  for (const unsigned mode : {0640U, 0604U, 0610U}) {
    ::chmod(path.c_str(), mode);
    CHECK(read_key_file(path).error().code == base::ErrorCode::permission_denied);
  }
  ::chmod(path.c_str(), 0600);
  CHECK(read_key_file(path).error().context.starts_with("key file " + path + ": line 1: "));
}

TEST_CASE("a key file that cannot be replaced stays as it is") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("cluster.key");
  CHECK_FALSE(write_key_file(path, cluster_ring()).has_value());
  write(path, "old");
  std::filesystem::create_directories(path + ".new/full");
  const auto written = write_key_file(path, cluster_ring());
  REQUIRE_FALSE(written.has_value());
  CHECK(written.error().context.starts_with("new key file " + path + ".new: "));
  CHECK(std::filesystem::file_size(path) == 3);
}

TEST_CASE("the socket is made with its directory, mode 0660, and goes with its listener") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("run/api.sock");
  {
    const auto listener = UnixListener::open(path);
    REQUIRE(listener.has_value());
    struct stat status {};
    REQUIRE(::lstat(path.c_str(), &status) == 0);
    CHECK(S_ISSOCK(status.st_mode));
    CHECK((status.st_mode & 0777U) == 0660U);
  }
  CHECK_FALSE(exists(path));
}

TEST_CASE("a socket that a dead daemon left behind is replaced") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("api.sock");
  const std::string moved = directory.file("moved.sock");
  {
    auto dead = UnixListener::open(path);
    REQUIRE(dead.has_value());
    // Under another name it survives its listener, as after SIGKILL.
    std::filesystem::rename(path, moved);
  }
  REQUIRE(exists(moved));
  CHECK(UnixListener::open(moved).has_value());
}

TEST_CASE("a socket that somebody listens on is left alone") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("api.sock");
  const auto first = UnixListener::open(path);
  REQUIRE(first.has_value());
  CHECK(problem(path) == "another daemon listens on " + path);
  CHECK(exists(path));
}

TEST_CASE("what is not a socket is never removed") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("precious");
  write(path, "data");
  CHECK(problem(path) == path + " exists and is not a socket");
  CHECK(exists(path));
  const std::string link = directory.file("link");
  std::filesystem::create_symlink(path, link);
  CHECK(problem(link) == link + " exists and is not a socket");
}

TEST_CASE("a path that no socket can have is refused") {
  CHECK_FALSE(problem("").empty());
  CHECK_FALSE(problem("/tmp/" + std::string(200, 'x')).empty());
  CHECK_FALSE(problem("/no/such/directory/at/all").empty());
}

TEST_CASE("a socket of the same name made by somebody else is not removed at the end") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("api.sock");
  {
    const auto listener = UnixListener::open(path);
    REQUIRE(listener.has_value());
    std::filesystem::remove(path);
    write(path, "not ours");
  }
  CHECK(exists(path));
}
