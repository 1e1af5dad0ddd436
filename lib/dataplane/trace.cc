// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/trace.h"

#include <algorithm>
#include <utility>

namespace covey::dataplane {

bool Trace::add(TracedFrame&& frame) noexcept {
  if (is_full()) return false;
  ++seen_[frame.worker].frames;
  if (!is_wanted(frame)) return false;
  const std::size_t place = taken_.fetch_add(1, std::memory_order_relaxed);
  if (place >= frames_.size()) return false;
  frames_[place] = std::move(frame);
  return place + 1 == frames_.size();
}

bool Trace::is_wanted(const TracedFrame& frame) const noexcept {
  if (request_.verdict && frame.decision.verdict != *request_.verdict) return false;
  const packet::FlowKey& key = frame.view.key;
  return !request_.host || key.source_address() == *request_.host ||
         key.destination_address() == *request_.host;
}

TraceReport Trace::take_report(TraceEnd ended) {
  TraceReport report;
  report.ended = ended;
  frames_.resize(std::min(frames_.size(), taken_.load(std::memory_order_relaxed)));
  report.frames = std::move(frames_);
  std::ranges::stable_sort(report.frames, {}, [](const TracedFrame& it) { return it.when.ns; });
  for (const Seen& seen : seen_)
    report.seen += seen.frames;
  return report;
}

void Traces::begin(const TraceRequest& request, Completion report) {
  replace(std::make_shared<Trace>(request, workers_), TraceEnd::superseded);
  current_.report = std::move(report);
}

void Traces::end(TraceEnd how) {
  if (current_.trace != nullptr) replace(nullptr, how);
}

void Traces::replace(std::shared_ptr<Trace> next, TraceEnd how) {
  const std::uint64_t ticket = publisher_.publish(std::make_unique<const TraceOrder>(next, page_));
  Running before = std::exchange(current_, {std::move(next), {}});
  if (before.trace == nullptr) return;
  before.ended = how;
  before.ticket = ticket;
  ending_.push_back(std::move(before));
}

void Traces::turn_page(std::shared_ptr<CapturePage> next, PageCompletion turned) {
  std::shared_ptr<const CapturePage> before = std::exchange(page_, std::move(next));
  const std::uint64_t ticket =
      publisher_.publish(std::make_unique<const TraceOrder>(current_.trace, page_));
  turned_.push_back({std::move(before), std::move(turned), ticket});
}

void Traces::hand_out_pages() {
  // A completion may turn the next page.
  for (Turned& it : std::exchange(turned_, {})) {
    if (publisher_.is_quiescent(it.ticket)) {
      it.turned(std::move(it.page));
    } else {
      turned_.push_back(std::move(it));
    }
  }
}

void Traces::dispatch() {
  hand_out_pages();
  if (current_.trace != nullptr && current_.trace->is_full()) end(TraceEnd::count);
  // A completion may begin the next trace.
  for (Running& it : std::exchange(ending_, {})) {
    if (publisher_.is_quiescent(it.ticket)) {
      it.report(it.trace->take_report(it.ended));
    } else {
      ending_.push_back(std::move(it));
    }
  }
}

}  // namespace covey::dataplane
