// SPDX-License-Identifier: BSD-3-Clause
#include "health/check.h"

#include <algorithm>
#include <utility>

#include "base/assert.h"

namespace covey::health {

using base::TimePoint;

std::string_view name(State state) {
  switch (state) {
    case State::starting:
      return "starting";
    case State::up:
      return "up";
    case State::down:
      return "down";
    case State::drain:
      return "drain";
    case State::maint:
      return "maint";
  }
  COVEY_ASSERT(false);
}

Check::Check(Settings settings, TimePoint now, bool serves)
    : settings_(std::move(settings)), serves_(serves), started_(now), since_(now) {}

State Check::state() const {
  if (health_ == Health::ill) return State::down;
  if (wish_ != Wish::ready) return wish_ == Wish::drain ? State::drain : State::maint;
  return health_ == Health::well ? State::up : State::starting;
}

void Check::take(TimePoint now, const Outcome& outcome) {
  const State before = state();
  if (outcome.report) believe(now, *outcome.report);
  if (outcome.is_well && !says_down_) {
    note_success(now);
  } else {
    note_failure(now);
  }
  if (state() != before) since_ = now;
}

/// What a service says of itself needs no repetition.
void Check::believe(TimePoint now, const Report& report) {
  if (report.percent) said_percent_ = *report.percent;
  if (report.wish) wish_ = *report.wish;
  if (!report.is_up) return;
  says_down_ = !*report.is_up;
  if (says_down_) {
    health_ = Health::ill;
  } else if (health_ != Health::well) {
    become_up(now);
  }
}

void Check::note_success(TimePoint now) {
  failures_ = 0;
  if (health_ == Health::well) return;
  ++successes_;
  if (health_ == Health::unknown || successes_ >= settings_.rise) become_up(now);
}

void Check::note_failure(TimePoint now) {
  successes_ = 0;
  if (health_ == Health::ill) return;
  const bool is_early = health_ == Health::unknown && now < started_ + settings_.start_grace;
  if (is_early) return;
  ++failures_;
  if (failures_ >= settings_.fall) health_ = Health::ill;
}

void Check::become_up(TimePoint now) {
  if (health_ == Health::ill) ramp_began_ = now;
  health_ = Health::well;
  failures_ = 0;
  successes_ = 0;
}

/// The first step is at the beginning of the ramp, the last one at its end.
base::Duration Check::step() const {
  return settings_.slow_start / (kRampSteps - 1);
}

bool Check::is_ramping(TimePoint now) const {
  return health_ == Health::well && now < ramp_began_ + settings_.slow_start &&
         step() > base::Duration::zero();
}

unsigned Check::when_well(TimePoint now) const {
  if (!is_ramping(now)) return said_percent_;
  const auto steps = static_cast<unsigned>((now - ramp_began_) / step()) + 1;
  return (said_percent_ * std::min(steps, kRampSteps) + kRampSteps - 1) / kRampSteps;
}

unsigned Check::percent(TimePoint now) const {
  if (settings_.on_fail == OnFail::report) return kAll;
  if (wish_ != Wish::ready) return 0;
  const unsigned when_ill = settings_.on_fail == OnFail::weight ? settings_.fail_percent : 0;
  switch (health_) {
    case Health::unknown:
      return serves_ ? said_percent_ : when_ill;
    case Health::well:
      return when_well(now);
    case Health::ill:
      return std::min(when_ill, said_percent_);
  }
  COVEY_ASSERT(false);
}

TimePoint Check::next_step(TimePoint now) const {
  if (!is_ramping(now)) return TimePoint::never();
  return ramp_began_ + step() * ((now - ramp_began_) / step() + 1);
}

}  // namespace covey::health
