// SPDX-License-Identifier: BSD-3-Clause
// Verdict: every possible end of a frame, one enumerator each, counted exactly once.
//
// Owner: forwarding. Thread: any; plain values.
// The enumerator's spelling is the counter, the JSON key, the metric label, the command-line row
// and the documentation row. Extend this list, never alias. COVEY_VERDICTS is the one table behind
// all of them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace covey::forwarding {

// X(name, what happened to the frame, in words for people)
// clang-format off
#define COVEY_VERDICTS(X)                                                                       \
  X(deliver_owned, "new flow of a bucket this host owns, given to the local stack")             \
  X(deliver_flow, "belongs to a connection this host holds, given to the local stack")          \
  X(deliver_local, "for this host's own address, given to the local stack")                     \
  X(deliver_default, "covered by no rule; this host is the default host")                       \
  X(deliver_broadcast, "broadcast or multicast every host may hear, given to the local stack")  \
  X(reply_arp, "address request for a virtual IP, answered by this host")                       \
  X(reply_nd, "neighbour solicitation for a virtual IP, answered by this host")                 \
  X(to_control, "heartbeat, handed to the control thread")                                      \
  X(gateway_answer, "answer of the gateway to our question whether it is there")                \
  X(group_query, "question who listens to multicast groups, to be answered by this host")        \
  X(hand_on, "begins a flow in a bucket that was just given away, sent on to its new owner")    \
  X(drop_not_owner, "another host owns the bucket")                                             \
  X(drop_handed_on, "sent on by the former owner of a bucket that did not become ours in time") \
  X(drop_duplicate, "sent on by another host, but it came directly as well")                    \
  X(drop_no_flow, "mid-connection segment of a flow that another host still serves")            \
  X(drop_alien_ack, "handshake acknowledgement of what another host answered")                  \
  X(drop_rule_disabled, "covered by a rule that is disabled, of all hosts or of this one")      \
  X(drop_draining, "new flow of a bucket that no host takes, since all drain")                  \
  X(drop_host_stopped, "this host is stopped")                                                  \
  X(drop_lease_expired, "this host's lease ran out: peers may have taken its buckets")          \
  X(drop_not_for_us, "neither a virtual IP nor this host's own address")                        \
  X(drop_malformed, "headers that cannot be read safely")                                       \
  X(drop_fragment_unknown, "later fragment whose first fragment did not come")                  \
  X(drop_fragment_full, "later fragment that found no room to wait for its first one")          \
  X(drop_icmp, "echo or error that policy says to drop")                                        \
  X(drop_local_full, "queue to the local stack is full")                                        \
  X(drop_control_full, "queue to the control thread is full")                                   \
  X(drop_own_echo, "frame this host sent itself")                                               \
  X(send_uplink, "frame of the local stack, sent to the segment")                               \
  X(drop_egress_not_owner, "SYN-ACK or RST of the local stack for a flow that is not ours")     \
  X(drop_egress_source, "frame of the local stack with a source address it may not use")        \
  X(drop_uplink_full, "transmit queue of the uplink is full")
// clang-format on

enum class Verdict : std::uint8_t {
#define COVEY_VERDICT_ENUMERATOR(name, words) name,
  COVEY_VERDICTS(COVEY_VERDICT_ENUMERATOR)
#undef COVEY_VERDICT_ENUMERATOR
};

#define COVEY_VERDICT_COUNT(name, words) +1
inline constexpr std::size_t kVerdictCount = 0 COVEY_VERDICTS(COVEY_VERDICT_COUNT);
#undef COVEY_VERDICT_COUNT

struct VerdictText {
  std::string_view name;
  std::string_view words;
};
inline constexpr std::array<VerdictText, kVerdictCount> kVerdictTexts = {{
#define COVEY_VERDICT_TEXT(name, words) {#name, words},
    COVEY_VERDICTS(COVEY_VERDICT_TEXT)
#undef COVEY_VERDICT_TEXT
}};

[[nodiscard]] constexpr std::string_view name(Verdict verdict) {
  return kVerdictTexts[static_cast<std::size_t>(verdict)].name;
}
[[nodiscard]] constexpr std::string_view words(Verdict verdict) {
  return kVerdictTexts[static_cast<std::size_t>(verdict)].words;
}
/// deliver_*: the frame goes to the local stack.
[[nodiscard]] constexpr bool is_delivery(Verdict verdict) {
  return verdict <= Verdict::deliver_broadcast;
}

}  // namespace covey::forwarding
