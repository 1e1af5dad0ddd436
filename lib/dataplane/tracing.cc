// SPDX-License-Identifier: BSD-3-Clause
// A worker's part in a trace. Called once a burst, and only while one is on.
#include <rte_mbuf.h>

#include "dataplane/worker.h"
#include "localstack/frame.h"

namespace covey::dataplane {

using localstack::bytes_of;

using forwarding::Verdict;

namespace {

Sight sight_of(const rte_mbuf* frame) noexcept {
  Sight sight;
  sight.length = frame->pkt_len;
  constexpr std::uint16_t kAddresses = 12;
  if (frame->data_len < kAddresses) return sight;
  const auto* bytes = rte_pktmbuf_mtod(frame, const std::uint8_t*);
  sight.destination = base::MacAddress::from(bytes);
  sight.source = base::MacAddress::from(bytes + sight.destination.bytes.size());
  return sight;
}

/// It was put aside and will be decided again.
bool waits(const forwarding::Decision& decision) noexcept {
  return decision.verdict == Verdict::drop_fragment_unknown ||
         decision.verdict == Verdict::drop_handed_on;
}

}  // namespace

/// The control thread reads a trace when no worker follows it any more, and must hear of that.
void Worker::follow_trace() noexcept {
  trace_order_ = &loan_.traces.newest();
  loan_.traces.follow(loan_.index, *trace_order_);
  trace_ = trace_order_->value->trace.get();
  page_ = trace_order_->value->page.get();
  loan_.mailboxes.wake();
}

void Worker::see(Burst& burst) noexcept {
  for (std::uint16_t i = 0; i < burst.count; ++i) {
    rte_mbuf* frame = burst.frames[i];
    burst.sights[i] = sight_of(frame);
    burst.places[i] = page_ == nullptr ? CapturePage::kNoPlace
                                       : page_->keep(loan_.index, bytes_of(frame), frame->pkt_len);
  }
}

void Worker::see_flows(Burst& burst, bool sent) noexcept {
  for (std::uint16_t i = 0; i < burst.count; ++i)
    burst.sights[i].flow = forwarding::flow_of(burst.views[i], sent, flows_);
}

void Worker::trace_round(const Moment& moment) noexcept {
  for (std::uint16_t i = 0; i < arrived_.count; ++i) {
    if (!waits(arrived_.decisions[i])) trace_one(arrived_, i, moment);
  }
  for (std::uint16_t i = 0; i < local_.count; ++i)
    trace_one(local_, i, moment);
}

void Worker::trace_one(const Burst& burst, std::uint16_t i, const Moment& moment) noexcept {
  const forwarding::Decision& decision = burst.decisions[i];
  base::HostId owner;
  if (decision.has_bucket) {
    owner = moment.snapshot.buckets.owner(decision.map_class, decision.bucket);
  }
  show({moment.now, loan_.index, &burst == &local_, burst.sights[i], burst.views[i], decision,
        owner, moment.snapshot.policy},
       burst.places[i]);
}

void Worker::show(TracedFrame&& traced, std::uint32_t place) noexcept {
  if (trace_ != nullptr && trace_->add(TracedFrame(traced))) loan_.mailboxes.wake();
  if (page_ != nullptr) page_->finish(place, std::move(traced));
}

void Worker::trace_waited(rte_mbuf* frame, Verdict verdict, const Moment& moment) noexcept {
  TracedFrame traced;
  traced.when = moment.now;
  traced.worker = loan_.index;
  traced.sight = sight_of(frame);
  packet::parse_into(bytes_of(frame), traced.view);
  traced.decision.verdict = verdict;
  traced.policy = moment.snapshot.policy;
  show(std::move(traced), page_ == nullptr
                              ? CapturePage::kNoPlace
                              : page_->keep(loan_.index, bytes_of(frame), frame->pkt_len));
}

}  // namespace covey::dataplane
