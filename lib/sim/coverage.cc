// SPDX-License-Identifier: BSD-3-Clause
#include "sim/coverage.h"

#include "sim/cluster.h"

namespace covey::sim {

using base::TimePoint;

namespace {

bool is_able(const Segment& segment, const Machine& machine) {
  using convergence::HostState;
  if (segment.now() < machine.control_stalled_until) return false;
  const HostState state = machine.node->status(machine.clock.local(segment.now())).state;
  const bool may_serve = machine.config.partition == convergence::PartitionPolicy::serve ||
                         state != HostState::isolated;
  return may_serve && state != HostState::stopped && state != HostState::suspended &&
         state != HostState::draining;
}

}  // namespace

bool Coverage::look(const Segment& segment) {
  const TimePoint now = segment.now();
  bool able = false;
  std::vector<std::uint64_t> owned(owned_words_.size(), 0);
  for (const Machine* machine : segment.machines()) {
    able = able || is_able(segment, *machine);
    if (!machine->takes_flows || machine->accepted.size() <= kSpread.value) continue;
    const std::vector<std::uint64_t>& words = machine->accepted[kSpread.value].words();
    owned.resize(std::max(owned.size(), words.size()));
    for (std::size_t w = 0; w < words.size(); ++w)
      owned[w] |= words[w];
  }
  const bool was_able = able_since_ < TimePoint::never();
  if (able == was_able && owned == owned_words_) return false;
  const std::uint32_t before = unowned_;
  if (able && !was_able) able_since_ = now;
  unowned_ = 0;
  for (std::uint32_t b = 0; b < unowned_since_.size(); ++b) {
    const bool is_owned = b / 64 < owned.size() && ((owned[b / 64] >> (b % 64)) & 1U) != 0;
    begun_ = begun_ || is_owned;
    if (is_owned || !able) close(b, now);
    if (is_owned) continue;
    ++unowned_;
    if (begun_ && able && unowned_since_[b] == TimePoint::never()) unowned_since_[b] = now;
  }
  if (!able) able_since_ = TimePoint::never();
  owned_words_ = std::move(owned);
  return unowned_ != before;
}

void Coverage::close(std::uint32_t bucket, TimePoint now) {
  TimePoint& since = unowned_since_[bucket];
  if (since < TimePoint::never()) worst_ = std::max(worst_, now - since);
  since = TimePoint::never();
}

}  // namespace covey::sim
