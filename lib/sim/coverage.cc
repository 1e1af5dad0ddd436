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
  const convergence::ClassConfig& part = machine.node->part(kSpread);
  if (part.percent == 0 && (!part.last_resort || part.weight == 0)) return false;
  const bool may_serve = machine.config.partition == convergence::PartitionPolicy::serve ||
                         state != HostState::isolated;
  return may_serve && state != HostState::stopped && state != HostState::suspended &&
         state != HostState::draining;
}

void add(const bucket::Bitmap& buckets, std::vector<std::uint64_t>& words) {
  words.resize(std::max(words.size(), buckets.words().size()));
  for (std::size_t w = 0; w < buckets.words().size(); ++w)
    words[w] |= buckets.words()[w];
}

bool test(const std::vector<std::uint64_t>& words, std::uint32_t bucket) {
  return bucket / 64 < words.size() && ((words[bucket / 64] >> (bucket % 64)) & 1U) != 0;
}

}  // namespace

bool Coverage::look(const Segment& segment) {
  const TimePoint now = segment.now();
  bool able = false;
  std::vector<std::uint64_t> owned(owned_words_.size(), 0);
  std::vector<std::uint64_t> doubled;
  for (const Machine* machine : segment.machines()) {
    able = able || is_able(segment, *machine);
    if (!machine->takes_flows) continue;
    add(machine->accepted[kSpread.value], owned);
    add(machine->accepted[kDoubledSpread.value], doubled);
  }
  // With twice the buckets, bucket b has become b and b + (what there were).
  const auto buckets = static_cast<std::uint32_t>(unowned_since_.size());
  for (std::uint32_t b = 0; !doubled.empty() && b < buckets; ++b) {
    if (!test(doubled, b) || !test(doubled, b + buckets)) continue;
    owned.resize(std::max<std::size_t>(owned.size(), b / 64 + 1));
    owned[b / 64] |= std::uint64_t{1} << (b % 64);
  }
  const bool was_able = able_since_ < TimePoint::never();
  if (able == was_able && owned == owned_words_) return false;
  const std::uint32_t before = unowned_;
  if (able && !was_able) able_since_ = now;
  unowned_ = 0;
  for (std::uint32_t b = 0; b < unowned_since_.size(); ++b) {
    const bool is_owned = test(owned, b);
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
