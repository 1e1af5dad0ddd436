// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/gate.h"

#include <algorithm>

namespace covey::heartbeat {

bool RateLimit::admits(base::TimePoint now) {
  const base::TimePoint from = std::max(used_until_, now);
  if (from + interval_ > now + burst_) return false;
  used_until_ = from + interval_;
  return true;
}

Gate::Verdict Gate::judge(const FragmentHeader& said, base::TimePoint now) {
  const bool is_member =
      said.nonce != 0 && said.host.is_valid() && known_[said.host.value].nonce == said.nonce;
  if (is_member && said.sequence <= known_[said.host.value].sequence) return Verdict::replayed;
  RateLimit& limit = is_member ? members_ : strangers_;
  return limit.admits(now) ? Verdict::check : Verdict::limited;
}

Gate::Verdict Gate::judge_command(base::TimePoint now) {
  return commands_.admits(now) ? Verdict::check : Verdict::limited;
}

void Gate::opened(base::HostId host, std::uint64_t nonce, std::uint32_t sequence) {
  Known& known = known_[host.value];
  if (known.nonce == nonce) known.sequence = std::max(known.sequence, sequence);
}

void Gate::bind(base::HostId host, std::uint64_t nonce) {
  if (known_[host.value].nonce != nonce) known_[host.value] = {.nonce = nonce};
}

}  // namespace covey::heartbeat
