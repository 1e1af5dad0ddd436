// SPDX-License-Identifier: BSD-3-Clause
#include "base/text.h"

#include <array>
#include <catch2/catch.hpp>
#include <vector>

namespace covey::base {

TEST_CASE("durations are a whole number and a unit") {
  using namespace std::chrono_literals;
  CHECK(parse_duration("200ms").value() == 200ms);
  CHECK(parse_duration("0s").value() == 0s);
  CHECK(parse_duration("5s").value() == 5s);
  CHECK(parse_duration("10m").value() == 10min);
  CHECK(parse_duration("1h").value() == 1h);
  CHECK(parse_duration("2d").value() == 48h);
}

TEST_CASE("what is no duration is refused") {
  for (const std::string_view wrong :
       {"", "5", "ms", "-5s", "1.5s", "5 s", "5S", "5sec", "1h30m", " 5s", "+5s",
        "99999999999999999999s", "9223372036854775807d"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_duration(wrong).has_value());
  }
}

TEST_CASE("durations are written in the largest unit without a fraction") {
  for (const std::string_view text : {"0s", "200ms", "1s", "90s", "2m", "25h", "2d"}) {
    CHECK(format_duration(parse_duration(text).value()) == text);
  }
  CHECK(format_duration(parse_duration("1000ms").value()) == "1s");
  CHECK(format_duration(parse_duration("24h").value()) == "1d");
}

TEST_CASE("the nearest word forgives a few typing mistakes and no more") {
  const std::array<std::string_view, 4> words = {"query", "queryport", "display", "start"};
  CHECK(nearest_word("qurey", words) == "query");
  CHECK(nearest_word("querport", words) == "queryport");
  CHECK(nearest_word("stat", words) == "start");
  CHECK(nearest_word("dispaly", words) == "display");
  CHECK(nearest_word("qurye", words) == "query");          // five letters, two mistakes
  CHECK(nearest_word("quye", words).empty());              // four letters, two mistakes
  CHECK(nearest_word("qreyrpot", words).empty());          // eight letters, three mistakes
  CHECK(nearest_word("qureyprot", words) == "queryport");  // nine letters, two mistakes
  CHECK(nearest_word("quexyzoxt", words) == "queryport");  // nine letters, three mistakes
  CHECK(nearest_word("qzexyzoxt", words).empty());         // four
  CHECK(nearest_word("xyz", words).empty());
  CHECK(nearest_word("", words).empty());
  CHECK(nearest_word(std::string(1000, 'q'), words).empty());
  CHECK(nearest_word("query", {}).empty());
}

}  // namespace covey::base
