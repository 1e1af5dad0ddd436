// SPDX-License-Identifier: BSD-3-Clause
// Mailboxes: what crosses between the control thread and the workers, besides snapshots.
//
// Owner: dataplane. Threads: each ring has one writer and one reader, named beside it. Heartbeats
// have rings of their own, so that neither frames nor questions can crowd them out. A full ring
// refuses the newest, which is counted; nobody waits. One doorbell tells the control thread that
// something was put in for it, and each worker has one.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <span>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/spsc_ring.h"
#include "dataplane/doorbell.h"
#include "flow/flow_cache.h"
#include "forwarding/explain.h"

namespace covey::dataplane {

inline constexpr std::size_t kMaxPayload = 1500;  // what one standard Ethernet frame carries
inline constexpr std::size_t kHeartbeatsToSegment =
    64;  // a burst of fragments to 64 hosts' worth of news
inline constexpr std::size_t kHeartbeatsToControl = 256;  // 64 hosts, two fragments, twice
inline constexpr std::size_t kQuestions = 64;             // people asking at the same time

struct Payload {
  std::uint16_t length = 0;
  std::array<std::uint8_t, kMaxPayload> bytes;

  /// False when it is longer than fits.
  [[nodiscard]] bool assign(std::span<const std::uint8_t> source);
  [[nodiscard]] std::span<const std::uint8_t> view() const { return {bytes.data(), length}; }
};

using FlowsQuestion = flow::FlowCache::Wanted;
struct AskedQuestion {
  std::uint64_t number = 0;
  std::variant<forwarding::Question, FlowsQuestion> question;
};
using FlowsAnswer = std::vector<flow::FlowCache::Listed>;
struct GivenAnswer {
  std::uint64_t number = 0;
  std::variant<forwarding::Explanation, FlowsAnswer> answer;
};

class Mailboxes {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Mailboxes>> create(unsigned workers);
  Mailboxes(const Mailboxes&) = delete;
  Mailboxes& operator=(const Mailboxes&) = delete;
  /// Use create().
  Mailboxes(std::unique_ptr<Doorbell> of_control,
            std::vector<std::unique_ptr<Doorbell>> of_workers);

  /// Control thread; wakes the first worker. False: the ring is full or the payload too long;
  /// counted.
  bool post_heartbeat(std::span<const std::uint8_t> payload);
  /// Control thread: the next received one, from any worker; false when there is none.
  bool take_heartbeat(std::vector<std::uint8_t>& payload);
  /// Worker: hands a received payload over; wake() follows once per burst.
  bool deliver_heartbeat(unsigned worker, std::span<const std::uint8_t> payload) noexcept;
  /// First worker: the next to be sent.
  bool next_to_send(Payload& payload) noexcept { return to_segment_.try_pop(payload); }
  /// First worker: one that could not be sent.
  void count_unsent() noexcept { lost_to_segment_.fetch_add(1, std::memory_order_relaxed); }

  base::SpscRing<AskedQuestion>& questions() { return questions_; }  // control to first worker
  base::SpscRing<GivenAnswer>& answers() { return answers_; }        // first worker to control

  void wake() noexcept { of_control_->ring(); }           // any worker
  void clear_wake() noexcept { of_control_->silence(); }  // control thread, before the rings
  [[nodiscard]] int wake_fd() const { return of_control_->fd(); }
  /// What a worker that rests waits for: there is a heartbeat to send, or a snapshot to follow.
  [[nodiscard]] Doorbell& doorbell(unsigned worker) { return *of_workers_[worker]; }
  [[nodiscard]] std::uint64_t heartbeats_lost() const;

 private:
  struct FromWorker {
    base::SpscRing<Payload> ring{kHeartbeatsToControl};
    std::atomic<std::uint64_t> lost{0};
  };
  std::unique_ptr<Doorbell> of_control_;
  std::vector<std::unique_ptr<Doorbell>> of_workers_;
  std::vector<std::unique_ptr<FromWorker>> to_control_;  // by worker
  base::SpscRing<Payload> to_segment_{kHeartbeatsToSegment};
  std::atomic<std::uint64_t> lost_to_segment_{0};
  base::SpscRing<AskedQuestion> questions_{kQuestions};
  base::SpscRing<GivenAnswer> answers_{kQuestions};
};

}  // namespace covey::dataplane
