// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/fragments.h"

namespace covey::forwarding {

Fragments::Fragments(std::uint64_t seed)
    : hash_(seed), rooms_(std::make_unique<std::array<Room, kSourceRooms>>()) {
  for (std::size_t slot = 0; slot + 1 < kParkingSlots; ++slot)
    parked_[slot].next = static_cast<Slot>(slot + 1);
}

// The identification stands where ports do. IPv6 leaves the protocol out: what follows a fragment
// header may differ between the fragments of one datagram.
packet::FlowKey Fragments::key_of(const packet::FrameView& view) noexcept {
  packet::FlowKey key = view.key;
  key.source_port = static_cast<std::uint16_t>(view.fragment_id >> 16U);
  key.destination_port = static_cast<std::uint16_t>(view.fragment_id);
  if (key.family == base::Family::ipv6) key.protocol = 0;
  return key;
}

std::size_t Fragments::room_of(const packet::FlowKey& key) const noexcept {
  packet::FlowKey source;
  source.source = key.source;
  return hash_(source) % kSourceRooms;
}

/// kDatagramsPerRoom if it is not there.
std::size_t Fragments::position(const Room& room, const packet::FlowKey& key,
                                std::uint32_t id) noexcept {
  // The newest first: the fragments of a datagram come close to each other.
  for (std::size_t back = 1; back <= kDatagramsPerRoom; ++back) {
    const std::size_t at = (room.next + kDatagramsPerRoom - back) % kDatagramsPerRoom;
    if (room.ids[at] == id && room.datagrams[at].key == key) return at;
  }
  return kDatagramsPerRoom;
}

std::optional<Verdict> Fragments::find(const packet::FrameView& view) const noexcept {
  const packet::FlowKey key = key_of(view);
  const Room& room = (*rooms_)[room_of(key)];
  const std::size_t at = position(room, key, view.fragment_id);
  if (at == kDatagramsPerRoom) return std::nullopt;
  return room.datagrams[at].verdict;
}

bool Fragments::learn(const packet::FrameView& view, const Decision& decision,
                      base::TimePoint now) noexcept {
  const bool is_first = view.is_fragment && !view.is_later_fragment;
  if (!is_first || !(decision.has_rule || decision.has_bucket)) return false;
  const packet::FlowKey key = key_of(view);
  Room& room = (*rooms_)[room_of(key)];
  std::size_t at = position(room, key, view.fragment_id);
  if (at == kDatagramsPerRoom) {
    at = room.next;
    room.next = (room.next + 1) % kDatagramsPerRoom;
  }
  room.ids[at] = view.fragment_id;
  room.datagrams[at] = {key, now, decision.verdict};
  release(room, key);
  return true;
}

void Fragments::release(Room& room, const packet::FlowKey& key) noexcept {
  Slot before = kNoSlot;
  for (Slot slot = room.oldest_parked; slot != kNoSlot;) {
    const Slot next = parked_[slot].next;
    if (parked_[slot].key == key) {
      unlink(room, before, slot);
      ready_[(first_ready_ + ready_count_) % kParkingSlots] = slot;
      ++ready_count_;
    } else {
      before = slot;
    }
    slot = next;
  }
}

/// Takes a slot that waits out of its room; `before` is the one in front of it.
void Fragments::unlink(Room& room, Slot before, Slot slot) noexcept {
  const Slot next = parked_[slot].next;
  (before == kNoSlot ? room.oldest_parked : parked_[before].next) = next;
  if (room.newest_parked == slot) room.newest_parked = before;
  --room.parked;
  --waiting_;
}

void Fragments::free(Slot slot) noexcept {
  parked_[slot].next = first_free_;
  first_free_ = slot;
}

std::optional<Fragments::Slot> Fragments::park(const packet::FrameView& view,
                                               base::TimePoint now) noexcept {
  const packet::FlowKey key = key_of(view);
  Room& room = (*rooms_)[room_of(key)];
  if (first_free_ == kNoSlot || room.parked == kParkedPerRoom) return std::nullopt;
  const Slot slot = first_free_;
  first_free_ = parked_[slot].next;
  parked_[slot] = {key, now, kNoSlot};
  (room.newest_parked == kNoSlot ? room.oldest_parked : parked_[room.newest_parked].next) = slot;
  room.newest_parked = slot;
  ++room.parked;
  ++waiting_;
  return slot;
}

std::optional<Fragments::Slot> Fragments::take_ready() noexcept {
  if (ready_count_ == 0) return std::nullopt;
  const Slot slot = ready_[first_ready_];
  first_ready_ = (first_ready_ + 1) % kParkingSlots;
  --ready_count_;
  free(slot);
  return slot;
}

std::span<const Fragments::Slot> Fragments::expire(base::TimePoint now) noexcept {
  for (Datagram& datagram : (*rooms_)[hand_].datagrams) {
    if (datagram.learnt + kDatagramLife <= now) datagram.key = {};
  }
  hand_ = (hand_ + 1) % kSourceRooms;
  std::size_t ended = 0;
  for (std::size_t i = 0; waiting_ != 0 && i < kSourceRooms; ++i) {
    Room& room = (*rooms_)[i];
    while (room.oldest_parked != kNoSlot &&
           parked_[room.oldest_parked].since + kParkingLife <= now) {
      const Slot slot = room.oldest_parked;
      unlink(room, kNoSlot, slot);
      free(slot);
      expired_[ended++] = slot;
    }
  }
  return {expired_.data(), ended};
}

}  // namespace covey::forwarding
