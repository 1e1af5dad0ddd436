// SPDX-License-Identifier: BSD-3-Clause
#include "flow/flow_table.h"

namespace covey::flow {

FlowTable::FlowTable(std::uint32_t capacity, std::uint64_t seed)
    : hash_(seed),
      entries_(capacity),
      lines_(std::bit_ceil((capacity + kMeanLoad - 1) / kMeanLoad)),
      line_mask_(static_cast<std::uint32_t>(lines_.size() - 1)) {
  COVEY_ASSERT(capacity > 0 && capacity <= kMaxCapacity);
}

EntryIndex FlowTable::insert(const packet::FlowKey& key) noexcept {
  COVEY_DEBUG_ASSERT(has_room());
  EntryIndex entry = first_free_;
  if (entry == kNoEntry) {
    entry = touched_++;
  } else {
    first_free_ = entries_[entry].newer;
  }
  entries_[entry] = Entry{};
  entries_[entry].key = key;

  // There are 15/8 as many cells as entries, so the walk ends.
  const std::uint32_t hash = hash_(key);
  std::uint32_t at = home(hash);
  std::uint32_t empty = lines_[at].with_tag(0);
  while (empty == 0) {
    ++lines_[at].overflow;
    at = next(at);
    empty = lines_[at].with_tag(0);
  }
  lines_[at].put(static_cast<unsigned>(std::countr_zero(empty)), tag(hash), entry);
  return entry;
}

void FlowTable::erase(EntryIndex entry) noexcept {
  const std::uint32_t hash = hash_(entries_[entry].key);
  std::uint32_t at = home(hash);
  std::uint32_t cell = lines_[at].cells_of(tag(hash), entry);
  while (cell == 0) {
    COVEY_DEBUG_ASSERT(lines_[at].overflow > 0);
    --lines_[at].overflow;
    at = next(at);
    cell = lines_[at].cells_of(tag(hash), entry);
  }
  lines_[at].tags[static_cast<unsigned>(std::countr_zero(cell))] = 0;
  entries_[entry].state = FlowState::none;
  entries_[entry].newer = first_free_;
  first_free_ = entry;
}

void AgeQueue::push_newest(FlowTable& table, EntryIndex entry) noexcept {
  table[entry].older = newest_;
  table[entry].newer = kNoEntry;
  if (newest_ != kNoEntry) {
    table[newest_].newer = entry;
  } else {
    oldest_ = entry;
  }
  newest_ = entry;
}

void AgeQueue::remove(FlowTable& table, EntryIndex entry) noexcept {
  const EntryIndex older = table[entry].older;
  const EntryIndex newer = table[entry].newer;
  if (older != kNoEntry) {
    table[older].newer = newer;
  } else {
    oldest_ = newer;
  }
  if (newer != kNoEntry) {
    table[newer].older = older;
  } else {
    newest_ = older;
  }
  table[entry].older = kNoEntry;
  table[entry].newer = kNoEntry;
}

}  // namespace covey::flow
