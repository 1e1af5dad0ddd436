// SPDX-License-Identifier: BSD-3-Clause
#include "replay.h"

#include "explaining/file_cluster.h"
#include "packet/headers.h"
#include "packet/parse.h"

namespace covey::app {

namespace {

constexpr std::uint64_t kSeed = 1;               // nobody attacks a replay
constexpr std::uint32_t kExpiryPerFrame = 1024;  // entries

}  // namespace

Replay::Replay(const config::Config& config, const heartbeat::DerivedKeys& keys,
               base::HostSet hosts)
    : snapshot_(explaining::cluster_of(config, keys, hosts).snapshot),
      flows_(config.flows, snapshot_.policy->classes().class_sizes, kSeed),
      fragments_(kSeed) {}

Judged Replay::judge(std::span<const std::uint8_t> frame, base::TimePoint now) {
  flows_.expire(now, kExpiryPerFrame);
  static_cast<void>(fragments_.expire(now));
  const packet::FrameView view = packet::parse(frame);
  const forwarding::Surroundings around{snapshot_, flows_, true, &fragments_};
  Judged judged;
  judged.was_sent = frame.size() >= packet::kEthernetHeader &&
                    packet::comes_from(frame, snapshot_.policy->host_mac());
  forwarding::Decision decision;
  if (judged.was_sent) {
    decision = forwarding::decide_egress(frame, view, around);
    forwarding::note_sent(view, decision, flows_, now);
  } else {
    decision = forwarding::decide(frame, view, around);
    forwarding::note_received(view, decision, flows_, now);
    fragments_.learn(view, decision, now);
  }
  judged.explanation =
      forwarding::explain(decision, judged.was_sent ? view.key.reversed() : view.key, snapshot_);
  return judged;
}

}  // namespace covey::app
