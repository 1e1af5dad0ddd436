// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/edges.h"

#include <algorithm>

namespace covey::convergence {

namespace {

constexpr std::size_t kSide = base::kMaxHosts + 1;

std::size_t pair_index(base::HostId a, base::HostId b) {
  const std::size_t low = std::min(a.value, b.value);
  const std::size_t high = std::max(a.value, b.value);
  return low * kSide + high;
}

}  // namespace

EdgeMatrix::EdgeMatrix() : since_(kSide * kSide, base::TimePoint::distant_past()) {}

void EdgeMatrix::set_row(base::HostId host, base::HostSet alive, base::TimePoint now) {
  change(host, true, alive, now);
}

void EdgeMatrix::forget_row(base::HostId host, base::TimePoint now) {
  change(host, false, {}, now);
}

bool EdgeMatrix::good(base::HostId a, base::HostId b) const {
  return known_.contains(a) && known_.contains(b) && rows_[a.value].contains(b) &&
         rows_[b.value].contains(a);
}

bool EdgeMatrix::is_denied(base::HostId a, base::HostId b) const {
  return (known_.contains(a) && !rows_[a.value].contains(b)) ||
         (known_.contains(b) && !rows_[b.value].contains(a));
}

bool EdgeMatrix::broken_for(base::HostId a, base::HostId b, base::TimePoint now,
                            base::Duration span) const {
  return broken(a, b) && now - since_[pair_index(a, b)] >= span;
}

void EdgeMatrix::change(base::HostId host, bool known, base::HostSet alive, base::TimePoint now) {
  // Nearly every message repeats the row of the one before.
  if (known == known_.contains(host) && rows_[host.value] == alive) return;
  const base::HostSet was_broken = broken_[host.value];
  rows_[host.value] = alive;
  if (known) {
    known_.insert(host);
  } else {
    known_.erase(host);
  }
  for (std::uint8_t other = 1; other <= base::kMaxHosts; ++other) {
    const base::HostId id{other};
    if (id == host) continue;
    if (is_denied(host, id)) {
      broken_[host.value].insert(id);
      broken_[other].insert(host);
      if (!was_broken.contains(id)) since_[pair_index(host, id)] = now;
    } else {
      broken_[host.value].erase(id);
      broken_[other].erase(host);
    }
  }
}

}  // namespace covey::convergence
