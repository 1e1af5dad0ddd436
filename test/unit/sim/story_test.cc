// SPDX-License-Identifier: BSD-3-Clause
#include "sim/story.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace covey::sim {

namespace {

using namespace std::chrono_literals;

Story story_of(std::vector<StoryEvent> events) {
  Story story;
  story.cluster.hosts = 3;
  story.cluster.timing.interval = 200ms;
  story.events = std::move(events);
  return story;
}

StoryEvent parsed(StoryKind kind, std::string_view text) {
  const base::Result<StoryEvent> event = parse_story_event(kind, text);
  REQUIRE(event.has_value());
  return *event;
}

}  // namespace

TEST_CASE("events are read as they are written on the command line") {
  CHECK(parsed(StoryKind::crash, "2@10s").host == base::HostId{2});
  CHECK(parsed(StoryKind::crash, "2@10s").at == 10s);
  CHECK(parsed(StoryKind::pause, "64@500ms+3s").span == 3s);
  CHECK(parsed(StoryKind::weight, "3=50@1m").weight == 50);
  CHECK(parsed(StoryKind::heal, "@20s").at == 20s);
  const StoryEvent cut = parsed(StoryKind::partition, "1,2|3@7s");
  REQUIRE(cut.sides.size() == 2);
  CHECK(cut.sides[0].bits() == 0b011);
  CHECK(cut.sides[1].bits() == 0b100);
}

TEST_CASE("events that make no sense are refused with the form that was expected") {
  const std::vector<std::pair<StoryKind, std::string>> bad = {{StoryKind::crash, ""},
                                                              {StoryKind::crash, "2"},
                                                              {StoryKind::crash, "@10s"},
                                                              {StoryKind::crash, "0@10s"},
                                                              {StoryKind::crash, "65@10s"},
                                                              {StoryKind::crash, "2@10"},
                                                              {StoryKind::crash, "2@-1s"},
                                                              {StoryKind::crash, "2@2h"},
                                                              {StoryKind::pause, "2@10s"},
                                                              {StoryKind::pause, "2@10s+"},
                                                              {StoryKind::heal, "2@10s"},
                                                              {StoryKind::partition, "@10s"},
                                                              {StoryKind::weight, "2=@10s"},
                                                              {StoryKind::weight, "2=101@10s"},
                                                              {StoryKind::weight, "50@10s"},
                                                              {StoryKind::partition, "1,2|2@10s"},
                                                              {StoryKind::partition, "1,x|2@10s"}};
  for (const auto& [kind, text] : bad) {
    INFO(text);
    const base::Result<StoryEvent> event = parse_story_event(kind, text);
    REQUIRE_FALSE(event.has_value());
    CHECK(event.error().context.find("expected") != std::string::npos);
  }
}

TEST_CASE("a crash is told with who noticed, the gap and the new shares") {
  const std::string told = tell(story_of({parsed(StoryKind::crash, "2@10s")}), false);
  CHECK(told.find("> host 2 crashes") != std::string::npos);
  CHECK(told.find("1,3  host_lost: host 2 fell silent") != std::string::npos);
  CHECK(told.find("all buckets are owned again") != std::string::npos);
  CHECK(told.find("buckets per host 1: 32, 3: 32") != std::string::npos);
}

TEST_CASE("a cut shows buckets with two owners until the segment is whole again") {
  const std::string told =
      tell(story_of({parsed(StoryKind::partition, "1,2|3@10s"), parsed(StoryKind::heal, "@20s")}),
           false);
  CHECK(told.find("two owners") != std::string::npos);
  CHECK(told.find("buckets per host 1: 32, 2: 32, 3: 64") != std::string::npos);
}

TEST_CASE("what cannot be done is told and does no harm") {
  const std::string told =
      tell(story_of({parsed(StoryKind::crash, "9@5s"), parsed(StoryKind::leave, "9@6s")}), false);
  CHECK(told.find("host 9 crashes: not possible now") != std::string::npos);
}

TEST_CASE("no line of a story is wider than a terminal, and only colours are escapes") {
  Story story = story_of({parsed(StoryKind::crash, "2@3s")});
  story.cluster.hosts = 24;
  story.cluster.buckets = 256;
  const std::string told = tell(story, false);
  CHECK(told.find('\x1b') == std::string::npos);
  std::istringstream lines(told);
  for (std::string line; std::getline(lines, line);)
    CHECK(line.size() <= 100);
  CHECK(tell(story_of({}), true).find("\x1b[32m") != std::string::npos);
}

}  // namespace covey::sim
