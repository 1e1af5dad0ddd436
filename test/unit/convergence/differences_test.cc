// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/differences.h"

#include <catch2/catch.hpp>
#include <string>

namespace covey::convergence {

namespace {

const base::Settings kOurs = {{"buckets", "64"},
                              {"rule web: ports", "80"},
                              {"rule web: affinity", "none"},
                              {"rule db: ports", "5432"}};

/// What is known once every excerpt of `theirs` has been taken in.
std::string told(const base::Settings& theirs) {
  Differences differences;
  std::uint32_t next = 0;
  do {
    differences.take(kOurs, 7, next_excerpt(theirs, next));
  } while (next < theirs.size());
  return differences.text();
}

}  // namespace

TEST_CASE("equal settings do not differ") {
  CHECK(told(kOurs).empty());
}

TEST_CASE("a differing value is told with both values") {
  base::Settings theirs = kOurs;
  theirs[2].value = "single";
  CHECK(told(theirs) == "rule web: affinity none here, single there");
}

TEST_CASE("what only one side has is told once for all its settings") {
  base::Settings theirs = {{"buckets", "64"},
                           {"rule web: ports", "80"},
                           {"rule web: affinity", "none"},
                           {"rule app: ports", "8000"},
                           {"rule app: affinity", "none"}};
  CHECK(told(theirs) == "rule db only here; rule app only there");
}

TEST_CASE("of many differences the first three are told") {
  const base::Settings theirs = {{"buckets", "128"},
                                 {"rule web: ports", "81"},
                                 {"rule web: affinity", "single"},
                                 {"rule db: ports", "1"}};
  CHECK(told(theirs) ==
        "buckets 64 here, 128 there; rule web: ports 80 here, 81 there; "
        "rule web: affinity none here, single there; and 1 more");
}

TEST_CASE("a value is known to differ before all excerpts are there, an absence is not") {
  Differences differences;
  differences.take(kOurs, 7, {.first = 1, .total = 9, .settings = {{"rule web: ports", "81"}}});
  CHECK(differences.text() == "rule web: ports 80 here, 81 there");
}

TEST_CASE("another digest begins anew") {
  Differences differences;
  differences.take(kOurs, 7, {.first = 0, .total = 1, .settings = {{"buckets", "128"}}});
  CHECK(differences.text().starts_with("buckets 64 here, 128 there"));
  differences.take(kOurs, 8, {.first = 0, .total = 2, .settings = {{"buckets", "64"}}});
  CHECK(differences.text().empty());
}

TEST_CASE("excerpts are short, go round, and carry even a long setting") {
  base::Settings settings(300, {"rule web: ports", std::string(100, '1')});
  settings[5].value = std::string(base::kMaxSettingText, '2');
  std::uint32_t next = 0;
  std::size_t carried = 0;
  do {
    const heartbeat::SettingsExcerpt excerpt = next_excerpt(settings, next);
    REQUIRE(excerpt.first == carried);
    REQUIRE(excerpt.total == 300);
    REQUIRE(!excerpt.settings.empty());
    carried += excerpt.settings.size();
    std::size_t bytes = 0;
    for (const base::Setting& setting : excerpt.settings)
      bytes += setting.name.size() + setting.value.size();
    CHECK(bytes <= 1100);
  } while (carried < 300);
  CHECK(next_excerpt(settings, next).first == 0);
  CHECK(next_excerpt({}, next).settings.empty());
}

}  // namespace covey::convergence
