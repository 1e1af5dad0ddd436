// SPDX-License-Identifier: BSD-3-Clause
#include "sim/links.h"

#include <catch2/catch.hpp>

namespace covey::sim {

namespace {

constexpr base::TimePoint at(std::int64_t ns) {
  return base::TimePoint{ns};
}

}  // namespace

TEST_CASE("links that were never cut have been whole for ever") {
  const Links links;
  CHECK(links.carries(1, 2));
  CHECK(links.whole_since(1, 2) == base::TimePoint::distant_past());
}

TEST_CASE("a cut is one-way, and two hosts are connected only when both ways are whole") {
  Links links;
  links.cut(1, 2);
  CHECK_FALSE(links.carries(1, 2));
  CHECK(links.carries(2, 1));
  CHECK(links.whole_since(1, 2) == base::TimePoint::never());
  links.mend(1, 2, at(50));
  CHECK(links.whole_since(2, 1) == at(50));
}

TEST_CASE("a link that was cut twice must be mended twice") {
  Links links;
  links.cut(1, 2);
  links.cut(1, 2);
  links.mend(1, 2, at(10));
  CHECK_FALSE(links.carries(1, 2));
  links.mend(1, 2, at(20));
  CHECK(links.whole_since(1, 2) == at(20));
}

TEST_CASE("mending all links ends every cut and every disturbance") {
  Links links;
  links.cut(1, 2);
  links.cut(3, 2);
  links.disturb_until(at(1000));
  CHECK(links.whole_since(5, 6) == at(1000));
  links.mend_all(at(70));
  CHECK(links.whole_since(1, 2) == at(70));
  CHECK(links.whole_since(5, 6) == at(70));
}

TEST_CASE("a link that is mended while one of its machines sleeps is whole when it wakes") {
  Links links;
  links.cut(1, 2);
  links.cut(2, 1);
  links.cut(1, 3);
  links.sleep(2, at(0), at(500));
  links.mend(1, 2, at(10));
  links.mend_all(at(20));
  CHECK(links.whole_since(1, 2) == at(500));
  CHECK(links.whole_since(1, 3) == at(20));
  CHECK(links.whole_since(2, 3) == base::TimePoint::distant_past());
}

TEST_CASE("sleep counts after a mend that is not long ago, and never without one") {
  Links links;
  links.cut(1, 2);
  links.mend(1, 2, at(10));
  links.sleep(1, at(11), at(300));
  CHECK(links.whole_since(1, 2) == at(10));
  links.sleep(1, at(9), at(400));
  CHECK(links.whole_since(1, 2) == at(400));
  CHECK(links.whole_since(1, 3) == base::TimePoint::distant_past());
}

TEST_CASE("a machine hears everybody since its last link was mended") {
  Links links;
  CHECK(links.whole_since(1) == base::TimePoint::distant_past());
  links.cut(1, 2);
  links.cut(3, 1);
  CHECK(links.whole_since(1) == base::TimePoint::never());
  links.mend(1, 2, at(10));
  links.mend(3, 1, at(30));
  CHECK(links.whole_since(1) == at(30));
  CHECK(links.whole_since(2) == at(10));
  CHECK(links.whole_since(4) == base::TimePoint::distant_past());
}

}  // namespace covey::sim
