// SPDX-License-Identifier: BSD-3-Clause
// Fragments: all fragments of a datagram go the way of the first one, in whatever order they come.
//
// Owner: forwarding. Thread: one worker owns it and alone calls it. Pure: time is a parameter, and
// a frame that waits is a slot number to it, while the frame itself stays with the caller. Memory
// is allocated at construction and never grows. Sources: RFC 791, RFC 8200 section 4.5.
#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>

#include "base/time.h"
#include "flow/key_hash.h"
#include "forwarding/decide.h"
#include "packet/parse.h"

namespace covey::forwarding {

/// Only the first fragment has ports. What was decided about it is remembered for kDatagramLife;
/// later fragments that came before it wait for at most kParkingLife. A source address has one of
/// kSourceRooms rooms, chosen by a secret hash: so many datagrams are remembered in it, the oldest
/// giving way, and so many fragments may wait in it. Who floods takes from those alone who share
/// the room.
class Fragments {
 public:
  static constexpr base::Duration kDatagramLife = std::chrono::seconds(2);
  static constexpr base::Duration kParkingLife = std::chrono::milliseconds(50);
  static constexpr std::size_t kSourceRooms = 128;
  static constexpr std::size_t kDatagramsPerRoom = 64;
  static constexpr std::size_t kParkingSlots = 256;
  static constexpr std::size_t kParkedPerRoom = 32;

  using Slot = std::uint16_t;  // below kParkingSlots

  /// `seed` is a secret random number: clients cannot choose addresses that share a room.
  explicit Fragments(std::uint64_t seed);

  /// The verdict about the first fragment of the datagram a fragment belongs to; nothing if it is
  /// not known. No more than the verdict is kept: by now another configuration may be in force.
  [[nodiscard]] std::optional<Verdict> find(const packet::FrameView& view) const noexcept;

  /// Tells what was decided about a frame. If it is a first fragment that was decided by its ports
  /// or its bucket, that is remembered, and those that wait for it become ready. Of two first
  /// fragments of one datagram the newer counts: the older belongs to a datagram of the past, or
  /// one of them is forged, and then the stack that gets both discards them. True if other workers
  /// must hear of it, by the same call: a later fragment may come to any of them.
  bool learn(const packet::FrameView& view, const Decision& decision, base::TimePoint now) noexcept;

  /// A slot for a later fragment that must wait for its first. Nothing if all slots, or those of
  /// its source, are taken.
  [[nodiscard]] std::optional<Slot> park(const packet::FrameView& view,
                                         base::TimePoint now) noexcept;

  /// A frame whose first fragment has come since, in the order of arrival; its slot is free again.
  /// Nothing if there is none.
  [[nodiscard]] std::optional<Slot> take_ready() noexcept;

  /// Forgets old datagrams, a few at a time, and ends the waiting of those that waited for
  /// kParkingLife: their slots, free again. Call about once a millisecond; good until the next
  /// call.
  [[nodiscard]] std::span<const Slot> expire(base::TimePoint now) noexcept;

 private:
  static constexpr Slot kNoSlot = 0xffff;

  struct Datagram {
    packet::FlowKey key;  // see key_of()
    base::TimePoint learnt;
    Verdict verdict = Verdict::drop_fragment_unknown;
  };
  struct Room {
    std::array<std::uint32_t, kDatagramsPerRoom> ids{};  // beside the datagrams: quick to search
    std::array<Datagram, kDatagramsPerRoom> datagrams;
    std::size_t next = 0;  // where the next datagram goes: over the oldest
    Slot oldest_parked = kNoSlot;
    Slot newest_parked = kNoSlot;
    std::size_t parked = 0;
  };
  struct Parked {
    packet::FlowKey key;
    base::TimePoint since;
    Slot next = kNoSlot;  // of the same room, in order of arrival; or of the free ones
  };

  [[nodiscard]] static packet::FlowKey key_of(const packet::FrameView& view) noexcept;
  [[nodiscard]] std::size_t room_of(const packet::FlowKey& key) const noexcept;
  [[nodiscard]] static std::size_t position(const Room& room, const packet::FlowKey& key,
                                            std::uint32_t id) noexcept;
  void release(Room& room, const packet::FlowKey& key) noexcept;
  void unlink(Room& room, Slot before, Slot slot) noexcept;
  void free(Slot slot) noexcept;

  flow::KeyHash hash_;
  std::unique_ptr<std::array<Room, kSourceRooms>> rooms_;
  std::size_t hand_ = 0;  // which room is looked at next for old datagrams
  std::array<Parked, kParkingSlots> parked_;
  Slot first_free_ = 0;
  std::size_t waiting_ = 0;
  std::array<Slot, kParkingSlots> ready_{};  // a ring
  std::size_t first_ready_ = 0;
  std::size_t ready_count_ = 0;
  std::array<Slot, kParkingSlots> expired_{};
};

}  // namespace covey::forwarding
