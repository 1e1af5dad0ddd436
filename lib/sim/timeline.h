// SPDX-License-Identifier: BSD-3-Clause
// Timeline: watches a segment and draws, per host, what state it was in, and what happened when.
//
// Owner: sim. Thread: the segment's; must outlive its use by the segment's observers. A column of
// the picture stands for a slice of time and shows the most notable state in it; the list below the
// picture is exact. At most 100 columns wide.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "sim/cluster.h"
#include "sim/segment.h"

namespace covey::sim {

class Timeline {
 public:
  /// Watches from now on, for `length`.
  Timeline(Segment& segment, const Cluster& cluster, base::Duration length);
  Timeline(const Timeline&) = delete;
  Timeline& operator=(const Timeline&) = delete;

  /// The host has booted: it has a row from now on.
  void add(base::HostId host);
  void run_until(base::TimePoint time);
  void note(const std::string& what);
  /// Who takes new flows of how many buckets now.
  void note_shares();
  [[nodiscard]] std::string text(bool with_colours) const;

 private:
  // In the order in which one is worth more attention than the other.
  enum class Mark : std::uint8_t {
    serving,
    converging,
    joining,
    draining,
    isolated,
    stopped,
    asleep,
    down
  };
  enum class LineKind : std::uint8_t { cause, news, gap, shares };
  struct Line {
    base::TimePoint at;
    LineKind kind = LineKind::news;
    base::HostSet hosts{};  // who says so
    std::string what;
  };

  void look();
  void look_at_owners();
  void hear(base::TimePoint now, base::HostId host, const convergence::Effect& effect);
  [[nodiscard]] Mark mark_of(base::HostId host) const;
  [[nodiscard]] std::size_t column() const;
  [[nodiscard]] std::string header() const;
  [[nodiscard]] std::string axis() const;
  [[nodiscard]] std::string rows(bool with_colours) const;
  [[nodiscard]] std::string bucket_row(const std::string& label, bool with_colours,
                                       const std::vector<std::uint32_t>& most) const;
  [[nodiscard]] std::string list(bool with_colours) const;
  static char letter(Mark mark);
  static const char* colour(Mark mark);

  Segment& segment_;
  Cluster cluster_;
  base::Duration slice_;
  std::map<base::HostId, std::vector<Mark>> marks_;
  std::vector<std::uint32_t> unowned_;  // by column, the most
  std::vector<std::uint32_t> twice_;    // owned by two, as on both sides of a cut
  std::vector<Line> lines_;
  bool begun_ = false;  // all buckets were owned once
  base::TimePoint gap_since_ = base::TimePoint::never();
  std::uint32_t gap_most_ = 0;
};

}  // namespace covey::sim
