// SPDX-License-Identifier: BSD-3-Clause
// Story: a few events at given times in a small cluster, told as a timeline people can read.
//
// Owner: sim. Thread: any, one at a time. The events are an operator's questions ("what if host 2
// dies?"), parsed from text as on a command line: ID@TIME, ID@TIME+SPAN, ID=WEIGHT@TIME,
// ID,ID|ID,ID@TIME, @TIME. No loss, no skew: what is shown follows from the timers alone. In a
// partition the gateway stands with the side that is named first.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "sim/cluster.h"

namespace covey::sim {

enum class StoryKind : std::uint8_t {
  crash,      // ID@TIME
  die,        // ID@TIME: the process alone
  join,       // ID@TIME: boots, or starts again
  leave,      // ID@TIME: stop
  drain,      // ID@TIME: drainstop
  pause,      // ID@TIME+SPAN: the whole host sleeps
  partition,  // ID,ID|ID,ID@TIME: sides; those not named are one more
  heal,       // @TIME: every link works again
  weight,     // ID=WEIGHT@TIME
};

struct StoryEvent {
  base::Duration at{};
  StoryKind kind = StoryKind::crash;
  base::HostId host{};
  std::vector<base::HostSet> sides{};
  base::Duration span{};
  std::uint16_t weight = 0;
};

struct Story {
  Cluster cluster;
  std::vector<StoryEvent> events;
};

inline constexpr base::Duration kLongestStory = std::chrono::hours(1);

/// Error (invalid_argument) that says what was expected.
[[nodiscard]] base::Result<StoryEvent> parse_story_event(StoryKind kind, std::string_view text);
/// "host 2 crashes"
[[nodiscard]] std::string text(const StoryEvent& event);
/// The timeline, the events, who owned how much; lines of at most 100 columns.
[[nodiscard]] std::string tell(Story story, bool with_colours);

}  // namespace covey::sim
