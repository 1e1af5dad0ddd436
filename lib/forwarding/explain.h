// SPDX-License-Identifier: BSD-3-Clause
// explain(): what decide() would do with a described packet, and why, in words.
//
// Owner: forwarding. Thread: the worker that owns the flow cache (or any, with an empty cache). It
// builds a real frame from the description and runs decide() on it, so that it can never say
// anything else than the data plane does.
#pragma once

#include <cstdint>
#include <string>

#include "base/address.h"
#include "base/result.h"
#include "forwarding/decide.h"

namespace covey::forwarding {

struct Question {
  std::uint8_t protocol = packet::kProtocolTcp;
  base::IpAddress source;
  std::uint16_t source_port = 0;
  base::IpAddress destination;
  std::uint16_t destination_port = 0;
  std::uint8_t tcp_flags = packet::TcpFlags::kSyn;
};

struct Explanation {
  std::string rule;      // its name, "default" or "spread" (by source: ICMP and what has no ports)
  std::string mode;      // multiple | single | disabled | default | spread
  std::string affinity;  // none | single | network; empty where no hash is taken
  std::string hashed;    // the hashed fields in words: "10.77.0.100 port 40000 -> port 80"
  bool has_bucket = false;
  std::uint32_t bucket = 0;
  base::HostId owner;  // kNobody while unowned
  Verdict verdict = Verdict::drop_malformed;
  std::string reason;  // one sentence
  bool tracked = false;
};

[[nodiscard]] Explanation explain(const Question& question, const Surroundings& around);
/// A decision that was taken under that snapshot, about a frame with that key.
[[nodiscard]] Explanation explain(const Decision& decision, const packet::FlowKey& key,
                                  const Snapshot& snapshot);
/// The same, where nothing is left of the snapshot but its policy and the owner of the bucket,
/// nobody if there is no bucket.
[[nodiscard]] Explanation explain(const Decision& decision, const packet::FlowKey& key,
                                  const Policy& policy, base::HostId owner);

}  // namespace covey::forwarding
