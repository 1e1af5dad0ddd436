// SPDX-License-Identifier: BSD-3-Clause
// The way in: frames of the segment, from the uplink to the local stack or to the control thread.
#include <algorithm>
#include <bit>

#include <rte_mbuf.h>
#include <rte_prefetch.h>

#include "dataplane/worker.h"
#include "localstack/frame.h"
#include "localstack/give_back.h"
#include "localstack/left_over.h"
#include "packet/group_message.h"
#include "packet/headers.h"

namespace covey::dataplane {

using localstack::bytes_of;

using forwarding::Verdict;

namespace {

/// Headers must lie flat. A chain that does not fit one buffer is longer than the uplink's MTU
/// allows; its first part alone is then read as what it is, a frame cut short.
std::span<std::uint8_t> flat_bytes_of(rte_mbuf* frame) {
  if (frame->nb_segs > 1) [[unlikely]]
    static_cast<void>(rte_pktmbuf_linearize(frame));
  return bytes_of(frame);
}

}  // namespace

bool Worker::receive(const Moment& moment) noexcept {
  // What waited comes again, like new: by now it is known what to do with it.
  const std::span<rte_mbuf*> room(arrived_.frames.data(), kBurst / 2);
  from_parking_ = fragments_.take_ready(room);
  from_parking_ += openings_.take_ready(room.subspan(from_parking_), moment.snapshot.buckets);
  arrived_.count = from_parking_;
  arrived_.likeness = {};
  lay_flat(0);
  take_ahead();
  if (const std::uint16_t known = arrived_.count; known < kBurst) {
    arrived_.count += loan_.port.receive(loan_.queue(), std::span(arrived_.frames).subspan(known));
    lay_flat(known);
  }
  look_ahead();
  const std::uint16_t fresh = arrived_.count - from_parking_;
  if (is_watched()) see(arrived_);
  counters_.add(static_cast<std::size_t>(WorkerCounter::frames), fresh);
  counters_.add(static_cast<std::size_t>(WorkerCounter::bursts), fresh != 0 ? 1 : 0);
  return arrived_.count != 0;
}

void Worker::lay_flat(std::uint16_t from) noexcept {
  for (std::uint16_t i = from; i < arrived_.count; ++i) {
    arrived_.bytes[i] = flat_bytes_of(arrived_.frames[i]);
    arrived_.likeness.see(arrived_.frames[i]);
    rte_prefetch0(arrived_.bytes[i].data());
  }
}

/// As much of what was received ahead as there is room for.
void Worker::take_ahead() noexcept {
  const std::uint16_t room = kBurst - arrived_.count;
  const std::uint16_t count = std::min(ahead_.count, room);
  const auto take = [&](auto& ahead, auto& arrived) {
    std::copy_n(ahead.begin(), count, arrived.begin() + arrived_.count);
    std::copy(ahead.begin() + count, ahead.begin() + ahead_.count, ahead.begin());
  };
  take(ahead_.frames, arrived_.frames);
  take(ahead_.bytes, arrived_.bytes);
  if (count != 0) arrived_.likeness.see(ahead_.likeness);
  arrived_.count += count;
  ahead_.count -= count;
}

/// A whole burst is seldom the last one: what comes next is received, too, so that its headers are
/// fetched from memory while this one is decided.
void Worker::look_ahead() noexcept {
  if (arrived_.count < kBurst) return;
  const std::uint16_t before = ahead_.count;
  if (before == 0) ahead_.likeness = {};
  ahead_.count += loan_.port.receive(loan_.queue(), std::span(ahead_.frames).subspan(before));
  for (std::uint16_t i = before; i < ahead_.count; ++i) {
    ahead_.bytes[i] = flat_bytes_of(ahead_.frames[i]);
    ahead_.likeness.see(ahead_.frames[i]);
  }
}

void Worker::decide(const Moment& moment) noexcept {
  to_deliver_.count = to_reply_.count = to_control_.count = to_discard_.count = 0;
  const forwarding::Surroundings around = surroundings(moment);
  const forwarding::Screen::Positions open = screen(around);
  const forwarding::Screen::Positions decided =
      screen_.decide(open, {arrived_.bytes, arrived_.views, arrived_.decisions}, around);
  for (auto left = open; left != 0; left &= left - 1) {
    const auto i = static_cast<std::uint16_t>(std::countr_zero(left));
    if ((decided >> i & 1U) == 0) {
      arrived_.decisions[i] = forwarding::decide(arrived_.bytes[i], arrived_.views[i], around);
      if (arrived_.views[i].is_fragment) [[unlikely]]
        learn_datagram(i, moment);
    }
    sort_out(i, moment);
  }
}

/// Most frames are others' business, and discarded at first sight; returns the rest, to be looked
/// at. A trace or a capture wants to see the headers of all.
forwarding::Screen::Positions Worker::screen(const forwarding::Surroundings& around) noexcept {
  const std::span bytes(arrived_.bytes.data(), arrived_.count);
  const std::span ahead(ahead_.bytes.data(), ahead_.count);
  const forwarding::Screen::Positions settled = screen_.settle(bytes, around, ahead);
  settled_ = is_watched() ? 0 : settled;
  return forwarding::Screen::first(arrived_.count) & ~settled_;
}

bool Worker::may_be_of_stack(std::uint16_t i, const Moment& moment) const noexcept {
  return arrived_.views[i].layer3 == packet::Layer3::arp &&
         moment.policy().cluster_mac().is_multicast();
}

void Worker::sort_out(std::uint16_t i, const Moment& moment) noexcept {
  const Verdict verdict = arrived_.decisions[i].verdict;
  if (forwarding::is_delivery(verdict)) return to_deliver_.add(i);
  switch (verdict) {
    case Verdict::reply_arp:
    case Verdict::reply_nd:
    case Verdict::hand_on:
      return to_reply_.add(i);
    case Verdict::to_control:
      return to_control_.add(i);
    case Verdict::gateway_answer:
      loan_.gateway.note_answer(moment.now);
      // With a group address as cluster MAC the stack asks in the same way, see rewrite.cc.
      return may_be_of_stack(i, moment) ? to_deliver_.add(i) : to_discard_.add(i);
    case Verdict::group_query: {
      const auto query = packet::read_group_query(arrived_.bytes[i], arrived_.views[i]);
      if (query) loan_.queries.note(*query);
      return to_discard_.add(i);
    }
    case Verdict::drop_fragment_unknown:
    case Verdict::drop_handed_on:
      return park(i, moment);
    default:
      return to_discard_.add(i);
  }
}

void Worker::hand_to_control() noexcept {
  if (to_control_.count == 0) return;
  for (std::uint16_t k = 0; k < to_control_.count; ++k) {
    const std::uint8_t i = to_control_.at[k];
    const std::span<const std::uint8_t> frame = arrived_.bytes[i];
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
  std::array<const packet::FrameView*, kBurst> views;
  std::array<std::uint32_t, kBurst> lengths;  // a delivered frame is no longer ours to look at
  for (std::uint16_t k = 0; k < to_deliver_.count; ++k) {
    const std::uint8_t i = to_deliver_.at[k];
    frames[k] = arrived_.frames[i];
    views[k] = &arrived_.views[i];
    lengths[k] = frames[k]->pkt_len;
    if (views[k]->is_bare_syn()) {
      // If it is handed on later, nobody will remember what was left over.
      localstack::finish_left_over(frames[k]);
      recent_.keep(arrived_.bytes[i], *views[k]);
    }
    forwarding::rewrite_for_delivery(arrived_.bytes[i], arrived_.views[i], moment.policy());
  }
  loan_.local.deliver(loan_.queue(), std::span(frames.data(), to_deliver_.count),
                      std::span(views.data(), to_deliver_.count));
  for (std::uint16_t k = 0; k < to_deliver_.count; ++k) {
    const std::uint8_t i = to_deliver_.at[k];
    const forwarding::Decision& decision = arrived_.decisions[i];
    if (frames[k] != nullptr) {
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
  forwarding::Decision& decision = arrived_.decisions[i];
  if (decision.verdict == Verdict::drop_handed_on) {
    if (openings_.park(arrived_.frames[i], decision, moment.now)) return;
    decision.verdict = Verdict::drop_not_owner;
  } else {
    if (fragments_.park(arrived_.frames[i], arrived_.views[i], moment.now)) return;
    decision.verdict = Verdict::drop_fragment_full;
  }
  to_discard_.add(i);
}

void Worker::end_parking(const Moment& moment) noexcept {
  const auto drop_as = [this, &moment](Verdict verdict) {
    return [this, &moment, verdict](rte_mbuf* frame) {
      if (is_watched()) trace_waited(frame, verdict, moment);
      count(verdict, {1, frame->pkt_len});
      rte_pktmbuf_free(frame);
    };
  };
  fragments_.expire(moment.now, drop_as(Verdict::drop_fragment_unknown));
  openings_.expire(moment.now, drop_as(Verdict::drop_handed_on));
}

void Worker::discard(const Moment& moment) noexcept {
  discard_settled(moment);
  if (to_discard_.count == 0) return;
  std::array<rte_mbuf*, kBurst> frames;
  for (std::uint16_t k = 0; k < to_discard_.count; ++k) {
    const std::uint8_t i = to_discard_.at[k];
    const forwarding::Decision& decision = arrived_.decisions[i];
    frames[k] = arrived_.frames[i];
    if (decision.tracked) note_received(i, moment);
    count_arrival(decision.verdict, decision, {1, frames[k]->pkt_len}, moment.plan);
  }
  rte_pktmbuf_free_bulk(frames.data(), to_discard_.count);
}

/// Frames of one rule mostly come together: they are counted as one lot.
void Worker::discard_settled(const Moment& moment) noexcept {
  if (settled_ == 0) return;
  std::array<rte_mbuf*, kBurst> frames;
  std::uint16_t count = 0;
  Lot lot;
  auto first = static_cast<unsigned>(std::countr_zero(settled_));
  const auto* rule = &screen_.rule_of(first);
  const auto end_lot = [&] {
    const forwarding::Decision decision = screen_.settled(first, moment.snapshot);
    count_arrival(decision.verdict, decision, lot, moment.plan);
    lot = {};
  };
  for (auto left = settled_; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    if (&screen_.rule_of(i) != rule) {
      end_lot();
      first = i;
      rule = &screen_.rule_of(i);
    }
    frames[count++] = arrived_.frames[i];
    lot.frames += 1;
    // Not what the buffer says: that would be one more visit to memory, for each frame.
    lot.bytes += static_cast<std::uint32_t>(arrived_.bytes[i].size());
  }
  end_lot();
  localstack::give_back(std::span(frames.data(), count), arrived_.likeness.pool());
}

}  // namespace covey::dataplane
