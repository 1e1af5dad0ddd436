// SPDX-License-Identifier: BSD-3-Clause
// Which host a QUIC connection ID names.
//
// Owner: forwarding, internal. Thread: any; pure. The layout is the plaintext one of the QUIC-LB
// draft (draft-ietf-quic-load-balancers) with configuration 0, a length that tells itself, and a
// server ID of one byte, the host id:
//
//   byte 0   length of the connection ID less one, 7 to 19
//   byte 1   host id
//   rest     whatever the server wants, unpredictable
#pragma once

#include "base/ids.h"
#include "packet/quic.h"

namespace covey::forwarding {

/// Who has a QUIC connection, as far as a packet of it tells.
struct QuicHolder {
  base::HostId member = base::kNobody;
  /// No member has it: its client has only begun it, or its host is gone.
  bool is_nobodys = false;
};

/// kNobody if it is not of this layout. One that a client chose for its first datagrams names a
/// host by chance, one time in thousands, and then the same one on all hosts.
[[nodiscard]] inline base::HostId host_named_by(const packet::QuicConnectionId& id) noexcept {
  constexpr std::size_t kShortest = 8;
  constexpr std::size_t kLongest = 20;
  if (id.bytes.size() < kShortest) return base::kNobody;
  const std::size_t length = std::size_t{id.bytes[0]} + 1;
  const bool fits = id.is_whole ? length == id.bytes.size() : length <= id.bytes.size();
  if (length < kShortest || length > kLongest || !fits) return base::kNobody;
  const base::HostId host{id.bytes[1]};
  return host.is_valid() ? host : base::kNobody;
}

}  // namespace covey::forwarding
