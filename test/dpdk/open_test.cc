// SPDX-License-Identifier: BSD-3-Clause
// What open() refuses, and in which words; EAL is not reached.
#include <catch2/catch.hpp>

#include "dataplane/data_plane.h"
#include "support/world.h"

using namespace covey;

namespace {

dataplane::Options options() {
  dataplane::Options made;
  made.uplink.argument = "no-such-if0";
  made.local.kind = localstack::Kind::none;
  made.instance = "covey-test";
  return made;
}

std::string refusal(const dataplane::Options& wanted) {
  auto opened = dataplane::DataPlane::open(wanted, test::World().snapshot());
  REQUIRE_FALSE(opened.has_value());
  return opened.error().context;
}

}  // namespace

TEST_CASE("a missing uplink is named, with the key that names it", "[refused]") {
  const std::string words = refusal(options());
  CHECK(words.find("ports.uplink.device") != std::string::npos);
  CHECK(words.find("no-such-if0") != std::string::npos);
}

TEST_CASE("queues and workers must be equal in number", "[refused]") {
  dataplane::Options wanted = options();
  wanted.uplink.queues = 2;
  CHECK(refusal(wanted).find("ports.uplink.queues is 2 but there are 1 workers") !=
        std::string::npos);
}

TEST_CASE("a CPU that is not there is refused", "[refused]") {
  dataplane::Options wanted = options();
  wanted.workers.cpus = {1000};
  CHECK(refusal(wanted).find("CPU 1000") != std::string::npos);
}

TEST_CASE("an instance name that is no file name is refused", "[refused]") {
  for (const char* name : {"", "a/b", "..", "a b"}) {
    dataplane::Options wanted = options();
    wanted.instance = name;
    CHECK(refusal(wanted).find("instance name") != std::string::npos);
  }
}
