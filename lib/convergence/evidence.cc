// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/evidence.h"

#include <algorithm>

namespace covey::convergence {

void Evidence::heard(base::HostId host, std::uint16_t incarnation, std::uint32_t sequence,
                     base::TimePoint at, base::TimePoint now) {
  const auto key = std::pair(host, incarnation);
  auto found = records_.find(key);
  if (found == records_.end()) {
    if (records_.size() >= kMaxRecords) return;
    records_.emplace(key, Record{.sequence = sequence, .at = at, .reported = now});
    return;
  }
  Record& record = found->second;
  record.reported = now;
  if (sequence > record.sequence) {
    record.sequence = sequence;
    record.at = at;
  } else if (sequence == record.sequence) {
    record.at = std::min(record.at, at);
  }
}

bool Evidence::knows(base::HostId host, std::uint16_t incarnation) const {
  return records_.contains(std::pair(host, incarnation));
}

void Evidence::still_reported(base::HostId host, std::uint16_t incarnation, base::TimePoint now) {
  const auto found = records_.find(std::pair(host, incarnation));
  if (found != records_.end()) found->second.reported = now;
}

void Evidence::set_harmless(base::HostId host, std::uint16_t incarnation, std::uint32_t sequence,
                            bool harmless) {
  const auto found = records_.find(std::pair(host, incarnation));
  if (found != records_.end()) found->second.harmless_sequence = harmless ? sequence : 0;
}

base::TimePoint Evidence::outside_until(
    base::HostId self, base::HostSet members,
    const std::array<std::uint64_t, base::kMaxHosts + 1>& nonces, base::Duration wait) const {
  base::TimePoint until = base::TimePoint::distant_past();
  for (const auto& [key, record] : records_) {
    const auto& [host, incarnation] = key;
    const bool member = members.contains(host) && nonce_low(nonces[host.value]) == incarnation;
    const bool harmless =
        record.harmless_sequence != 0 && record.harmless_sequence >= record.sequence;
    if (host == self || member || harmless) continue;
    until = std::max(until, record.at + wait);
  }
  return until;
}

void Evidence::forget(base::TimePoint now, base::Duration age) {
  std::erase_if(records_, [&](const auto& entry) { return now - entry.second.reported > age; });
}

}  // namespace covey::convergence
