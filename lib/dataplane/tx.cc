// SPDX-License-Identifier: BSD-3-Clause
// The way out: heartbeats, answers to address requests, and frames of the local stack, all to the
// uplink.
#include <rte_mbuf.h>

#include <cstring>

#include "dataplane/worker.h"
#include "localstack/frame.h"
#include "localstack/left_over.h"
#include "packet/headers.h"
#include "packet/heartbeat_frame.h"
#include "packet/question.h"
#include "packet/reply.h"

namespace covey::dataplane {

using localstack::bytes_of;

using forwarding::Verdict;

namespace {

constexpr std::size_t kReplyRoom = 128;      // an advertisement behind two VLAN tags takes 94 bytes
constexpr unsigned kHeartbeatsPerRound = 8;  // more would delay data; there are rarely two
constexpr unsigned kReportsPerRound = 8;     // likewise; many only for an old version's asker
constexpr unsigned kMostReports = 2 * (base::kMaxVirtualIps + 2);  // each group in two versions

/// Ethernet has no shorter frames, and not every NIC fills up by itself.
void pad(rte_mbuf* frame) noexcept {
  if (frame->pkt_len >= packet::kMinimumFrame || frame->nb_segs != 1) return;
  const auto missing = static_cast<std::uint16_t>(packet::kMinimumFrame - frame->pkt_len);
  char* end = rte_pktmbuf_append(frame, missing);
  if (end != nullptr) std::memset(end, 0, missing);
}

/// Writes `bytes` over what the buffer held. False if it has no room.
bool overwrite(rte_mbuf* frame, std::span<const std::uint8_t> bytes) noexcept {
  rte_pktmbuf_reset(frame);
  char* start = rte_pktmbuf_append(frame, static_cast<std::uint16_t>(bytes.size()));
  if (start == nullptr) return false;
  std::memcpy(start, bytes.data(), bytes.size());
  return true;
}

/// Turns a question for a virtual IP's address into its answer. False if it cannot be answered.
bool answer(rte_mbuf* frame, const packet::FrameView& view, Verdict verdict,
            const packet::ReplyMacs& macs) noexcept {
  std::array<std::uint8_t, kReplyRoom> room;
  const std::size_t length =
      verdict == Verdict::reply_arp
          ? packet::build_arp_reply(bytes_of(frame), view, macs, room)
          : packet::build_neighbor_advertisement(bytes_of(frame), view, macs, room);
  return length != 0 && overwrite(frame, std::span(room.data(), length));
}

bool write_heartbeat(rte_mbuf* frame, const Payload& payload,
                     const base::MacAddress& source) noexcept {
  const std::size_t length = packet::heartbeat_frame_length(payload.length);
  if (rte_pktmbuf_append(frame, static_cast<std::uint16_t>(length)) == nullptr) return false;
  packet::build_heartbeat_frame({payload.bytes.data(), payload.length}, source, bytes_of(frame));
  return true;
}

}  // namespace

/// What the host itself has to say; only the first worker speaks.
void Worker::speak(const Moment& moment) noexcept {
  if (loan_.index != 0) return;
  send_heartbeats(moment);
  ask_gateway(moment);
  loan_.queries.take(
      [&](const packet::GroupQuery& query) { membership_.note_query(query, moment.now); });
  report_groups(moment, kReportsPerRound);
}

void Worker::send_heartbeats(const Moment& moment) noexcept {
  Payload payload;
  for (unsigned i = 0; i < kHeartbeatsPerRound && loan_.mailboxes.next_to_send(payload); ++i) {
    rte_mbuf* frame = rte_pktmbuf_alloc(loan_.pool);
    const bool sent = frame != nullptr &&
                      write_heartbeat(frame, payload, moment.policy().host_mac()) &&
                      loan_.port.send(loan_.queue(), std::span(&frame, 1)) == 1;
    if (sent) continue;
    rte_pktmbuf_free(frame);
    loan_.mailboxes.count_unsent();
  }
}

void Worker::ask_gateway(const Moment& moment) noexcept {
  const std::optional<base::IpAddress>& gateway = moment.policy().settings().gateway;
  if (!gateway || !loan_.gateway.take_question()) return;
  std::array<std::uint8_t, kReplyRoom> room;
  const std::size_t length = packet::build_question(*gateway, moment.policy().host_mac(), room);
  send(std::span(room).first(length));
}

/// The last that this host has to say.
void Worker::leave_groups(const Moment& moment) noexcept {
  if (loan_.index != 0) return;
  membership_.leave();
  report_groups(moment, kMostReports);
}

void Worker::report_groups(const Moment& moment, unsigned most) noexcept {
  const forwarding::Policy& policy = moment.policy();
  const std::optional<base::IpPrefix>& own = policy.settings().dedicated_ip;
  const bool has_ipv4 = own && own->address.family == base::Family::ipv4;
  const packet::GroupListener listener{policy.host_mac(),
                                       has_ipv4 ? own->address : base::IpAddress{}};
  std::array<std::uint8_t, packet::kGroupReportRoom> room;
  for (unsigned i = 0; i < most; ++i) {
    const std::optional<packet::GroupReport> report = membership_.next(moment.now);
    if (!report) return;
    const std::size_t length = packet::build_group_report(*report, listener, room);
    if (length != 0) send(std::span(room).first(length));
  }
}

/// Something that is said again soon if it was lost; false if it was.
bool Worker::send(std::span<const std::uint8_t> bytes) noexcept {
  rte_mbuf* frame = rte_pktmbuf_alloc(loan_.pool);
  if (frame == nullptr) return false;
  const bool written = overwrite(frame, bytes);
  pad(frame);
  const bool sent = written && loan_.port.send(loan_.queue(), std::span(&frame, 1)) == 1;
  if (!sent) rte_pktmbuf_free(frame);
  return sent;
}

void Worker::reply(const Moment& moment) noexcept {
  outbox_.count = outbox_.replies = 0;
  // Not even an answer leaves with the cluster MAC as its source: no switch may learn where "it"
  // is.
  const packet::ReplyMacs macs{moment.policy().host_mac(), moment.policy().cluster_mac()};
  for (std::uint16_t k = 0; k < to_reply_.count; ++k) {
    const std::uint8_t i = to_reply_.at[k];
    rte_mbuf* frame = arrived_.frames[i];
    if (arrived_.decisions[i].verdict == Verdict::hand_on) {
      hand_on(i, moment);
    } else if (!answer(frame, arrived_.views[i], arrived_.decisions[i].verdict, macs)) {
      arrived_.decisions[i].verdict = Verdict::drop_malformed;
      to_discard_.add(i);
      continue;
    }
    put_out(frame, i, moment);
  }
  outbox_.replies = outbox_.count;
}

void Worker::hand_on(std::uint8_t i, const Moment& moment) noexcept {
  rte_mbuf* frame = arrived_.frames[i];
  if (arrived_.decisions[i].tracked) note_received(i, moment);
  forwarding::rewrite_for_owner(bytes_of(frame), arrived_.decisions[i], moment.snapshot);
  localstack::finish_left_over(frame);
}

/// The stack's `answer` to a SYN came when the bucket had gone, and may not leave. The new owner
/// gives another, if it gets the SYN.
void Worker::hand_on_late(const packet::FrameView& answer, const forwarding::Decision& decision,
                          const Moment& moment) noexcept {
  if (answer.key.protocol != packet::kProtocolTcp) return;
  if (!forwarding::hands_on(decision, surroundings(moment))) return;
  const std::span<std::uint8_t> opening =
      recent_.take(answer.key.reversed(), answer.tcp_acknowledgement);
  if (opening.empty()) return;
  forwarding::rewrite_for_owner(opening, decision, moment.snapshot);
  if (send(opening)) count(Verdict::hand_on, {1, static_cast<std::uint32_t>(opening.size())});
}

bool Worker::collect(const Moment& moment) noexcept {
  local_.count =
      loan_.local.collect(loan_.queue(), std::span(local_.frames.data(), kBurst), local_.left);
  if (is_watched()) see(local_);
  const forwarding::Surroundings around = surroundings(moment);
  for (std::uint16_t i = 0; i < local_.count; ++i) {
    rte_mbuf* frame = local_.frames[i];
    packet::parse_into(bytes_of(frame), local_.views[i]);
    local_.decisions[i] = forwarding::decide_egress(bytes_of(frame), local_.views[i], around);
    if (local_.decisions[i].verdict != Verdict::send_uplink) {
      note_sent(local_.views[i], local_.decisions[i], moment);
      hand_on_late(local_.views[i], local_.decisions[i], moment);
      count(local_.decisions[i].verdict, {1, frame->pkt_len});
      rte_pktmbuf_free(frame);
      continue;
    }
    forwarding::rewrite_for_uplink(bytes_of(frame), local_.views[i], moment.policy());
    finish(static_cast<std::uint8_t>(i), moment);
  }
  if (is_watched()) see_flows(local_, /*sent=*/true);
  return local_.count != 0;
}

/// What the stack left over is done, and the frame put into the outbox in as many pieces as it
/// takes.
void Worker::finish(std::uint8_t i, const Moment& moment) noexcept {
  rte_mbuf* frame = local_.frames[i];
  const packet::FrameView& view = local_.views[i];
  const packet::LeftOver& left = local_.left[i];
  const auto whole = packet::LongSegment::of(bytes_of(frame), view, left.segment);
  if (whole && whole->count() > 1) {
    if (loan_.device.long_buffers) {
      static_cast<void>(localstack::leave_to_device(frame, view, left));
      return put_out(frame, i, moment);
    }
    if (loan_.device.segmentation) {
      rte_mbuf* chain = chain_for_device(frame, view, left, loan_.pool);
      if (chain != nullptr) put_out(chain, i, moment);
      if (chain == nullptr) drop_unsent(i, {1, frame->pkt_len});
    } else {
      cut(i, *whole, moment);
    }
    rte_pktmbuf_free(frame);
  } else if (frame->pool == loan_.pool) {
    finish_checksum(frame, view, left, loan_.device);
    put_out(frame, i, moment);
  } else {
    // Nothing that a stack makes of its own; it would not pass the segment.
    drop_unsent(i, {1, frame->pkt_len});
    rte_pktmbuf_free(frame);
  }
}

/// The segments of a long frame are counted as what they are on the segment, frames.
void Worker::cut(std::uint8_t i, const packet::LongSegment& whole, const Moment& moment) noexcept {
  std::size_t index = 0;
  for (; index < whole.count(); ++index) {
    rte_mbuf* frame = cut_out(whole, index, loan_.pool);
    if (frame == nullptr) break;
    put_out(frame, i, moment, index == 0);
  }
  for (; index < whole.count(); ++index)
    drop_unsent(i, {1, static_cast<std::uint32_t>(whole.length(index))});
}

void Worker::put_out(rte_mbuf* frame, std::uint8_t i, const Moment& moment, bool begins) noexcept {
  if (outbox_.count == Outbox::kRoom) flush(moment);
  outbox_.from[outbox_.count] = i;
  outbox_.begins[outbox_.count] = begins;
  outbox_.frames[outbox_.count++] = frame;
}

void Worker::drop_unsent(std::uint8_t i, Lot lot) noexcept {
  local_.decisions[i].verdict = Verdict::drop_uplink_full;
  count(Verdict::drop_uplink_full, lot);
}

void Worker::flush(const Moment& moment) noexcept {
  if (outbox_.count == 0) return;
  std::array<std::uint32_t, Outbox::kRoom> lengths;  // a sent frame is no longer ours to look at
  for (std::uint16_t k = 0; k < outbox_.count; ++k) {
    pad(outbox_.frames[k]);
    lengths[k] = outbox_.frames[k]->pkt_len;
  }
  const std::uint16_t sent =
      loan_.port.send(loan_.queue(), std::span(outbox_.frames).first(outbox_.count));
  for (std::uint16_t k = 0; k < outbox_.count; ++k) {
    const bool is_reply = k < outbox_.replies;
    Burst& burst = is_reply ? arrived_ : local_;
    forwarding::Decision& decision = burst.decisions[outbox_.from[k]];
    if (k >= sent) {
      decision.verdict = Verdict::drop_uplink_full;
      count(decision.verdict, {1, lengths[k]});
      rte_pktmbuf_free(outbox_.frames[k]);
      continue;
    }
    count(is_reply ? decision.verdict : Verdict::send_uplink, {1, lengths[k]});
    if (!is_reply && outbox_.begins[k]) {
      note_sent(burst.views[outbox_.from[k]], decision, moment);
    }
  }
  outbox_.count = outbox_.replies = 0;
}

void Worker::note_sent(const packet::FrameView& view, const forwarding::Decision& decision,
                       const Moment& moment) noexcept {
  if (forwarding::note_sent(view, decision, flows_, moment.now)) {
    loan_.exchange.tell(loan_.index, {view, decision, true, moment.plan.number});
  }
}

}  // namespace covey::dataplane
