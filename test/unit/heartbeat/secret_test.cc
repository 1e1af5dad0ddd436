// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/secret.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <cstdlib>
#include <fstream>
#include <string>

#include "heartbeat/keys.h"

namespace covey::heartbeat {

TEST_CASE("a vector of secrets behaves like any other") {
  Secrets<std::uint32_t> numbers;
  for (std::uint32_t i = 0; i < 5000; ++i)
    numbers.push_back(i);
  const Secrets<std::uint32_t> copy = numbers;
  numbers.erase(numbers.begin());
  CHECK(numbers.size() == 4999);
  CHECK(numbers.front() == 1);
  CHECK(copy.size() == 5000);
  CHECK(copy.back() == 4999);
}

#ifndef __SANITIZE_ADDRESS__  // which turns locking off

namespace {

long locked_kilobytes() {
  std::ifstream status("/proc/self/status");
  std::string line;
  while (std::getline(status, line)) {
    if (line.starts_with("VmLck:")) return std::strtol(line.c_str() + 6, nullptr, 10);
  }
  return -1;
}

}  // namespace

TEST_CASE("cluster keys and what is derived from them lie in locked memory") {
  const long before = locked_kilobytes();
  const auto key = generate_key();
  REQUIRE(key);
  const auto ring = ring_of(*key);
  REQUIRE(ring);
  const long with_ring = locked_kilobytes();
  CHECK(with_ring > before);
  const auto derived = derive_keys(*ring, "covey");
  REQUIRE(derived);
  CHECK(locked_kilobytes() > with_ring);
}

#endif

}  // namespace covey::heartbeat
