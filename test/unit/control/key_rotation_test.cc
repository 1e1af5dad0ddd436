// SPDX-License-Identifier: BSD-3-Clause
// A whole rotation of the cluster key over real drivers, and what refuses to be rotated.
#include <catch2/catch.hpp>
#include <fstream>

#include "control/commands.h"
#include "control/key_file.h"
#include "control/key_service.h"
#include "segment.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

namespace {

const std::string kNewKey(64, 'a');

/// A segment of hosts with a key file each, all converged.
class Rotation {
 public:
  explicit Rotation(std::uint8_t hosts) : segment(hosts), hosts_(hosts) {
    for (std::size_t id = 1; id <= hosts_; ++id) {
      std::ofstream(file(id)) << heartbeat::ring_to_text(cluster_ring());
      services_.push_back(std::make_unique<KeyService>(
          cluster_ring(),
          KeyService::Parts{segment.host(id).driver, quiet_logger(), "test", file(id)}));
      segment.start(id);
    }
    REQUIRE(segment.run_until([&] {
      return all([&](std::size_t id) {
        return segment.host(id).driver.status().converged && segment.owned(id) == 64U / hosts_;
      });
    }));
  }

  template <typename Condition>
  [[nodiscard]] bool all(Condition&& condition) {
    for (std::size_t id = 1; id <= hosts_; ++id) {
      if (!condition(id)) return false;
    }
    return true;
  }
  [[nodiscard]] bool all_seal_with(unsigned key) {
    return all([&](std::size_t id) {
      const auto hosts = service(id).list().hosts;
      return hosts.size() == hosts_ &&
             std::ranges::all_of(hosts, [key](const auto& host) { return host.seals_with == key; });
    });
  }
  /// Runs until host `id` has sent that many more messages.
  [[nodiscard]] bool run_for_messages(std::size_t id, std::uint64_t count) {
    const std::uint64_t before = segment.host(id).driver.heartbeats().sent;
    return segment.run_until(
        [&] { return segment.host(id).driver.heartbeats().sent >= before + count; });
  }
  [[nodiscard]] std::string file(std::size_t id) {
    return directory_.file("key" + std::to_string(id));
  }
  KeyService& service(std::size_t id) { return *services_[id - 1]; }
  api::CommandReply add(std::size_t id, const std::string& text = kNewKey) {
    return service(id).change({"add", text, 0, false});
  }
  api::CommandReply retire(std::size_t id, unsigned key, bool force = false) {
    return service(id).change({"retire", "", key, force});
  }

  Segment segment;

 private:
  TemporaryDirectory directory_;
  std::size_t hosts_;
  std::vector<std::unique_ptr<KeyService>> services_;
};

void check_refused(const api::CommandReply& reply, const std::string& why) {
  CHECK_FALSE(reply.ok);
  CHECK(reply.code == kRefused);
  CHECK(reply.text == why);
}

}  // namespace

TEST_CASE("the key of running hosts is changed without a refused message or a convergence") {
  Rotation rotation(2);
  const auto generation = rotation.segment.host(1).driver.status().generation;
  const auto digest = rotation.segment.host(1).driver.node().map_digest();
  REQUIRE(rotation.add(1).ok);
  REQUIRE(rotation.run_for_messages(2, 3));
  CHECK(rotation.all_seal_with(0));  // host 2 does not hold it yet
  REQUIRE(rotation.add(2).ok);
  REQUIRE(rotation.segment.run_until([&] { return rotation.all_seal_with(1); }));
  CHECK(rotation.segment.has_event(1, "key_switched"));
  REQUIRE(rotation.retire(1, 0).ok);
  REQUIRE(rotation.retire(2, 0).ok);
  REQUIRE(rotation.run_for_messages(1, 3));
  REQUIRE(rotation.run_for_messages(2, 3));
  for (const std::size_t id : {1U, 2U}) {
    CHECK(rotation.segment.refused(id, "unknown_key") == 0);
    CHECK(rotation.segment.refused(id, "bad_tag") == 0);
    CHECK(rotation.segment.host(id).driver.status().generation == generation);
    CHECK(rotation.segment.host(id).driver.node().map_digest() == digest);
    const auto ring = read_key_file(rotation.file(id));
    REQUIRE(ring.has_value());
    CHECK(ring->keys.size() == 1);
    CHECK(ring->keys.front().id == 1);
  }
  CHECK(rotation.segment.failures.empty());
  CHECK(rotation.segment.close());
}

TEST_CASE("a key that another host needs is not retired, unless by force") {
  Rotation rotation(2);
  check_refused(rotation.retire(1, 0), "key 0 is the only one");
  REQUIRE(rotation.add(1).ok);
  check_refused(rotation.retire(1, 0),
                "host 2 (web2) does not hold key 1: add it there first (or --force)");
  CHECK(read_key_file(rotation.file(1))->keys.size() == 2);
  REQUIRE(rotation.retire(1, 0, true).ok);
  // Host 2 knows the old key only: each is lost to the other, and says why.
  REQUIRE(rotation.segment.run_until([&] {
    return rotation.segment.refused(1, "unknown_key") > 0 &&
           rotation.segment.refused(2, "unknown_key") > 0 && rotation.segment.owned(1) == 64;
  }));
  CHECK(rotation.segment.close());
}

TEST_CASE("two hosts that add different keys under one number go on with the old one") {
  Rotation rotation(2);
  REQUIRE(rotation.add(1).ok);
  REQUIRE(rotation.add(2, std::string(64, 'b')).ok);
  REQUIRE(rotation.run_for_messages(1, 3));
  REQUIRE(rotation.run_for_messages(2, 3));
  CHECK(rotation.all_seal_with(0));
  check_refused(rotation.retire(1, 0),
                "host 2 (web2) does not hold key 1: add it there first (or --force)");
  CHECK(rotation.segment.close());
}

TEST_CASE("a new key that everybody seals with is not retired either") {
  Rotation rotation(2);
  REQUIRE(rotation.add(1).ok);
  REQUIRE(rotation.add(2).ok);
  REQUIRE(rotation.segment.run_until([&] { return rotation.all_seal_with(1); }));
  check_refused(rotation.retire(1, 1), "host 2 (web2) still seals with key 1: wait (or --force)");
  CHECK(rotation.segment.close());
}

TEST_CASE("what cannot be kept is not used") {
  Rotation rotation(1);
  std::filesystem::create_directories(rotation.file(1) + ".new/full");
  const api::CommandReply reply = rotation.add(1);
  CHECK_FALSE(reply.ok);
  CHECK(reply.code == kFailed);
  CHECK(rotation.service(1).list().hosts.front().keys.size() == 1);
  CHECK(rotation.segment.close());
}

TEST_CASE("key commands that make no sense say what is allowed") {
  Rotation rotation(1);
  CHECK(rotation.service(1).change({"rotate", "", 0, false}).code == kUsage);
  CHECK(rotation.add(1, "key 0 abc\n").text.starts_with("line 1: "));
  CHECK(rotation.add(1, "key 0 abc\n").code == kUsage);
  CHECK(rotation.retire(1, 256).code == kUsage);
  CHECK(rotation.retire(1, 7).text == "this host holds no key 7");
  CHECK(rotation.service(1).change({"generate", "", 0, false}).ok);
  CHECK(rotation.service(1).list().hosts.front().keys.size() == 2);
  CHECK(rotation.segment.close());
}
