// SPDX-License-Identifier: BSD-3-Clause
// Coverage: for how long buckets of the spread class went without anybody who takes new flows.
//
// Owner: sim. Thread: the segment's. A bucket counts as unowned only while some host could serve:
// it is up, awake, started, drains neither as a host nor in this class, and is not kept from it by
// the partition policy. What happens before the first owner is not counted.
#pragma once

#include <algorithm>
#include <cstdint>
#include <vector>

#include "base/time.h"
#include "sim/segment.h"

namespace covey::sim {

class Coverage {
 public:
  explicit Coverage(std::uint32_t buckets) : unowned_since_(buckets, base::TimePoint::never()) {}

  /// Looks at what all workers accept now; true if the number of unowned buckets has changed.
  bool look(const Segment& segment);
  [[nodiscard]] std::uint32_t unowned() const { return unowned_; }
  [[nodiscard]] base::Duration worst() const { return worst_; }

 private:
  void close(std::uint32_t bucket, base::TimePoint now);

  std::vector<base::TimePoint> unowned_since_;  // by bucket; never: owned
  std::vector<std::uint64_t> owned_words_;
  base::TimePoint able_since_ = base::TimePoint::never();
  bool begun_ = false;
  std::uint32_t unowned_ = 0;
  base::Duration worst_{};
};

}  // namespace covey::sim
