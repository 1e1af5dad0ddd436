// SPDX-License-Identifier: BSD-3-Clause
#include "sim/story.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "sim/fault.h"
#include "sim/segment.h"
#include "sim/timeline.h"

namespace covey::sim {

using base::Duration;
using base::ErrorCode;
using base::HostId;
using base::HostSet;
using base::Result;
using convergence::Verb;

namespace {

std::optional<unsigned> number(std::string_view text, unsigned least, unsigned most) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || value < least || value > most) return {};
  return value;
}

std::optional<HostId> host_id(std::string_view text) {
  const auto value = number(text, 1, base::kMaxHosts);
  if (!value) return {};
  return HostId{static_cast<std::uint8_t>(*value)};
}

std::string_view cut_front(std::string_view& text, char separator) {
  const std::size_t at = text.find(separator);
  const std::string_view front = text.substr(0, at);
  text = at == std::string_view::npos ? std::string_view() : text.substr(at + 1);
  return front;
}

std::string_view form_of(StoryKind kind) {
  switch (kind) {
    case StoryKind::crash:
    case StoryKind::die:
    case StoryKind::join:
    case StoryKind::leave:
    case StoryKind::drain:
      return "ID@TIME, as in 2@10s";
    case StoryKind::pause:
      return "ID@TIME+SPAN, as in 2@10s+3s";
    case StoryKind::partition:
      return "ID,ID|ID,ID@TIME, as in 1,2|3,4@10s";
    case StoryKind::heal:
      return "@TIME, as in @10s";
    case StoryKind::weight:
      return "ID=WEIGHT@TIME with a weight of 0..100, as in 2=50@10s";
  }
  return "";
}

bool parse_sides(std::string_view text, StoryEvent& event) {
  HostSet named;
  while (!text.empty()) {
    std::string_view side_text = cut_front(text, '|');
    HostSet side;
    while (!side_text.empty()) {
      const auto host = host_id(cut_front(side_text, ','));
      if (!host || named.contains(*host)) return false;
      named.insert(*host);
      side.insert(*host);
    }
    if (side.empty()) return false;
    event.sides.push_back(side);
  }
  return !event.sides.empty();
}

bool parse_subject(std::string_view text, StoryEvent& event) {
  if (event.kind == StoryKind::heal) return text.empty();
  if (event.kind == StoryKind::partition) return parse_sides(text, event);
  if (event.kind == StoryKind::weight) {
    const std::string_view id = cut_front(text, '=');
    const auto weight = number(text, 0, kFullWeight);
    if (!weight) return false;
    event.weight = static_cast<std::uint16_t>(*weight);
    text = id;
  }
  const auto host = host_id(text);
  if (!host) return false;
  event.host = *host;
  return true;
}

bool parse_time(std::string_view text, StoryEvent& event) {
  if (event.kind == StoryKind::pause) {
    const std::size_t plus = text.find('+');
    if (plus == std::string_view::npos) return false;
    const Result<Duration> span = base::parse_duration(text.substr(plus + 1));
    if (!span || *span > kLongestStory) return false;
    event.span = *span;
    text = text.substr(0, plus);
  }
  const Result<Duration> at = base::parse_duration(text);
  if (!at || *at > kLongestStory) return false;
  event.at = *at;
  return true;
}

}  // namespace

Result<StoryEvent> parse_story_event(StoryKind kind, std::string_view text) {
  StoryEvent event;
  event.kind = kind;
  const std::size_t at = text.rfind('@');
  const bool good = at != std::string_view::npos && parse_subject(text.substr(0, at), event) &&
                    parse_time(text.substr(at + 1), event);
  if (good) return event;
  std::string mistake(text);
  mistake += ": expected ";
  mistake += form_of(kind);
  mistake += ", host ids 1..64, times up to 1h";
  return base::fail(ErrorCode::invalid_argument, std::move(mistake));
}

std::string text(const StoryEvent& event) {
  const std::string host = "host " + std::to_string(event.host.value);
  switch (event.kind) {
    case StoryKind::crash:
      return host + " crashes";
    case StoryKind::die:
      return "the process of " + host + " dies";
    case StoryKind::join:
      return host + " joins";
    case StoryKind::leave:
      return host + " is stopped";
    case StoryKind::drain:
      return host + " is drained";
    case StoryKind::pause:
      return host + " sleeps for " + base::format_duration(event.span);
    case StoryKind::partition: {
      std::string sides;
      for (const HostSet side : event.sides)
        sides += (sides.empty() ? "" : " | ") + hosts_text(side);
      return "the segment is cut: " + sides;
    }
    case StoryKind::heal:
      return "the segment is whole again";
    case StoryKind::weight:
      return "weight of " + host + " becomes " + std::to_string(event.weight);
  }
  return "?";
}

namespace {

/// Carries the events out on a segment while a timeline looks on.
class Teller {
 public:
  Teller(Story story, bool with_colours)
      : story_(std::move(story)),
        segment_(SegmentOptions{}),
        timeline_(segment_, story_.cluster, length()),
        with_colours_(with_colours) {}

  std::string tell() {
    for (std::uint8_t host = 1; host <= story_.cluster.hosts; ++host)
      boot(HostId{host});
    for (const StoryEvent& event : story_.events) {
      timeline_.run_until(base::TimePoint{} + event.at);
      timeline_.note_shares();
      if (apply(event)) {
        timeline_.note(text(event));
      } else {
        timeline_.note(text(event) + ": not possible now");
      }
    }
    timeline_.run_until(base::TimePoint{} + length());
    timeline_.note_shares();
    return timeline_.text(with_colours_);
  }

 private:
  [[nodiscard]] Duration length() const {
    Duration last{};
    for (const StoryEvent& event : story_.events)
      last = std::max(last, event.at + event.span);
    const convergence::Timing& timing = story_.cluster.timing;
    return last + timing.lease() * 2 + timing.silence() + timing.interval * 10;
  }
  void boot(HostId host) {
    ++boots_;
    segment_.boot(node_config(story_.cluster, host, mix(boots_, host.value)));
    segment_.gateway(host, gateway_side_.contains(host));
    timeline_.add(host);
  }
  bool obey(const StoryEvent& event, const convergence::OperatorCommand& order) {
    if (!segment_.is_up(event.host) || segment_.is_stalled(event.host)) return false;
    segment_.command(event.host, order);
    return true;
  }
  bool apply(const StoryEvent& event) {
    const bool is_up = segment_.is_up(event.host);
    switch (event.kind) {
      case StoryKind::crash:
        if (is_up) segment_.crash(event.host);
        return is_up;
      case StoryKind::die:
        if (is_up) segment_.die(event.host);
        return is_up;
      case StoryKind::join:
        if (is_up) return obey(event, command(Verb::start));
        boot(event.host);
        return true;
      case StoryKind::leave:
        return obey(event, command(Verb::stop));
      case StoryKind::drain:
        return obey(event, command(Verb::drainstop));
      case StoryKind::pause:
        if (is_up) segment_.stall_host(event.host, event.span);
        return is_up;
      case StoryKind::partition:
        partition(event.sides);
        return true;
      case StoryKind::heal:
        segment_.mend_all_links();
        move_gateway(kEverybody);
        return true;
      case StoryKind::weight:
        return obey(event, weight_command(event.weight));
    }
    return false;
  }
  void move_gateway(HostSet side) {
    gateway_side_ = side;
    for (std::uint8_t host = 1; host <= base::kMaxHosts; ++host) {
      if (segment_.is_up(HostId{host})) segment_.gateway(HostId{host}, side.contains(HostId{host}));
    }
  }
  void partition(const std::vector<HostSet>& sides) {
    segment_.mend_all_links();
    move_gateway(sides.front());
    const auto together = [&](HostId a, HostId b) {
      bool named = false;
      for (const HostSet side : sides) {
        if (side.contains(a) && side.contains(b)) return true;
        named = named || side.contains(a) || side.contains(b);
      }
      return !named;  // the rest is one side
    };
    for (std::uint8_t from = 1; from <= base::kMaxHosts; ++from) {
      for (std::uint8_t to = 1; to <= base::kMaxHosts; ++to) {
        if (!together(HostId{from}, HostId{to})) segment_.cut(HostId{from}, HostId{to});
      }
    }
  }

  Story story_;
  Segment segment_;
  Timeline timeline_;
  bool with_colours_;
  HostSet gateway_side_ = kEverybody;
  std::uint64_t boots_ = 0;
};

}  // namespace

std::string tell(Story story, bool with_colours) {
  std::stable_sort(story.events.begin(), story.events.end(),
                   [](const StoryEvent& a, const StoryEvent& b) { return a.at < b.at; });
  return Teller(std::move(story), with_colours).tell();
}

}  // namespace covey::sim
