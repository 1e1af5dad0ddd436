// SPDX-License-Identifier: BSD-3-Clause
// Entry::awaited is, half open, the acknowledgement number that completes the handshake and, once
// established, the sequence number our stack expects next from the client, as its last segment
// said; superseded, the number behind the refused SYN. Established entries that are not in doubt
// are in no queue, since each segment would have to move them: a clock hand sweeps over them
// instead. The other kinds are few or short-lived and lie in queues by age, so that the oldest is
// always known.
#include "flow/flow_cache.h"

#include <algorithm>

#include "base/assert.h"
#include "packet/conversation.h"
#include "packet/parse.h"

namespace covey::flow {
namespace {

using base::Duration;
using base::TimePoint;

// TCP flags (RFC 9293, section 3.1).
constexpr std::uint8_t kFin = 0x01;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kRst = 0x04;
constexpr std::uint8_t kAck = 0x10;

// Entry::marks
constexpr std::uint8_t kClientFin = 0x01;
constexpr std::uint8_t kOwnFin = 0x02;
constexpr std::uint8_t kInDoubt = 0x04;
constexpr std::uint8_t kBothFins = kClientFin | kOwnFin;

// How many entries a new flow may look at for an idle one to replace: enough to make progress, few
// enough that a full table stays cheap.
constexpr std::uint32_t kEvictionScan = 8;

std::uint32_t ticks(TimePoint now) {
  return static_cast<std::uint32_t>(now.ns >> kTickShift);
}

/// Rounded up, so that nothing ends early by more than the tick in which it began.
std::uint32_t ticks(Duration life) {
  return static_cast<std::uint32_t>((life.count() + kTick.count() - 1) / kTick.count());
}

/// Neither SYN-ACK nor anything else that follows a SYN.
bool is_bare_syn(const Segment& segment) {
  return (segment.flags & (kSyn | kAck)) == kSyn;
}

bool is_bare_ack(const Segment& segment) {
  return segment.flags == kAck && !segment.has_data;
}

/// Modulo 2^32, like the stamps.
std::uint32_t age(const Entry& entry, TimePoint now) {
  return ticks(now) - entry.stamp;
}

}  // namespace

FlowCache::FlowCache(const Settings& settings, std::shared_ptr<BucketCounts> counts,
                     std::uint64_t seed)
    : table_(settings.capacity, seed),
      idle_life_(ticks(settings.tcp_idle)),
      udp_life_(ticks(settings.udp_idle)),
      ipsec_life_(ticks(settings.ipsec_idle)),
      gre_life_(ticks(settings.gre_idle)),
      pressure_life_(ticks(std::min(settings.tcp_idle, kPressureIdle))),
      counts_(std::move(counts)) {
  COVEY_ASSERT(settings.tcp_idle > Duration::zero() && settings.tcp_idle <= kMaxIdle);
  COVEY_ASSERT(counts_->are_complete());
}

bool FlowCache::is_proof(const Entry& flow, const Segment& segment) noexcept {
  return flow.state == FlowState::half_open && (segment.flags & (kSyn | kAck)) == kAck &&
         found(flow).is_proof(segment.acknowledgement);
}

void FlowCache::follow(std::shared_ptr<BucketCounts> counts) noexcept {
  counts_ = std::move(counts);
  ++placement_round_;  // comes again after as many changes that were each overtaken by the next
  const bool is_empty = statistics().live() == 0 && counters_.lingering.read() == 0;
  placing_at_ = is_empty ? kNoEntry : 0;
  if (is_empty) counts_->complete();
}

void FlowCache::set_place(EntryIndex entry, const std::optional<Placement>& placement) noexcept {
  if (!placement) return erase(entry);
  Entry& flow = table_[entry];
  flow.map_class = placement->map_class.value;
  flow.bucket = static_cast<std::uint16_t>(placement->bucket.value);
  flow.placed_in = placement_round_;
  counts_->add(*placement, is_live(flow));
}

bool FlowCache::note_inbound(const packet::FlowKey& key, const Segment& segment,
                             TimePoint now) noexcept {
  const EntryIndex entry = table_.find(key);
  if (entry == kNoEntry) return false;
  if ((segment.flags & kRst) != 0) return note_client_reset(entry, segment.sequence, now);
  const bool is_disowned = (table_[entry].marks & kDisowned) != 0;
  if (is_bare_syn(segment) && (table_[entry].state == FlowState::lingering || is_disowned)) {
    erase(entry);  // the ports are used anew; the stack decides what becomes of it
    return true;
  }
  const bool proves = is_proof(table_[entry], segment);
  if (proves) {
    become(entry, FlowState::established, now);
    table_[entry].awaited = segment.sequence;
  }
  const bool closing = (segment.flags & kFin) != 0 && note_fin(entry, kClientFin, now);
  // What a client sends says nothing about whether our stack still has the socket.
  if ((table_[entry].marks & kInDoubt) == 0) refresh(entry, now);
  return closing || proves;
}

bool FlowCache::note_refused(const packet::FlowKey& key, const Segment& segment) noexcept {
  const EntryIndex entry = table_.find(key);
  if (entry == kNoEntry) return false;
  Entry& flow = table_[entry];
  if (flow.state == FlowState::half_open) {
    const bool is_news = is_bare_syn(segment) && (flow.marks & kDisowned) == 0;
    if (is_news) flow.marks |= kAskedAgain;
    return is_news;
  }
  if (flow.state == FlowState::lingering || (segment.flags & kSyn) == 0) {
    erase(entry);
    return true;
  }
  // The SYN may be forged or late, so the flow is not given up yet.
  const std::uint32_t awaited = segment.sequence + 1;
  const bool changed = (flow.marks & kSuperseded) == 0 || flow.awaited != awaited;
  flow.marks |= kSuperseded;
  flow.awaited = awaited;
  return changed;
}

bool FlowCache::note_withheld(const packet::FlowKey& key, const Segment& segment,
                              Placement placement, TimePoint now) noexcept {
  EntryIndex entry = table_.find(key);
  if (entry != kNoEntry && table_[entry].state == FlowState::lingering) {
    erase(entry);  // as if the SYN-ACK had left
    entry = kNoEntry;
  }
  const bool is_new = entry == kNoEntry;
  if (is_new) entry = create(key, FlowState::half_open, placement, now);
  if (entry == kNoEntry || table_[entry].state != FlowState::half_open) return false;
  Entry& flow = table_[entry];
  const bool is_same = flow.awaited == segment.sequence + 1;
  if (is_same && (flow.marks & kAskedAgain) != 0) return false;
  const bool changed = is_new || !is_same || (flow.marks & kWithheld) == 0;
  flow.awaited = segment.sequence + 1;
  withhold(entry, now);
  return changed;
}

void FlowCache::withhold(EntryIndex entry, TimePoint now) noexcept {
  change(entry, now, [](Entry& flow) { flow.marks = (flow.marks & kBothFins) | kWithheld; });
}

bool FlowCache::note_egress(const packet::FlowKey& key, const Segment& segment, Placement placement,
                            TimePoint now) noexcept {
  EntryIndex entry = table_.find(key);
  if ((segment.flags & kRst) != 0) {
    if (entry != kNoEntry) erase(entry);
    return entry != kNoEntry;
  }
  if ((segment.flags & kSyn) != 0 && (segment.flags & kAck) != 0) {
    return note_syn_ack(entry, key, segment.sequence + 1, placement, now);
  }
  const bool lingers = entry != kNoEntry && table_[entry].state == FlowState::lingering;
  if (lingers && (segment.flags & kSyn) != 0) {
    erase(entry);  // our own stack uses the ports anew
    entry = kNoEntry;
  }
  if (entry != kNoEntry) return note_own_segment(entry, segment, now);
  const bool is_tcp = key.protocol == packet::kProtocolTcp;
  if (is_tcp && is_bare_ack(segment)) return overhear(key, segment.sequence, placement, now);
  entry = create(key, FlowState::established, placement, now);
  if (entry == kNoEntry) return false;
  note_own_segment(entry, segment, now);
  return true;
}

bool FlowCache::overhear(const packet::FlowKey& key, std::uint32_t sequence, Placement placement,
                         TimePoint now) noexcept {
  const EntryIndex entry = create(key, FlowState::half_open, placement, now);
  if (entry == kNoEntry) return false;
  table_[entry].awaited = sequence;
  table_[entry].marks = kOverheard;
  return true;
}

bool FlowCache::note_client_reset(EntryIndex entry, std::uint32_t sequence,
                                  TimePoint now) noexcept {
  switch (table_[entry].state) {
    case FlowState::none:
    case FlowState::lingering:
      return false;
    case FlowState::half_open:
      erase(entry);
      return true;
    case FlowState::established:
      break;
  }
  // RFC 5961: a stack obeys a RST at exactly the awaited sequence number and no other.
  if (sequence == table_[entry].awaited) {
    erase(entry);
    return true;
  }
  // The time of the first doubt counts: who guesses on must not keep the entry alive.
  if ((table_[entry].marks & kInDoubt) != 0) return false;
  doubt(entry, now);
  return true;
}

bool FlowCache::note_syn_ack(EntryIndex entry, const packet::FlowKey& key,
                             std::uint32_t expected_ack, Placement placement,
                             TimePoint now) noexcept {
  if (entry != kNoEntry && table_[entry].state == FlowState::established &&
      (table_[entry].marks & kInDoubt) == 0) {
    // A handshake begins, so what was closed was an earlier connection; but a forgotten established
    // entry would be worse than one too many, so it stays.
    const bool changed = table_[entry].marks != 0;
    table_[entry].marks = 0;
    return changed;
  }
  if (entry != kNoEntry && table_[entry].state == FlowState::half_open) {
    const bool is_usual = (table_[entry].marks & (kDisowned | kOverheard)) == 0;
    const bool changed = !is_usual || table_[entry].awaited != expected_ack;
    if (!changed) return false;  // nor is it any younger
    change(entry, now, [expected_ack](Entry& flow) {
      flow.awaited = expected_ack;
      flow.marks = 0;
    });
    return true;
  }
  if (entry != kNoEntry) erase(entry);  // lingering or in doubt: the handshake proves it over
  entry = create(key, FlowState::half_open, placement, now);
  if (entry == kNoEntry) return false;
  table_[entry].awaited = expected_ack;
  return true;
}

bool FlowCache::note_own_segment(EntryIndex entry, const Segment& segment, TimePoint now) noexcept {
  const Entry& flow = table_[entry];
  // A half-open socket answers a SYN with another number by a bare ACK (RFC 9293, 3.10.7.4): of a
  // client that nobody has heard yet.
  const bool is_first = is_bare_ack(segment) && segment.sequence == flow.awaited;
  if (flow.state == FlowState::half_open && is_first) return false;
  bool changed = false;
  if (flow.state == FlowState::half_open || (flow.marks & kInDoubt) != 0) {
    become(entry, FlowState::established, now);
    changed = true;
  }
  if ((table_[entry].marks & kSuperseded) != 0) {
    table_[entry].marks &= static_cast<std::uint8_t>(~kSuperseded);
    changed = true;
  }
  if ((segment.flags & kAck) != 0) table_[entry].awaited = segment.acknowledgement;
  if ((segment.flags & kFin) != 0 && note_fin(entry, kOwnFin, now)) changed = true;
  refresh(entry, now);
  return changed;
}

bool FlowCache::note_fin(EntryIndex entry, std::uint8_t mark, TimePoint now) noexcept {
  Entry& flow = table_[entry];
  if ((flow.marks & mark) != 0) return false;
  flow.marks |= mark;
  if ((flow.marks & kBothFins) == kBothFins) become(entry, FlowState::lingering, now);
  return true;
}

EntryIndex FlowCache::create(const packet::FlowKey& key, FlowState state, Placement placement,
                             TimePoint now) noexcept {
  if (state == FlowState::half_open && counters_.half_open.read() >= kMaxHalfOpen) {
    evict(half_open_.oldest());
  }
  const bool is_udp = packet::is_udp_conversation(key);
  const bool has_share = !is_udp || udp_entries_ < table_.capacity() / kUdpShare;
  if (!has_share || (!table_.has_room() && !make_room(now))) {
    counters_.untracked.add(1);
    return kNoEntry;
  }
  if (is_udp) ++udp_entries_;
  const EntryIndex entry = table_.insert(key);
  table_[entry].map_class = placement.map_class.value;
  table_[entry].bucket = static_cast<std::uint16_t>(placement.bucket.value);
  table_[entry].placed_in = placement_round_;
  table_[entry].state = state;
  counters_.created.add(1);
  enter(entry, now);
  return entry;
}

/// The only way to change the state of an entry; ends a doubt, keeps the FINs seen.
void FlowCache::become(EntryIndex entry, FlowState state, TimePoint now) noexcept {
  change(entry, now, [state](Entry& flow) {
    flow.state = state;
    flow.marks &= kBothFins;
  });
}

void FlowCache::doubt(EntryIndex entry, TimePoint now) noexcept {
  change(entry, now, [](Entry& flow) { flow.marks |= kInDoubt; });
}

void FlowCache::erase(EntryIndex entry) noexcept {
  cancel(take_out(entry));
  if (packet::is_udp_conversation(table_[entry].key)) --udp_entries_;
  table_.erase(entry);
}

void FlowCache::refresh(EntryIndex entry, TimePoint now) noexcept {
  table_[entry].stamp = ticks(now);
  AgeQueue* queue = queue_of(table_[entry]);
  if (queue == nullptr) return;
  queue->remove(table_, entry);
  queue->push_newest(table_, entry);
}

/// Puts an entry where its state and marks belong: queue, counters, bucket counter.
void FlowCache::enter(EntryIndex entry, TimePoint now) noexcept {
  Entry& flow = table_[entry];
  flow.stamp = ticks(now);
  if (AgeQueue* queue = queue_of(flow)) queue->push_newest(table_, entry);
  counter_of(flow)->add(1);
  if (flow.placed_in == placement_round_) counts_->add(place_of(flow), is_live(flow));
}

/// The reverse of enter(), but for the counts: they are the caller's to cancel. What is still to be
/// placed again is not counted by bucket so long.
FlowCache::Counted FlowCache::take_out(EntryIndex entry) noexcept {
  Entry& flow = table_[entry];
  if (AgeQueue* queue = queue_of(flow)) queue->remove(table_, entry);
  return {counter_of(flow), place_of(flow), flow.placed_in == placement_round_, is_live(flow)};
}

void FlowCache::cancel(const Counted& counted) noexcept {
  counted.kind->subtract_one();
  if (counted.is_placed) counts_->subtract_one(counted.place, counted.is_live);
}

/// Changes the state and marks of an entry. The control thread counts at any time, and must not
/// find a bucket empty whose only flow is about to change: so it is counted where it goes before it
/// is no longer counted where it was.
template <typename Change>
void FlowCache::change(EntryIndex entry, TimePoint now, Change&& how) noexcept {
  const Counted before = take_out(entry);
  how(table_[entry]);
  enter(entry, now);
  cancel(before);
}

AgeQueue* FlowCache::queue_of(const Entry& entry) noexcept {
  switch (entry.state) {
    case FlowState::none:
      return nullptr;
    case FlowState::half_open:
      return (entry.marks & kWithheld) != 0 ? &lingering_ : &half_open_;
    case FlowState::established:
      return (entry.marks & kInDoubt) != 0 ? &doubted_ : nullptr;
    case FlowState::lingering:
      return &lingering_;
  }
  return nullptr;
}

Counter<std::uint64_t>* FlowCache::counter_of(const Entry& entry) noexcept {
  if (!is_live(entry)) return &counters_.lingering;
  return entry.state == FlowState::half_open ? &counters_.half_open : &counters_.established;
}

bool FlowCache::make_room(TimePoint now) noexcept {
  EntryIndex victim = half_open_.oldest();
  if (victim == kNoEntry) victim = lingering_.oldest();
  if (victim == kNoEntry) victim = oldest_idle_nearby(now);
  if (victim == kNoEntry) return false;
  evict(victim);
  return true;
}

void FlowCache::evict(EntryIndex entry) noexcept {
  erase(entry);
  counters_.evicted.add(1);
}

EntryIndex FlowCache::oldest_idle_nearby(TimePoint now) noexcept {
  EntryIndex oldest = kNoEntry;
  for (std::uint32_t i = 0; i < std::min(kEvictionScan, table_.touched()); ++i) {
    const Entry& flow = table_[hand_];
    const bool idle = flow.state == FlowState::established && age(flow, now) >= pressure_life_;
    if (idle && (oldest == kNoEntry || age(flow, now) > age(table_[oldest], now))) oldest = hand_;
    hand_ = hand_ + 1 >= table_.touched() ? 0 : hand_ + 1;
  }
  return oldest;
}

void FlowCache::expire(TimePoint now, std::uint32_t budget) noexcept {
  // Half of the budget at least is left for the sweep, whatever a flood leaves in the queues.
  std::uint32_t queued = budget - budget / 2;
  const std::uint32_t before = queued;
  queued -= expire_queue(half_open_, ticks(kHalfOpenLife), now, queued);
  queued -= expire_queue(lingering_, ticks(kLinger), now, queued);
  queued -= expire_queue(doubted_, ticks(kDoubtLife), now, queued);
  expire_idle(now, budget - (before - queued));
}

/// A client that was answered by another host may be so still when this stack repeats its SYN-ACK.
void FlowCache::end(EntryIndex entry, TimePoint now) noexcept {
  if ((table_[entry].marks & kAskedAgain) != 0) return withhold(entry, now);
  erase(entry);
  counters_.expired.add(1);
}

/// Returns how many entries it ended.
std::uint32_t FlowCache::expire_queue(const AgeQueue& queue, std::uint32_t life, TimePoint now,
                                      std::uint32_t budget) noexcept {
  std::uint32_t ended = 0;
  while (ended < budget && queue.oldest() != kNoEntry && age(table_[queue.oldest()], now) >= life) {
    end(queue.oldest(), now);
    ++ended;
  }
  return ended;
}

/// A tunnel may be silent for long.
std::uint32_t FlowCache::idle_life_of(const Entry& entry) const noexcept {
  switch (entry.key.protocol) {
    case packet::kProtocolUdp:
      return packet::is_udp_conversation(entry.key) ? udp_life_ : ipsec_life_;
    case packet::kProtocolEsp:
      return ipsec_life_;
    case packet::kProtocolGre:
      return gre_life_;
    default:
      return idle_life_;
  }
}

void FlowCache::expire_idle(TimePoint now, std::uint32_t budget) noexcept {
  for (std::uint32_t i = 0; i < std::min(budget, table_.touched()); ++i) {
    const Entry& flow = table_[hand_];
    if (flow.state == FlowState::established && age(flow, now) >= idle_life_of(flow)) {
      erase(hand_);
      counters_.expired.add(1);
    }
    hand_ = hand_ + 1 >= table_.touched() ? 0 : hand_ + 1;
  }
}

Statistics FlowCache::statistics() const noexcept {
  return {.established = counters_.established.read(),
          .half_open = counters_.half_open.read(),
          .lingering = counters_.lingering.read(),
          .created = counters_.created.read(),
          .expired = counters_.expired.read(),
          .evicted = counters_.evicted.read(),
          .untracked = counters_.untracked.read()};
}

std::size_t FlowCache::memory_bytes() const noexcept {
  return sizeof(*this) + table_.memory_bytes() + counts_->memory_bytes();
}

bool FlowCache::go_on(Listing& listing, TimePoint now, std::uint32_t budget) const {
  const Wanted& wanted = listing.wanted;
  for (std::uint32_t looked_at = 0; looked_at < budget; ++looked_at) {
    if (listing.next >= table_.touched() || listing.flows.size() >= wanted.limit) return true;
    const Entry& flow = table_[listing.next++];
    if (flow.state == FlowState::none) continue;
    std::optional<Placement> placement;
    if (flow.placed_in == placement_round_) placement = place_of(flow);
    if (wanted.map_class && (!placement || placement->map_class != *wanted.map_class)) continue;
    if (wanted.bucket && (!placement || placement->bucket != *wanted.bucket)) continue;
    listing.flows.push_back(
        {flow.key, flow.state, placement, kTick * static_cast<std::int64_t>(age(flow, now))});
  }
  return false;
}

std::vector<FlowCache::Listed> FlowCache::list(TimePoint now, const Wanted& wanted) const {
  Listing listing{wanted};
  while (!go_on(listing, now, table_.capacity())) {
  }
  return std::move(listing.flows);
}

}  // namespace covey::flow
