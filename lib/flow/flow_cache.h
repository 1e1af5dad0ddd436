// SPDX-License-Identifier: BSD-3-Clause
// FlowCache: which TCP connections the local stack really holds, so that they outlive a move of their bucket.
//
// Owner: flow. Thread: one worker owns a cache and alone calls it; bucket_flows() may be read by the control thread.
// Memory is given at construction and never grows. An entry is *half open* from the SYN-ACK our own stack sent until
// the client's matching ACK (at most kHalfOpenLife); it becomes *established* when our own stack sends any segment
// that is neither SYN-ACK nor RST, which a kernel does only for a real socket. So neither a SYN flood nor a flood of
// stray ACKs fills the table. RST either way ends an entry at once, FIN both ways starts a linger (kLinger), silence
// longer than tcp_idle expires it; expiry is incremental. When full, the oldest half-open, then lingering, then
// idle entries give way, else the flow is not tracked and counted. All keys are seen from the client (packet::FlowKey).
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "flow/settings.h"
#include "packet/flow_key.h"

namespace covey::flow {

// Renewed by each retransmitted SYN-ACK (Linux sends them after 1, 3, 7, 15... s), so a living handshake never ages out
// before its third retry, and a flood leaves no trace for long.
inline constexpr base::Duration kHalfOpenLife = std::chrono::seconds(8);
inline constexpr base::Duration kLinger = std::chrono::minutes(2);  // late retransmissions of a finished flow

enum class FlowState : std::uint8_t { none, half_open, established, lingering };

/// What the cache needs to see of a TCP segment, in either direction.
struct Segment {
  std::uint8_t flags = 0;  // packet::TcpFlags
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
};

/// Where a flow was accepted, so that residual buckets can be told.
struct Placement {
  base::ClassIndex map_class;
  base::BucketIndex bucket;
};

struct Found {
  FlowState state = FlowState::none;
  std::uint32_t expected_ack = 0;  // half_open only: our initial sequence number + 1
};

struct Statistics {
  std::uint64_t established = 0;  // live entries now
  std::uint64_t half_open = 0;    // live entries now
  std::uint64_t created = 0;
  std::uint64_t expired = 0;
  std::uint64_t evicted = 0;      // gave way to newer flows
  std::uint64_t untracked = 0;    // no room: a sticky sign that capacity is too small
};

class FlowCache {
 public:
  /// `class_sizes[i]` is the bucket count of map class i. `seed` is a secret random number per cache:
  /// it keys the hash, so that clients cannot choose ports that collide.
  FlowCache(const Settings& settings, const std::vector<std::uint32_t>& class_sizes,
            std::uint64_t seed);
  FlowCache(const FlowCache&) = delete;
  FlowCache& operator=(const FlowCache&) = delete;
  ~FlowCache();

  /// Looks without changing anything (also what explain uses).
  [[nodiscard]] Found find(const packet::FlowKey& key) const noexcept;
  /// Brings the memory `find(key)` will touch closer; call some frames ahead.
  void prefetch(const packet::FlowKey& key) const noexcept;

  /// A delivered inbound segment of a flow. True if the state changed in a way other workers must learn of.
  bool note_inbound(const packet::FlowKey& key, const Segment& segment, base::TimePoint now) noexcept;
  /// A segment the local stack sent (key already reversed to the client's view). True as above.
  bool note_egress(const packet::FlowKey& key, const Segment& segment, Placement placement,
                   base::TimePoint now) noexcept;

  /// Examines up to `budget` entries for expiry; call regularly with a small budget.
  void expire(base::TimePoint now, std::uint32_t budget) noexcept;

  /// Live entries (half open and established) of one bucket; any thread, a moment's value.
  [[nodiscard]] std::uint32_t bucket_flows(Placement placement) const noexcept;
  [[nodiscard]] Statistics statistics() const noexcept;

  struct Listed {
    packet::FlowKey key;
    FlowState state = FlowState::none;
    Placement placement;
    base::Duration idle{};
  };
  /// Up to `limit` live entries, for people; owner thread only.
  [[nodiscard]] std::vector<Listed> list(base::TimePoint now, std::size_t limit) const;

 private:
  struct Table;
  std::unique_ptr<Table> table_;
};

}  // namespace covey::flow
