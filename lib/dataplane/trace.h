// SPDX-License-Identifier: BSD-3-Clause
// Trace: the next frames that workers decide, kept for people to read; and Traces, which begins and
// ends them.
//
// Owner: dataplane. Threads: made by the control thread; while it is the newest order of the
// publisher, workers add to it; once no worker follows it any more, the control thread reads it.
// Memory is allocated at construction and never grows; nobody waits. While nothing is traced a
// worker looks at one pointer a round. How frames get here is in tracing.cc.
#pragma once

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "base/address.h"
#include "base/ids.h"
#include "base/time.h"
#include "dataplane/publish.h"
#include "flow/flow_table.h"
#include "forwarding/decide.h"
#include "forwarding/policy.h"
#include "packet/parse.h"

namespace covey::dataplane {

struct TraceRequest {
  std::size_t count = 0;                       // so many frames, at least one
  std::optional<forwarding::Verdict> verdict;  // only those with this verdict
  std::optional<base::IpAddress> host;         // only those from or to this address
};

/// What must be noted while the frame is still ours.
struct Sight {
  std::uint32_t length = 0;  // bytes of the frame as it came, without checksum
  base::MacAddress source;
  base::MacAddress destination;
  flow::FlowState flow = flow::FlowState::none;  // of its conversation, before it was noted
};

struct TracedFrame {
  base::TimePoint when;  // the round of the worker in which it was decided began
  unsigned worker = 0;
  bool sent = false;  // by the local stack; else received from the segment
  Sight sight;
  packet::FrameView view;
  forwarding::Decision decision;                     // with the last verdict
  base::HostId owner;                                // of the bucket, if there is one
  std::shared_ptr<const forwarding::Policy> policy;  // by which it was decided
};

enum class TraceEnd : std::uint8_t { count, time, superseded };

struct TraceReport {
  std::vector<TracedFrame> frames;  // by time
  std::uint64_t seen = 0;           // decided while the trace was on, with those not wanted
  TraceEnd ended = TraceEnd::time;
};

class Trace {
 public:
  Trace(const TraceRequest& request, unsigned workers)
      : request_(request), frames_(request.count), seen_(workers) {}
  Trace(const Trace&) = delete;
  Trace& operator=(const Trace&) = delete;

  /// Worker, of a frame that it has decided. True for the frame that takes the last place.
  bool add(TracedFrame&& frame) noexcept;
  /// Any thread.
  [[nodiscard]] bool is_full() const noexcept {
    return taken_.load(std::memory_order_relaxed) >= frames_.size();
  }
  /// Control thread, once no worker adds any more.
  [[nodiscard]] TraceReport take_report(TraceEnd ended);

 private:
  struct alignas(64) Seen {
    std::uint64_t frames = 0;
  };

  [[nodiscard]] bool is_wanted(const TracedFrame& frame) const noexcept;

  TraceRequest request_;
  std::vector<TracedFrame> frames_;
  std::vector<Seen> seen_;  // by worker
  std::atomic<std::size_t> taken_{0};
};

class CapturePage;

/// What workers follow; neither: nothing is wanted.
struct TraceOrder {
  std::shared_ptr<Trace> trace;
  std::shared_ptr<CapturePage> page;  // of a capture, which is on at the same time
};

/// Control thread, but for the publisher. One trace is on at a time: a new one ends the one before.
class Traces {
 public:
  using Completion = std::function<void(TraceReport)>;

  explicit Traces(unsigned workers)
      : workers_(workers), publisher_(std::make_unique<const TraceOrder>(), workers) {}

  [[nodiscard]] Publisher<TraceOrder>& publisher() { return publisher_; }
  void begin(const TraceRequest& request, Completion report);
  /// Nothing if there is none.
  void end(TraceEnd how);
  using PageCompletion = std::function<void(std::shared_ptr<const CapturePage>)>;
  /// From now on frames are captured on this page, on none for null. The one before is handed out
  /// once no worker writes on it any more.
  void turn_page(std::shared_ptr<CapturePage> next, PageCompletion turned);
  [[nodiscard]] bool is_capturing() const { return page_ != nullptr; }
  /// Ends the trace if it is full, and hands out the reports and pages that no worker follows any
  /// more. Call when a worker has woken the control thread.
  void dispatch();

 private:
  struct Running {
    std::shared_ptr<Trace> trace;
    Completion report;
    TraceEnd ended = TraceEnd::time;
    std::uint64_t ticket = 0;  // of the order after it
  };
  struct Turned {
    std::shared_ptr<const CapturePage> page;
    PageCompletion turned;
    std::uint64_t ticket = 0;  // of the order after it
  };
  void replace(std::shared_ptr<Trace> next, TraceEnd how);
  void hand_out_pages();

  unsigned workers_;
  Publisher<TraceOrder> publisher_;
  Running current_;
  std::vector<Running> ending_;
  std::shared_ptr<CapturePage> page_;
  std::vector<Turned> turned_;
};

}  // namespace covey::dataplane
