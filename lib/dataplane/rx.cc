// SPDX-License-Identifier: BSD-3-Clause
// The way in: frames of the segment, from the uplink to the local stack or to the control thread.
#include <rte_ethdev.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/frame.h"
#include "dataplane/worker.h"
#include "packet/group_message.h"
#include "packet/headers.h"

namespace covey::dataplane {

using forwarding::Verdict;

bool Worker::receive() noexcept {
  // Fragments that waited come again, like new ones: by now it is known what to do with them.
  from_parking_ = fragments_.take_ready(std::span(arrived_.frames.data(), kBurst / 2));
  const std::uint16_t fresh = rte_eth_rx_burst(loan_.port, static_cast<std::uint16_t>(loan_.index),
                                               arrived_.frames.data() + from_parking_,
                                               static_cast<std::uint16_t>(kBurst - from_parking_));
  arrived_.count = from_parking_ + fresh;
  for (std::uint16_t i = 0; i < arrived_.count; ++i) {
    rte_prefetch0(rte_pktmbuf_mtod(arrived_.frames[i], void*));
  }
  if (trace_ != nullptr) see(arrived_);
  counters_.add(static_cast<std::size_t>(WorkerCounter::frames), fresh);
  return arrived_.count != 0;
}

void Worker::decide(const Moment& moment) noexcept {
  to_deliver_.count = to_reply_.count = to_control_.count = to_discard_.count = 0;
  for (std::uint16_t i = 0; i < arrived_.count; ++i) {
    // Headers must lie flat. A chain that does not fit one buffer is longer than the uplink's MTU
    // allows; its first part alone is then read as what it is, a frame cut short.
    if (arrived_.frames[i]->nb_segs > 1)
      static_cast<void>(rte_pktmbuf_linearize(arrived_.frames[i]));
    packet::parse_into(bytes_of(arrived_.frames[i]), arrived_.views[i]);
    flows_.prefetch(arrived_.views[i].key);
  }
  const forwarding::Surroundings around = surroundings(moment);
  for (std::uint16_t i = 0; i < arrived_.count; ++i) {
    arrived_.decisions[i] =
        forwarding::decide(bytes_of(arrived_.frames[i]), arrived_.views[i], around);
    if (arrived_.views[i].is_fragment) [[unlikely]]
      learn_datagram(i, moment);
    const Verdict verdict = arrived_.decisions[i].verdict;
    if (forwarding::is_delivery(verdict)) {
      to_deliver_.add(i);
    } else if (verdict == Verdict::reply_arp || verdict == Verdict::reply_nd) {
      to_reply_.add(i);
    } else if (verdict == Verdict::to_control) {
      to_control_.add(i);
    } else if (verdict == Verdict::gateway_answer) {
      loan_.gateway.note_answer(moment.now);
      // With a group address as cluster MAC the stack asks in the same way, see rewrite.cc.
      const bool may_be_of_stack = arrived_.views[i].layer3 == packet::Layer3::arp &&
                                   moment.policy().cluster_mac().is_multicast();
      (may_be_of_stack ? to_deliver_ : to_discard_).add(i);
    } else if (verdict == Verdict::group_query) {
      const auto query = packet::read_group_query(bytes_of(arrived_.frames[i]), arrived_.views[i]);
      if (query) loan_.queries.note(*query);
      to_discard_.add(i);
    } else if (verdict == Verdict::drop_fragment_unknown) {
      park(i, moment);
    } else {
      to_discard_.add(i);
    }
  }
}

void Worker::hand_to_control() noexcept {
  if (to_control_.count == 0) return;
  for (std::uint16_t k = 0; k < to_control_.count; ++k) {
    const std::uint8_t i = to_control_.at[k];
    const std::span<const std::uint8_t> frame = bytes_of(arrived_.frames[i]);
    const std::size_t start = arrived_.views[i].l3_offset;
    const bool taken = loan_.mailboxes.deliver_heartbeat(loan_.index, frame.subspan(start));
    if (!taken) arrived_.decisions[i].verdict = Verdict::drop_control_full;
    to_discard_.add(i);  // it was copied: all that is left is to count and free it
  }
  loan_.mailboxes.wake();
}

void Worker::deliver(const Moment& moment) noexcept {
  if (to_deliver_.count == 0) return;
  std::array<rte_mbuf*, kBurst> frames;
  std::array<std::uint32_t, kBurst> lengths;  // a delivered frame is no longer ours to look at
  for (std::uint16_t k = 0; k < to_deliver_.count; ++k) {
    const std::uint8_t i = to_deliver_.at[k];
    frames[k] = arrived_.frames[i];
    lengths[k] = frames[k]->pkt_len;
    forwarding::rewrite_for_delivery(bytes_of(frames[k]), arrived_.views[i], moment.policy());
  }
  const std::uint16_t taken = loan_.local.deliver(static_cast<std::uint16_t>(loan_.index),
                                                  std::span(frames.data(), to_deliver_.count));
  for (std::uint16_t k = 0; k < to_deliver_.count; ++k) {
    const std::uint8_t i = to_deliver_.at[k];
    const forwarding::Decision& decision = arrived_.decisions[i];
    if (k >= taken) {
      arrived_.decisions[i].verdict = Verdict::drop_local_full;
      to_discard_.add(i);
      continue;
    }
    note_received(i, moment);
    count_arrival(decision.verdict, decision, {1, lengths[k]}, moment.plan);
  }
}

void Worker::note_received(std::size_t i, const Moment& moment) noexcept {
  const forwarding::Decision& decision = arrived_.decisions[i];
  if (forwarding::note_received(arrived_.views[i], decision, flows_, moment.now)) {
    loan_.exchange.tell(loan_.index, {arrived_.views[i], decision, false, moment.plan.number});
  }
}

void Worker::learn_datagram(std::uint16_t i, const Moment& moment) noexcept {
  if (fragments_.learn(arrived_.views[i], arrived_.decisions[i], moment.now)) {
    loan_.exchange.tell(loan_.index,
                        {arrived_.views[i], arrived_.decisions[i], false, moment.plan.number});
  }
}

/// A frame that waits is not counted: it will be, under the verdict that it gets in the end.
void Worker::park(std::uint16_t i, const Moment& moment) noexcept {
  if (fragments_.park(arrived_.frames[i], arrived_.views[i], moment.now)) return;
  arrived_.decisions[i].verdict = Verdict::drop_fragment_full;
  to_discard_.add(i);
}

void Worker::end_parking(const Moment& moment) noexcept {
  fragments_.expire(moment.now, [this, &moment](rte_mbuf* frame) {
    if (trace_ != nullptr) trace_waited(frame, Verdict::drop_fragment_unknown, moment);
    count(Verdict::drop_fragment_unknown, {1, frame->pkt_len});
    rte_pktmbuf_free(frame);
  });
}

void Worker::discard(const Moment& moment) noexcept {
  if (to_discard_.count == 0) return;
  std::array<rte_mbuf*, kBurst> frames;
  // Frames of one fate mostly come together: they are counted as one lot.
  Lot lot;
  const forwarding::Decision* first = &arrived_.decisions[to_discard_.at[0]];
  for (std::uint16_t k = 0; k < to_discard_.count; ++k) {
    const std::uint8_t i = to_discard_.at[k];
    const forwarding::Decision& decision = arrived_.decisions[i];
    if (!is_counted_alike(decision, *first)) {
      count_arrival(first->verdict, *first, lot, moment.plan);
      lot = {};
      first = &decision;
    }
    frames[k] = arrived_.frames[i];
    if (decision.tracked) note_received(i, moment);
    lot.frames += 1;
    lot.bytes += frames[k]->pkt_len;
  }
  count_arrival(first->verdict, *first, lot, moment.plan);
  rte_pktmbuf_free_bulk(frames.data(), to_discard_.count);
}

}  // namespace covey::dataplane
