// SPDX-License-Identifier: BSD-3-Clause
#include "packet/heartbeat_frame.h"

#include <catch2/catch.hpp>
#include <vector>

#include "packet/parse.h"

namespace covey::packet {

namespace {

constexpr base::MacAddress kSource{{2, 1, 10, 77, 0, 50}};

std::vector<std::uint8_t> frame_around(const std::vector<std::uint8_t>& payload) {
  std::vector<std::uint8_t> frame(heartbeat_frame_length(payload.size()), 0xee);
  build_heartbeat_frame(payload, kSource, frame);
  return frame;
}

}  // namespace

TEST_CASE("a heartbeat is a broadcast from the host, padded to what Ethernet wants") {
  const auto frame = frame_around({1, 2, 3});
  REQUIRE(frame.size() == kMinimumFrame);
  CHECK(std::vector(frame.begin(), frame.begin() + 6) == std::vector<std::uint8_t>(6, 0xff));
  CHECK(std::vector(frame.begin() + 6, frame.begin() + 12) ==
        std::vector<std::uint8_t>{2, 1, 10, 77, 0, 50});
  CHECK(std::vector(frame.begin() + 14, frame.begin() + 17) == std::vector<std::uint8_t>{1, 2, 3});
  CHECK(std::vector(frame.begin() + 17, frame.end()) == std::vector<std::uint8_t>(43, 0));
  CHECK(parse(frame).ether_type == kEtherTypeHeartbeat);
}

TEST_CASE("a long heartbeat has no padding") {
  const auto frame = frame_around(std::vector<std::uint8_t>(1400, 5));
  CHECK(frame.size() == 1414);
  CHECK(frame.back() == 5);
}

}  // namespace covey::packet
