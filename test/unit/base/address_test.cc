// SPDX-License-Identifier: BSD-3-Clause
#include "base/address.h"

#include <catch2/catch.hpp>

using namespace covey::base;

TEST_CASE("addresses are read and written in canonical form") {
  CHECK(MacAddress::parse("02:bf:0A:4d:00:32")->to_string() == "02:bf:0a:4d:00:32");
  CHECK(IpAddress::parse("10.77.0.50")->to_string() == "10.77.0.50");
  CHECK(IpAddress::parse("2001:DB8:0:0::50")->to_string() == "2001:db8::50");
  CHECK(IpPrefix::parse("10.77.0.50/24")->to_string() == "10.77.0.50/24");
  CHECK(IpPrefix::parse("2001:db8::1")->length == 128);
}

TEST_CASE("text that is no address is refused") {
  for (const char* text :
       {"", "02:bf:0a:4d:00", "02:bf:0a:4d:00:3g", "02-bf-0a-4d-00-32", "02:bf:0a:4d:00:320"}) {
    CAPTURE(text);
    CHECK_FALSE(MacAddress::parse(text).has_value());
  }
  for (const char* text :
       {"", "10.77.0", "10.77.0.256", "010.77.0.1", "localhost", "::g", "10.0.0.1 "}) {
    CAPTURE(text);
    CHECK_FALSE(IpAddress::parse(text).has_value());
  }
  for (const char* text :
       {"10.0.0.1/33", "::/129", "10.0.0.1/", "10.0.0.1/-1", "10.0.0.1/2x", "/24"}) {
    CAPTURE(text);
    CHECK_FALSE(IpPrefix::parse(text).has_value());
  }
}

TEST_CASE("masking keeps the first bits and clears the rest") {
  CHECK(masked(*IpAddress::parse("10.77.200.50"), 20).to_string() == "10.77.192.0");
  CHECK(masked(*IpAddress::parse("10.77.200.50"), 32).to_string() == "10.77.200.50");
  CHECK(masked(*IpAddress::parse("10.77.200.50"), 0).to_string() == "0.0.0.0");
  CHECK(masked(*IpAddress::parse("2001:db8:77:aaaa::1"), 61).to_string() == "2001:db8:77:aaa8::");
}
