// SPDX-License-Identifier: BSD-3-Clause
// EdgeMatrix: which pairs of hosts hear each other, from the rows they publish, and since when not.
//
// Owner: convergence. Thread: the caller's, one at a time.
// A row is what a host says about its own edges. An edge is good if both rows say so, broken if a
// known row denies it, and undecided while neither row is known (both hosts silent to us): nobody
// is accused on the ground of what we cannot know. It does not decide who is dropped: view.h does.
#pragma once

#include <array>
#include <cstddef>
#include <vector>

#include "base/ids.h"
#include "base/time.h"

namespace covey::convergence {

class EdgeMatrix {
 public:
  EdgeMatrix();

  /// Takes the newest row of a host.
  void set_row(base::HostId host, base::HostSet alive, base::TimePoint now);
  /// The host is silent or gone: its row counts no longer.
  void forget_row(base::HostId host, base::TimePoint now);

  [[nodiscard]] bool good(base::HostId a, base::HostId b) const;
  [[nodiscard]] bool broken(base::HostId a, base::HostId b) const {
    return broken_[a.value].contains(b);
  }
  /// Hosts whose edge to `host` is broken.
  [[nodiscard]] base::HostSet broken_with(base::HostId host) const { return broken_[host.value]; }
  /// Broken without a break for at least `span`.
  [[nodiscard]] bool broken_for(base::HostId a, base::HostId b, base::TimePoint now,
                                base::Duration span) const;

 private:
  void change(base::HostId host, bool known, base::HostSet alive, base::TimePoint now);
  [[nodiscard]] bool is_denied(base::HostId a, base::HostId b) const;

  std::array<base::HostSet, base::kMaxHosts + 1> rows_{};
  std::array<base::HostSet, base::kMaxHosts + 1> broken_{};  // by host; asked for in every step
  base::HostSet known_;
  std::vector<base::TimePoint> since_;  // by pair, meaningful while broken
};

}  // namespace covey::convergence
