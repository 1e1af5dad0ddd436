// SPDX-License-Identifier: BSD-3-Clause
// Worker: one thread that moves frames between one queue of the uplink and one queue of the local
// stack.
//
// Owner: dataplane. Threads: run() is the worker's own thread; the counter blocks may be read by
// anyone; everything else is touched by that thread alone. run_once() in worker.cc is the table of
// contents: rx.cc has the way in (receive, decide, hand over, deliver), tx.cc the way out (reply,
// collect, flush), tracing.cc what people asked to see of both. Each frame is counted once, under
// its last verdict, by count(), when its buffer leaves our hands. The worker owns its flow cache;
// it allocates only to answer questions of people.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <span>

#include "base/time.h"
#include "dataplane/capture.h"
#include "dataplane/finish.h"
#include "dataplane/flow_exchange.h"
#include "dataplane/gateway_link.h"
#include "dataplane/idle.h"
#include "dataplane/mailbox.h"
#include "dataplane/parked_fragments.h"
#include "dataplane/parked_openings.h"
#include "dataplane/plan.h"
#include "dataplane/port.h"
#include "dataplane/publish.h"
#include "dataplane/query_link.h"
#include "dataplane/recent_openings.h"
#include "dataplane/trace.h"
#include "flow/flow_cache.h"
#include "forwarding/decide.h"
#include "forwarding/membership.h"
#include "forwarding/policy.h"
#include "forwarding/screen.h"
#include "localstack/give_back.h"
#include "localstack/local_stack.h"
#include "telemetry/counter_block.h"

struct rte_mbuf;
struct rte_mempool;

namespace covey::dataplane {

inline constexpr std::uint16_t kBurst =
    64;  // frames per look: enough to hide memory latency, short enough for L1

/// CLOCK_MONOTONIC through the vDSO: no system call.
[[nodiscard]] base::TimePoint monotonic_now() noexcept;

/// What a worker is lent by the data plane; all of it outlives the worker.
struct Loan {
  unsigned index = 0;  // also the number of its queues
  [[nodiscard]] std::uint16_t queue() const { return static_cast<std::uint16_t>(index); }
  Port& port;
  Abilities device;  // of the port
  rte_mempool* pool = nullptr;
  localstack::LocalStack& local;
  Publisher<Guide>& publisher;
  const std::atomic<std::int64_t>& lease_ns;
  Mailboxes& mailboxes;
  FlowExchange& exchange;
  GatewayLink& gateway;
  QueryLink& queries;
  Publisher<TraceOrder>& traces;
};

enum class WorkerCounter : std::uint8_t {
  loops,
  bursts,  // looks at the uplink that found frames
  frames,
  busy_cycles,
  idle_cycles,
  sleeps,
  flows_established,
  flows_half_open,
  flows_lingering,
  flows_created,
  flows_expired,
  flows_evicted,
  flows_untracked,
  count,
};

class Worker {
 public:
  Worker(const Loan& loan, Idle idle, const flow::Settings& flows, std::uint64_t flow_seed);
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker();

  /// A connection that the local stack has from before; false if there is no room. Not while it
  /// runs.
  bool take_over(const packet::FlowKey& key, flow::Placement placement, base::TimePoint now) {
    return flows_.take_over(key, placement, now);
  }
  /// Loops until `stop`.
  void run(const std::atomic<bool>& stop) noexcept;
  /// One round; true if there was anything to do.
  bool run_once() noexcept;

  [[nodiscard]] const telemetry::CounterBlock& verdict_frames() const { return verdict_frames_; }
  [[nodiscard]] const telemetry::CounterBlock& verdict_bytes() const { return verdict_bytes_; }
  /// `row` as RuleRows has it.
  [[nodiscard]] RuleCount rule_count(std::size_t row) const {
    return {rules_.read(2 * row), rules_.read(2 * row + 1)};
  }
  [[nodiscard]] std::uint64_t read(WorkerCounter counter) const {
    return counters_.read(static_cast<std::size_t>(counter));
  }
  /// As of the last millisecond.
  [[nodiscard]] flow::Statistics flow_statistics() const;

 private:
  /// What one round is decided by, read once at its start.
  struct Moment {
    const forwarding::Snapshot& snapshot;
    const Plan& plan;
    base::TimePoint now;
    bool lease_valid = false;
    [[nodiscard]] const forwarding::Policy& policy() const { return *snapshot.policy; }
  };
  /// Positions in a burst that go the same way.
  struct Selection {
    std::array<std::uint8_t, kBurst> at;
    std::uint16_t count = 0;
    void add(std::uint16_t position) { at[count++] = static_cast<std::uint8_t>(position); }
  };
  /// Frames that came together, with what was found out about each.
  struct Burst {
    std::uint16_t count = 0;
    std::array<rte_mbuf*, kBurst> frames;
    std::array<std::span<std::uint8_t>, kBurst> bytes;  // of arrived ones
    localstack::Likeness likeness;                      // likewise, when they arrived
    // Not of what was settled at first sight.
    std::array<packet::FrameView, kBurst> views;
    std::array<forwarding::Decision, kBurst> decisions;
    std::array<Sight, kBurst> sights;           // only while a trace or a capture is on
    std::array<std::uint32_t, kBurst> places;   // likewise: on the page
    std::array<packet::LeftOver, kBurst> left;  // only of what the local stack sends
  };
  /// Frames that were received before their turn.
  struct Ahead {
    std::uint16_t count = 0;
    std::array<rte_mbuf*, kBurst> frames;
    std::array<std::span<std::uint8_t>, kBurst> bytes;
    localstack::Likeness likeness;
  };
  /// Frames on their way to the segment, replies first.
  struct Outbox {
    static constexpr std::uint16_t kRoom =
        2 * kBurst;  // all of one burst answered, and one burst of the local stack
    std::uint16_t count = 0;
    std::uint16_t replies = 0;  // the first ones; the others follow the order of local_ selection
    std::array<rte_mbuf*, kRoom> frames;
    std::array<std::uint8_t, kRoom> from;  // position in the burst it came from
    std::array<bool, kRoom> begins;        // it is not a later segment of what was cut
  };

  [[nodiscard]] Moment begin_round() noexcept;
  [[nodiscard]] forwarding::Surroundings surroundings(const Moment& moment) const noexcept {
    return {moment.snapshot, flows_, moment.lease_valid, &fragments_.known(),
            moment.now < moment.snapshot.buckets.hands_on_until};
  }
  /// Frames that are counted together.
  struct Lot {
    std::uint32_t frames = 0;
    std::uint32_t bytes = 0;
  };
  void count(forwarding::Verdict verdict, Lot lot) noexcept;
  void count_arrival(forwarding::Verdict verdict, const forwarding::Decision& decision, Lot lot,
                     const Plan& plan) noexcept;
  /// True if there may be more to learn.
  bool learn_flows(const Moment& moment) noexcept;
  void housekeeping(const Moment& moment) noexcept;
  void answer_questions(const Moment& moment, std::uint32_t budget);
  void rest(IdlePolicy::Pause pause) noexcept;

  // rx.cc: from the segment
  bool receive(const Moment& moment) noexcept;
  void lay_flat(std::uint16_t from) noexcept;
  void take_ahead() noexcept;
  void look_ahead() noexcept;
  void decide(const Moment& moment) noexcept;
  [[nodiscard]] forwarding::Screen::Positions screen(
      const forwarding::Surroundings& around) noexcept;
  void hand_to_control() noexcept;
  void deliver(const Moment& moment) noexcept;
  void discard(const Moment& moment) noexcept;
  void discard_settled(const Moment& moment) noexcept;
  void note_received(std::size_t i, const Moment& moment) noexcept;
  void learn_datagram(std::uint16_t i, const Moment& moment) noexcept;
  void park(std::uint16_t i, const Moment& moment) noexcept;
  void sort_out(std::uint16_t i, const Moment& moment) noexcept;
  [[nodiscard]] bool may_be_of_stack(std::uint16_t i, const Moment& moment) const noexcept;
  void end_parking(const Moment& moment) noexcept;
  void note_sent(const packet::FrameView& view, const forwarding::Decision& decision,
                 const Moment& moment) noexcept;

  // tx.cc: to the segment
  void speak(const Moment& moment) noexcept;
  void send_heartbeats(const Moment& moment) noexcept;
  void ask_gateway(const Moment& moment) noexcept;
  void leave_groups(const Moment& moment) noexcept;
  void report_groups(const Moment& moment, unsigned most) noexcept;
  bool send(std::span<const std::uint8_t> frame) noexcept;
  void reply(const Moment& moment) noexcept;
  void hand_on(std::uint8_t i, const Moment& moment) noexcept;
  void hand_on_late(const packet::FrameView& answer, const forwarding::Decision& decision,
                    const Moment& moment) noexcept;
  bool collect(const Moment& moment) noexcept;
  void finish(std::uint8_t i, const Moment& moment) noexcept;
  void cut(std::uint8_t i, const packet::LongSegment& whole, const Moment& moment) noexcept;
  void put_out(rte_mbuf* frame, std::uint8_t i, const Moment& moment, bool begins = true) noexcept;
  void drop_unsent(std::uint8_t i, Lot lot) noexcept;
  void flush(const Moment& moment) noexcept;

  // tracing.cc
  void follow_trace() noexcept;
  [[nodiscard]] bool is_watched() const noexcept { return trace_ != nullptr || page_ != nullptr; }
  void see(Burst& burst) noexcept;
  void see_flows(Burst& burst, bool sent) noexcept;
  void trace_round(const Moment& moment) noexcept;
  void show(TracedFrame&& traced, std::uint32_t place) noexcept;
  void trace_one(const Burst& burst, std::uint16_t i, const Moment& moment) noexcept;
  void trace_waited(rte_mbuf* frame, forwarding::Verdict verdict, const Moment& moment) noexcept;

  Loan loan_;
  Follower<Guide> following_;
  std::uint64_t plan_number_;  // of the plan that the flow cache counts in
  IdlePolicy idle_;
  forwarding::Screen screen_;
  flow::FlowCache flows_;
  ParkedFragments fragments_;
  forwarding::Membership membership_;
  ParkedOpenings openings_;
  RecentOpenings recent_;
  base::TimePoint round_began_;  // the one look at the clock of a round
  base::TimePoint next_housekeeping_{};
  struct Listing {
    std::uint64_t number = 0;  // of the question
    flow::FlowCache::Listing list;
  };
  std::optional<Listing> listing_;                               // of flows, if one is being made
  const Publisher<TraceOrder>::Edition* trace_order_ = nullptr;  // that is followed
  Trace* trace_ = nullptr;                                       // mostly none
  CapturePage* page_ = nullptr;                                  // likewise

  Burst arrived_;
  Ahead ahead_;
  std::uint16_t from_parking_ = 0;  // how many of arrived_, the first ones, have waited here
  forwarding::Screen::Positions settled_ = 0;  // of arrived_, at first sight
  Selection to_deliver_;
  Selection to_reply_;
  Selection to_control_;
  Selection to_discard_;
  Burst local_;
  Outbox outbox_;

  telemetry::CounterBlock verdict_frames_{forwarding::kVerdictCount};
  telemetry::CounterBlock verdict_bytes_{forwarding::kVerdictCount};
  telemetry::CounterBlock rules_{2 * RuleRows::kRows};  // accepted and dropped by row
  telemetry::CounterBlock counters_{static_cast<std::size_t>(WorkerCounter::count)};
};

}  // namespace covey::dataplane
