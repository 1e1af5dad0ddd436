// SPDX-License-Identifier: BSD-3-Clause
// Check: from the answers of one service to whether it is well, and to what share of its
// connections this host should take.
//
// Owner: health. Thread: the caller's; no clock inside, the time comes with each call.
// `fall` failures in a row make a service ill, `rise` successes make it well again. Before the
// first decision it is `starting`: one success ends that, failures within the start grace do not
// count. What a service says of itself (Report) holds at once; `drain` and `maint` stay until
// `ready`, a percentage until the next one, `down` until `up`. Who has recovered gets its share
// back in kRampSteps equal steps over the slow start, since every step is a convergence of the
// cluster.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/time.h"
#include "health/report.h"
#include "health/settings.h"

namespace covey::health {

inline constexpr unsigned kRampSteps = 5;
inline constexpr unsigned kAll = 100;  // percent

enum class State : unsigned char { starting, up, down, drain, maint };
[[nodiscard]] std::string_view name(State state);

/// One answer, or why there is none.
struct Outcome {
  bool is_well = false;
  std::string detail;            // for people: "200 OK", "connection refused"
  std::optional<Report> report;  // of an agent that was understood
};

class Check {
 public:
  /// `serves`: it takes its share until it is found ill, as a check does that is added to a service
  /// in use; otherwise not before the first success.
  Check(Settings settings, base::TimePoint now, bool serves);

  void take(base::TimePoint now, const Outcome& outcome);

  [[nodiscard]] const Settings& settings() const { return settings_; }
  [[nodiscard]] State state() const;
  /// Of the state.
  [[nodiscard]] base::TimePoint since() const { return since_; }
  /// What this host should take of its share: 0..100.
  [[nodiscard]] unsigned percent(base::TimePoint now) const;
  /// When percent() changes without an answer; TimePoint::never() if it does not.
  [[nodiscard]] base::TimePoint next_step(base::TimePoint now) const;

 private:
  [[nodiscard]] base::Duration step() const;
  [[nodiscard]] bool is_ramping(base::TimePoint now) const;
  [[nodiscard]] unsigned when_well(base::TimePoint now) const;
  void note_success(base::TimePoint now);
  void note_failure(base::TimePoint now);
  void believe(base::TimePoint now, const Report& report);
  void become_up(base::TimePoint now);

  enum class Health : unsigned char { unknown, well, ill };

  Settings settings_;
  bool serves_;
  base::TimePoint started_;
  base::TimePoint since_;
  base::TimePoint ramp_began_ = base::TimePoint::distant_past();
  Health health_ = Health::unknown;
  Wish wish_ = Wish::ready;
  unsigned said_percent_ = kAll;
  bool says_down_ = false;
  unsigned failures_ = 0;   // in a row
  unsigned successes_ = 0;  // in a row
};

}  // namespace covey::health
