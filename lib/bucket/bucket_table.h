// SPDX-License-Identifier: BSD-3-Clause
// BucketTable: the immutable answer to "what may this host do with a bucket", as workers read it.
//
// Owner: bucket. Threads: built by the control thread, then read-only; published and reclaimed by
// the data plane. A *map class* is one set of buckets with one owner each. Class 0 has one bucket:
// the default host. Class 1 spreads what belongs to no rule but should be shared out evenly (echo
// requests, address resolution). Each rule of mode multiple or single has a class of its own, in
// rule order; a single-host rule's class has one bucket.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/assert.h"
#include "base/ids.h"
#include "base/time.h"

namespace covey::bucket {

inline constexpr base::ClassIndex kDefaultHostClass{0};
inline constexpr base::ClassIndex kSpreadClass{1};
inline constexpr std::uint16_t kFirstRuleClass = 2;

enum class BucketState : std::uint8_t {
  foreign,     // another host takes new flows, or nobody
  refused,     // nobody takes new flows, since all hosts drain: this one would otherwise
  retained,    // likewise, and this host alone still serves old ones
  given_away,  // another host takes new flows, since a moment: it may yet have to hear that
  awaited,     // another host takes new flows, but soon this host will
  own,         // this host takes new flows, nobody else holds old ones
  own_dirty,   // this host takes new flows; another host still serves old ones
};

[[nodiscard]] constexpr bool takes_new_flows(BucketState state) {
  return state >= BucketState::own;
}

struct ClassTable {
  std::uint32_t mask = 0;            // bucket count - 1
  std::vector<BucketState> states;   // by bucket; what forwarding reads
  std::vector<base::HostId> owners;  // by bucket; kNobody while unowned; what people are shown
};

/// The classes of a table, and of each bucket one bit whether it is foreign: all that is asked of
/// most. Classes whose bits are equal share them, as those of rules with equal weights mostly do,
/// so that what is read for each frame stays in the nearest cache however many rules there are.
class ClassTables {
 public:
  /// Where the bits of a class begin: bucket b is bit b % 64 of word `start` + b / 64.
  struct Row {
    std::uint32_t mask = 0;   // bucket count - 1
    std::uint32_t start = 0;  // in foreign_words()
    friend bool operator==(const Row&, const Row&) = default;
  };
  /// Of classes that follow one another and share their row.
  struct Run {
    std::uint16_t first = 0;
    std::uint16_t end = 0;  // the class behind the last; said at the first class alone
  };

  /// The next class, of as many buckets as there are states, a power of two.
  void add(std::vector<BucketState> states, std::vector<base::HostId> owners);
  void set_state(base::ClassIndex map_class, base::BucketIndex bucket, BucketState state);
  void set_owner(base::ClassIndex map_class, base::BucketIndex bucket, base::HostId owner);

  [[nodiscard]] const ClassTable& operator[](std::size_t map_class) const {
    return tables_[map_class];
  }
  [[nodiscard]] std::size_t size() const { return tables_.size(); }
  [[nodiscard]] auto begin() const { return tables_.begin(); }
  [[nodiscard]] auto end() const { return tables_.end(); }

  /// By class.
  [[nodiscard]] const Row* rows() const { return rows_.data(); }
  [[nodiscard]] const std::uint64_t* foreign_words() const { return words_.data(); }
  /// By class, that in which it is.
  [[nodiscard]] const Run* runs() const { return runs_.data(); }
  /// Asserts that bits and states say the same, and runs what rows do.
  void check_invariants() const;

 private:
  void find_run_of(std::size_t map_class);

  std::vector<ClassTable> tables_;
  std::vector<Row> rows_;
  std::vector<Run> runs_;
  std::vector<std::uint64_t> words_;
  std::vector<Row> latest_;  // rows that the next class may share
};

struct BucketTable {
  std::uint32_t generation = 0;
  base::HostSet members;           // of the generation
  bool serving = false;            // false: stopped, every frame for a virtual IP is dropped
  base::TimePoint hands_on_until;  // from then on what was given away is as foreign as the rest
  ClassTables classes;
  /// Ascending, mostly none: of these nothing is let through on this host, in either direction,
  /// also not of flows that it serves.
  std::vector<base::ClassIndex> closed;

  [[nodiscard]] BucketState state(base::ClassIndex c, base::BucketIndex b) const {
    COVEY_DEBUG_ASSERT(c.value < classes.size());
    return classes[c.value].states[b.value];
  }
  [[nodiscard]] bool is_closed(base::ClassIndex c) const {
    return std::ranges::find(closed, c) != closed.end();
  }
  [[nodiscard]] base::HostId owner(base::ClassIndex c, base::BucketIndex b) const {
    COVEY_DEBUG_ASSERT(c.value < classes.size());
    return classes[c.value].owners[b.value];
  }
};

}  // namespace covey::bucket
