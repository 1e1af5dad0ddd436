// SPDX-License-Identifier: BSD-3-Clause
#include "sim/timeline.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <variant>

#include "base/text.h"
#include "sim/fault.h"

namespace covey::sim {

using base::HostId;
using base::TimePoint;
using convergence::EventKind;

namespace {

constexpr std::size_t kColumns = 88;
constexpr std::size_t kWidth = 100;
constexpr const char* kPlain = "\x1b[0m";
constexpr const char* kRed = "\x1b[31m";
constexpr const char* kBold = "\x1b[1m";
constexpr const char* kDim = "\x1b[2m";

std::string label(const std::string& what) {
  std::string text = what;
  text.resize(10, ' ');
  return text;
}

std::string padded(const std::string& text, std::size_t width) {
  return text.size() >= width ? text : std::string(width - text.size(), ' ') + text;
}

bool is_told(EventKind kind) {
  switch (kind) {
    case EventKind::host_left:
    case EventKind::host_lost:
    case EventKind::converging:
    case EventKind::converged:
    case EventKind::drain_finished:
    case EventKind::host_refused:
    case EventKind::island_suspected:
    case EventKind::second_owner_suspected:
    case EventKind::self_doubt:
    case EventKind::gateway_changed:
      return true;
    case EventKind::host_joined:
    case EventKind::state_changed:
    case EventKind::weight_changed:
    case EventKind::drain_started:
    case EventKind::configuration_staged:
    case EventKind::configuration_switched:
      return false;
  }
  return false;
}

/// Words at the blanks, the following lines indented.
std::string wrapped(const std::string& text, std::size_t indent) {
  std::string result;
  std::string line = text;
  while (line.size() > kWidth) {
    std::size_t at = line.rfind(' ', kWidth);
    if (at == std::string::npos || at <= indent) at = kWidth;
    result += line.substr(0, at) + "\n";
    line = std::string(indent, ' ') + line.substr(line.find_first_not_of(' ', at));
  }
  return result + line + "\n";
}

}  // namespace

Timeline::Timeline(Segment& segment, const Cluster& cluster, base::Duration length)
    : segment_(segment),
      cluster_(cluster),
      slice_(length / static_cast<std::int64_t>(kColumns) + base::Duration(1)),
      unowned_(kColumns, 0),
      twice_(kColumns, 0) {
  segment_.observe([this](TimePoint now, HostId host, const convergence::Effect& effect) {
    hear(now, host, effect);
  });
  segment_.observe_owners([this] { look_at_owners(); });
}

void Timeline::add(HostId host) {
  std::vector<Mark>& marks = marks_[host];
  if (marks.empty()) {
    marks.assign(column(), Mark::down);
    marks.resize(kColumns, Mark::serving);
  }
  look();
}

std::size_t Timeline::column() const {
  const auto at = static_cast<std::size_t>(segment_.now().ns / slice_.count());
  return std::min(at, kColumns - 1);
}

void Timeline::run_until(TimePoint time) {
  while (segment_.now() < time) {
    const TimePoint edge{static_cast<std::int64_t>(column() + 1) * slice_.count()};
    const TimePoint next = edge > segment_.now() ? std::min(edge, time) : time;
    segment_.run_for(next - segment_.now());
    look();
    look_at_owners();
  }
}

void Timeline::look() {
  for (auto& [host, marks] : marks_)
    marks[column()] = std::max(marks[column()], mark_of(host));
}

Timeline::Mark Timeline::mark_of(HostId host) const {
  if (!segment_.is_up(host)) return Mark::down;
  if (segment_.is_stalled(host)) return Mark::asleep;
  switch (segment_.status(host).state) {
    case convergence::HostState::stopped:
    case convergence::HostState::suspended:
      return Mark::stopped;
    case convergence::HostState::joining:
      return Mark::joining;
    case convergence::HostState::converging:
      return Mark::converging;
    case convergence::HostState::converged:
      return Mark::serving;
    case convergence::HostState::draining:
      return Mark::draining;
    case convergence::HostState::isolated:
      return Mark::isolated;
  }
  return Mark::down;
}

void Timeline::look_at_owners() {
  std::uint32_t unowned = 0;
  std::uint32_t twice = 0;
  for (std::uint32_t b = 0; b < cluster_.buckets; ++b) {
    unsigned owners = 0;
    for (const Machine* machine : segment_.machines()) {
      if (machine->accepted[kSpread.value].test({b})) ++owners;
    }
    if (owners == 0) ++unowned;
    if (owners > 1) ++twice;
  }
  twice_[column()] = std::max(twice_[column()], twice);
  if (begun_) unowned_[column()] = std::max(unowned_[column()], unowned);
  if (unowned == 0) begun_ = true;
  if (!begun_) return;
  if (unowned > 0 && gap_since_ == TimePoint::never()) gap_since_ = segment_.now();
  gap_most_ = std::max(gap_most_, unowned);
  if (unowned > 0 || gap_since_ == TimePoint::never()) return;
  lines_.push_back({.at = segment_.now(),
                    .kind = LineKind::gap,
                    .what = "all buckets are owned again; up to " + std::to_string(gap_most_) +
                            " were not, for " + seconds_text(segment_.now() - gap_since_)});
  gap_since_ = TimePoint::never();
  gap_most_ = 0;
}

void Timeline::hear(TimePoint now, HostId host, const convergence::Effect& effect) {
  look();
  const auto* raised = std::get_if<convergence::RaiseEvent>(&effect);
  if (raised == nullptr || !is_told(raised->event.kind)) return;
  const std::string what = std::string(name(raised->event.kind)) + ": " + raised->event.detail;
  for (auto line = lines_.rbegin(); line != lines_.rend(); ++line) {
    if (now - line->at > cluster_.timing.interval) break;
    if (line->kind != LineKind::news || line->what != what) continue;
    line->hosts.insert(host);
    return;
  }
  Line line{.at = now, .kind = LineKind::news, .what = what};
  line.hosts.insert(host);
  lines_.push_back(std::move(line));
}

void Timeline::note(const std::string& what) {
  look();
  lines_.push_back({.at = segment_.now(), .kind = LineKind::cause, .what = what});
}

void Timeline::note_shares() {
  std::string shares;
  for (const Machine* machine : segment_.machines()) {
    const std::uint32_t have = machine->accepted[kSpread.value].count();
    shares += (shares.empty() ? "" : ", ") + std::to_string(machine->config.self.value) + ": " +
              std::to_string(have);
  }
  lines_.push_back({.at = segment_.now(),
                    .kind = LineKind::shares,
                    .what = shares.empty() ? "no host is up" : "buckets per host " + shares});
}

std::string Timeline::text(bool with_colours) const {
  return header() + "\n" + axis() + rows(with_colours) + "\n" + list(with_colours);
}

std::string Timeline::header() const {
  const convergence::Timing& timing = cluster_.timing;
  return std::to_string(cluster_.hosts) + " hosts, " + std::to_string(cluster_.buckets) +
         " buckets, a heartbeat every " + base::format_duration(timing.interval) +
         "; silent after " + base::format_duration(timing.silence()) + ", lease " +
         seconds_text(timing.lease()) +
         "\n= serving  ~ converging  . joining  d draining  ! isolated  z asleep  - stopped  "
         "x down\n";
}

/// A label each 22 columns.
std::string Timeline::axis() const {
  constexpr std::size_t kStep = 22;
  std::string labels(10, ' ');
  std::string ticks(10, ' ');
  for (std::size_t at = 0; at < kColumns; at += kStep) {
    std::string stamp = seconds_text(slice_ * static_cast<std::int64_t>(at));
    stamp.resize(kStep, ' ');
    labels += stamp;
    ticks += "|" + std::string(kStep - 1, ' ');
  }
  const auto trimmed = [](std::string line) {
    line.erase(line.find_last_not_of(' ') + 1);
    return line + "\n";
  };
  return trimmed(labels) + trimmed(ticks);
}

std::string Timeline::rows(bool with_colours) const {
  std::string text;
  for (const auto& [host, marks] : marks_) {
    text += label("host " + std::to_string(host.value));
    const char* current = kPlain;
    for (const Mark mark : marks) {
      if (with_colours && colour(mark) != current) text += current = colour(mark);
      text += letter(mark);
    }
    if (with_colours) text += kPlain;
    text += "\n";
  }
  text += bucket_row("unowned", with_colours, unowned_);
  const bool any_twice = std::any_of(twice_.begin(), twice_.end(), [](auto n) { return n > 0; });
  if (any_twice) text += bucket_row("two owners", with_colours, twice_);
  return text;
}

/// 1..9: so many tenths of the buckets, at least; + for all of them.
std::string Timeline::bucket_row(const std::string& name, bool with_colours,
                                 const std::vector<std::uint32_t>& most) const {
  std::string row = label(name);
  if (with_colours) row += kRed;
  for (const std::uint32_t count : most) {
    const std::uint64_t tenths = std::uint64_t{count} * 10 / cluster_.buckets;
    char letter = static_cast<char>('0' + std::clamp<std::uint64_t>(tenths, 1, 9));
    if (count == 0) letter = ' ';
    if (count == cluster_.buckets) letter = '+';
    row += letter;
  }
  if (with_colours) return row + kPlain + "\n";
  row.erase(row.find_last_not_of(' ') + 1);
  return row + "\n";
}

std::string Timeline::list(bool with_colours) const {
  std::string text;
  for (const Line& line : lines_) {
    std::string row = padded(seconds_text(line.at - TimePoint{}), 12) + "  ";
    const char* paint = kPlain;
    switch (line.kind) {
      case LineKind::cause:
        row += "> " + line.what;
        paint = kBold;
        break;
      case LineKind::news:
        row += "  " + hosts_text(line.hosts) + "  " + line.what;
        break;
      case LineKind::gap:
        row += "  " + line.what;
        paint = kRed;
        break;
      case LineKind::shares:
        row += "  " + line.what;
        paint = kDim;
        break;
    }
    text += with_colours ? paint + wrapped(row, 16) + kPlain : wrapped(row, 16);
  }
  return text;
}

char Timeline::letter(Mark mark) {
  constexpr std::array<char, 8> kLetters = {'=', '~', '.', 'd', '!', '-', 'z', 'x'};
  return kLetters[static_cast<std::size_t>(mark)];
}

const char* Timeline::colour(Mark mark) {
  switch (mark) {
    case Mark::serving:
      return "\x1b[32m";
    case Mark::converging:
    case Mark::joining:
    case Mark::draining:
      return "\x1b[33m";
    case Mark::isolated:
    case Mark::asleep:
    case Mark::down:
      return kRed;
    case Mark::stopped:
      return kDim;
  }
  return kPlain;
}

}  // namespace covey::sim
