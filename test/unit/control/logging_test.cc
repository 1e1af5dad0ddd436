// SPDX-License-Identifier: BSD-3-Clause
#include "control/logging.h"

#include <catch2/catch.hpp>

#include "control/event_log.h"
#include "control/wall_clock.h"
#include "fakes.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

TEST_CASE("a text line has time, level, event and fields") {
  CHECK(format_line({LogFormat::text, false}, "2026-01-02T03:04:05.678Z", LogLevel::warning,
                    "host_lost", {{"host", "3"}, {"detail", "silent for 1 s"}}) ==
        R"(2026-01-02T03:04:05.678Z warning event=host_lost host=3 detail="silent for 1 s")");
}

TEST_CASE("under the journal the priority is in front and the time is left out") {
  CHECK(format_line({LogFormat::text, true}, "", LogLevel::error, "x", {}) == "<3>event=x");
}

TEST_CASE("a JSON line has the same fields") {
  CHECK(format_line({LogFormat::json, false}, "t", LogLevel::info, "x", {{"a", "b \"c\""}}) ==
        R"({"time":"t","level":"info","event":"x","a":"b \"c\""})");
}

TEST_CASE("a value from outside cannot make a second line or a second field") {
  CHECK(format_line({LogFormat::text, true}, "", LogLevel::info, "x",
                    {{"name", "a\n<0>event=forged"}, {"empty", ""}, {"pair", "a=b"}}) ==
        R"(<6>event=x name="a\n<0>event=forged" empty="" pair="a=b")");
}

TEST_CASE("the journal is recognised by device and inode only") {
  CHECK_FALSE(is_journal(2, nullptr));
  CHECK_FALSE(is_journal(2, ""));
  CHECK_FALSE(is_journal(2, "1:2"));
  CHECK_FALSE(is_journal(-1, "0:0"));
}

TEST_CASE("a logger writes lines of its level and above") {
  const TemporaryDirectory directory;
  const std::string path = directory.file("log");
  std::FILE* stream = std::fopen(path.c_str(), "w+");
  {
    Logger logger(LogLevel::warning, LogFormat::text, stream);
    logger.log(LogLevel::info, "quiet");
    logger.log(LogLevel::error, "loud", {{"percent", "{}%s"}});
  }
  std::rewind(stream);
  std::string text(200, '\0');
  text.resize(std::fread(text.data(), 1, text.size(), stream));
  std::fclose(stream);
  CHECK(text.find("quiet") == std::string::npos);
  CHECK(text.ends_with(" error event=loud percent={}%s\n"));
}

TEST_CASE("events are numbered and the oldest give way") {
  EventLog log(quiet_logger());
  int news = 0;
  const auto listener = log.listen([&news] { ++news; });
  for (std::size_t count = 0; count < EventLog::kKept + 10; ++count) {
    log.add(LogLevel::info, {0, "t", "converged", 1, ""});
  }
  log.unlisten(listener);
  log.add(LogLevel::info, {0, "t", "converged", 1, ""});
  CHECK(news == static_cast<int>(EventLog::kKept) + 10);
  CHECK(log.last_id() == EventLog::kKept + 11);
  const auto kept = log.after(0);
  REQUIRE(kept.size() == EventLog::kKept);
  CHECK(kept.front().id == 12);
  CHECK(kept.back().id == log.last_id());
  CHECK(log.after(log.last_id() - 2).size() == 2);
  CHECK(log.after(log.last_id()).empty());
  CHECK(log.after(UINT64_MAX).empty());
}

TEST_CASE("an instant is RFC 3339 with milliseconds, before the epoch too") {
  using std::chrono::milliseconds;
  using Wall = std::chrono::system_clock::time_point;
  CHECK(rfc3339(Wall(milliseconds(1767323045678))) == "2026-01-02T03:04:05.678Z");
  CHECK(rfc3339(Wall(milliseconds(0))) == "1970-01-01T00:00:00.000Z");
  CHECK(rfc3339(Wall(milliseconds(-1))) == "1969-12-31T23:59:59.999Z");
}

TEST_CASE("an instant keeps its text while the wall clock is slewed, and follows a step") {
  using Wall = std::chrono::system_clock::time_point;
  const auto wall = [](std::int64_t ms) { return Wall(std::chrono::milliseconds(ms)); };
  const base::TimePoint second{1'000'000'000};
  WallClock clock;
  clock.observe(second, wall(1'000'000));
  const std::string text = clock.text(second);
  clock.observe(second, wall(1'000'200));
  CHECK(clock.text(second) == text);
  clock.observe(second, wall(2'000'000));
  CHECK(clock.text(second) == rfc3339(wall(2'000'000)));
}
