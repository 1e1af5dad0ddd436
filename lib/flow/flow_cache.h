// SPDX-License-Identifier: BSD-3-Clause
// FlowCache: which TCP connections the local stack really holds, so that they outlive a move of
// their bucket.
//
// Owner: flow. Thread: one worker owns a cache and alone calls it; statistics() and the counts by
// bucket may be read by any thread. Memory is allocated at construction and never grows. All keys
// are seen from the client (packet::FlowKey). It decides nothing about frames: forwarding asks and
// tells.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "base/time.h"
#include "flow/bucket_counts.h"
#include "flow/flow_table.h"
#include "flow/settings.h"
#include "packet/flow_key.h"

namespace covey::flow {

// From the SYN-ACK on, or from what the client sent last. Linux repeats a SYN-ACK after 1, 3, 7,
// 15... s, so a living handshake never ages out before its third retry, and a flood leaves no trace
// for long.
inline constexpr base::Duration kHalfOpenLife = std::chrono::seconds(8);
// A flood of SYNs that our stack answers takes no more room than this; the oldest gives way.
inline constexpr std::uint32_t kMaxHalfOpen = 65536;
// Who answers datagrams answers forged ones too: they get no more than this part of the room.
inline constexpr std::uint32_t kUdpShare = 4;  // a quarter
// Late retransmissions of a finished flow; counts from the last segment.
inline constexpr base::Duration kLinger = std::chrono::minutes(2);
// A living connection answers within this, be it with a challenge ACK (RFC 5961).
inline constexpr base::Duration kDoubtLife = std::chrono::seconds(30);
inline constexpr base::Duration kPressureIdle = std::chrono::minutes(5);
// Times are kept in ticks of 2^22 ns (about 4 ms) in 32 bits, which wrap after 208 days.
inline constexpr unsigned kTickShift = 22;
inline constexpr base::Duration kTick{1 << kTickShift};
inline constexpr base::Duration kMaxIdle = std::chrono::hours(24 * 30);

/// What the cache needs to see of a TCP segment, in either direction.
struct Segment {
  std::uint8_t flags = 0;  // packet::TcpFlags
  std::uint32_t sequence = 0;
  std::uint32_t acknowledgement = 0;
  bool has_data = false;
};

struct Found {
  FlowState state = FlowState::none;
  std::uint32_t expected_ack = 0;  // half_open only: our initial sequence number + 1
  /// Established and lingering: what our stack awaits next from the client. Superseded: the first
  /// number behind the SYN that was refused.
  std::uint32_t next_sequence = 0;
  bool superseded = false;  // established: the client may have begun anew with another host
  bool disowned = false;    // half_open: another host may have answered
  bool withheld = false;    // half_open: likewise, and other hosts have not been told of the entry
  bool overheard = false;   // half_open: all that is known is a bare ACK of our stack

  /// Half open: whether the client has heard our stack. A bare ACK may have been a question whether
  /// the client is there, which repeats the last number.
  [[nodiscard]] bool is_proof(std::uint32_t acknowledgement) const {
    return acknowledgement == expected_ack || (overheard && acknowledgement == expected_ack + 1);
  }
};

struct Statistics {
  std::uint64_t established = 0;  // live entries now
  std::uint64_t half_open = 0;    // likewise
  std::uint64_t lingering = 0;    // entries now, with those that are disowned
  std::uint64_t created = 0;
  std::uint64_t expired = 0;
  std::uint64_t evicted = 0;    // gave way to newer flows
  std::uint64_t untracked = 0;  // segments that found no room: a sticky sign of small capacity

  /// A drained host is done when this is zero.
  [[nodiscard]] std::uint64_t live() const { return established + half_open; }
};

/// An entry is *half open* from the SYN-ACK our own stack sent (at most kHalfOpenLife without sign
/// of life). It becomes *established* when the client names the number of that SYN-ACK, which only
/// who received it knows, and when our own stack sends any segment that is neither SYN-ACK nor RST
/// (a SYN of its own included), which a kernel does only for a real socket. One exception: a bare
/// ACK right behind the SYN-ACK, for so a kernel answers a second SYN that has another number than
/// the first. A bare ACK of a flow that is not known may be such an answer, too, since a kernel
/// remembers a SYN for longer: the entry is half open until the client names that number, or our
/// stack sends anything but that ACK again. Hence neither a SYN flood nor a flood of stray ACKs
/// fills the table with connections that do not exist. FIN both ways starts a linger (kLinger);
/// silence longer than tcp_idle expires an entry. A RST our stack sends ends an entry at once. A
/// client's RST does too if our stack must have believed it (half open, or exactly the sequence
/// number it awaits); any other may come from somebody who guesses, so the flow is merely in doubt:
/// the next segment our stack sends clears the doubt, else the entry ends after kDoubtLife. A
/// refused SYN makes an established entry *superseded*: the next refused segment ends it, the next
/// segment our stack sends proves that it lives. A refused SYN or a withheld SYN-ACK makes a
/// half-open entry *disowned*: another host may have answered, so no SYN-ACK is to leave. After a
/// withheld one, and once its time is up after a refused SYN, it is only remembered: it is not
/// live, and ends after kLinger, which is longer than a stack repeats a SYN-ACK.
///
/// A UDP conversation is established by the first datagram our own stack sends in it, and ends when
/// it was silent for udp_idle.
///
/// When full, the oldest half-open entry gives way, then the oldest lingering one, then one that
/// has been idle for kPressureIdle (the oldest of a few examined), else the flow is not tracked and
/// that is counted. Expiry is incremental; an entry whose time is up is served until expire()
/// reaches it.
class FlowCache {
 public:
  /// `counts` are complete: there is no flow yet. `seed` is a secret random number per cache: it
  /// keys the hash, so that clients cannot choose ports that collide.
  FlowCache(const Settings& settings, std::shared_ptr<BucketCounts> counts, std::uint64_t seed);
  /// With counts of its own, for a cache that never follows another configuration.
  FlowCache(const Settings& settings, const std::vector<std::uint32_t>& class_sizes,
            std::uint64_t seed)
      : FlowCache(settings, std::make_shared<BucketCounts>(class_sizes, true), seed) {}
  FlowCache(const FlowCache&) = delete;
  FlowCache& operator=(const FlowCache&) = delete;

  /// Looks without changing anything (also what explain uses).
  [[nodiscard]] Found find(const packet::FlowKey& key) const noexcept {
    return found(table_.find(key));
  }
  /// False if find() finds nothing for any flow placed there: far cheaper than looking, and in a
  /// cluster most frames are of buckets in which a host holds nothing.
  [[nodiscard]] bool may_hold(Placement placement) const noexcept {
    return counts_->is_occupied(placement) || places_again();
  }
  /// A look-up in steps, for many flows side by side: begin all, fetch all, go on with all, then
  /// find. In a large cache each step waits for memory, which the one before it has asked for; and
  /// where to ask is found in page tables, which holds up what comes behind. So the steps that ask
  /// do nothing else: many of them wait together. The cache must not change between.
  /// Begins with a FlowKey or its words, and returns what to go on with.
  template <typename Key>
  [[nodiscard]] std::uint32_t begin(const Key& key) const noexcept {
    return table_.hash(key);
  }
  void fetch(std::uint32_t hash) const noexcept { table_.prefetch_line(hash); }
  void go_on(std::uint32_t hash, Sought& sought) const noexcept {
    table_.prefetch_entry(hash, sought);
  }
  [[nodiscard]] Found find(const packet::FlowKey& key, const Sought& sought) const noexcept {
    if (sought.is_absent) return {};
    const bool is_it = sought.first != nullptr && sought.first->key == key;
    return is_it ? found(*sought.first) : found(table_.find(key, sought.hash));
  }
  /// The quick look: true only if find() finds the flow established and not superseded. False says
  /// nothing: the flow may not be the first to be compared.
  [[nodiscard]] static bool is_in_use(const packet::FlowKey& key, const Sought& sought) noexcept {
    return sought.first != nullptr && sought.first->key == key &&
           sought.first->state == FlowState::established &&
           (sought.first->marks & kSuperseded) == 0;
  }

  /// A delivered inbound segment of a flow. True if the state changed (ended, closing, in doubt) in
  /// a way other workers must learn of, by the same call on their cache.
  bool note_inbound(const packet::FlowKey& key, const Segment& segment,
                    base::TimePoint now) noexcept;
  /// An inbound segment of a flow that was not delivered, because it belongs to a new connection on
  /// the same ports. A lingering or superseded flow ends; an established one becomes superseded by
  /// a SYN, a half-open one disowned: its client asks again, and another host answers. True as
  /// above.
  bool note_refused(const packet::FlowKey& key, const Segment& segment) noexcept;
  /// A segment the local stack sent (key already reversed to the client's view). True as above
  /// (created, promoted, closing, ended, doubt cleared).
  bool note_egress(const packet::FlowKey& key, const Segment& segment, Placement placement,
                   base::TimePoint now) noexcept;

  /// A connection that the local stack has from before. False if there is no room.
  bool take_over(const packet::FlowKey& key, Placement placement, base::TimePoint now) noexcept {
    const bool is_known = table_.find(key) != kNoEntry;
    return is_known || create(key, FlowState::established, placement, now) != kNoEntry;
  }

  /// A SYN-ACK of the local stack that was not let out: its later repetitions must not leave
  /// either, even if this host gets the bucket back, until the client's SYN is delivered again.
  /// True as above.
  bool note_withheld(const packet::FlowKey& key, const Segment& segment, Placement placement,
                     base::TimePoint now) noexcept;

  /// Examines up to `budget` entries for expiry; call regularly with a small budget.
  void expire(base::TimePoint now, std::uint32_t budget) noexcept;

  /// From now on placements are those of another configuration, and counted here. What the cache
  /// holds is to be placed again: `counts` are not complete until place_again() has seen it all.
  void follow(std::shared_ptr<BucketCounts> counts) noexcept;
  [[nodiscard]] bool places_again() const noexcept { return placing_at_ != kNoEntry; }
  /// Places up to `budget` more entries where place(key) says, an optional<Placement>; nothing ends
  /// the entry.
  template <typename Place>
  void place_again(std::uint32_t budget, Place&& place) noexcept {
    for (std::uint32_t i = 0; i < budget && places_again(); ++i) {
      if (is_to_be_placed(placing_at_)) set_place(placing_at_, place(table_[placing_at_].key));
      if (++placing_at_ < table_.touched()) continue;
      placing_at_ = kNoEntry;
      counts_->complete();
    }
  }

  /// Live entries (half open and established) by bucket. Those that linger do not count: all they
  /// still need is an answer to a late retransmission, and without one the client's side ends by
  /// itself.
  [[nodiscard]] const BucketCounts& counts() const noexcept { return *counts_; }
  /// Any thread; each number is a moment's value.
  [[nodiscard]] Statistics statistics() const noexcept;
  /// Its tables, for who has advice for the system about such memory: with small pages, to look
  /// something up in a large table means to look up its page first, in memory. Nothing in there
  /// must be changed.
  [[nodiscard]] std::array<std::span<std::byte>, 2> tables() noexcept { return table_.memory(); }
  /// All memory the cache holds.
  [[nodiscard]] std::size_t memory_bytes() const noexcept;

  struct Listed {
    packet::FlowKey key;
    FlowState state = FlowState::none;
    std::optional<Placement> placement;  // nothing: still to be placed again
    base::Duration idle{};
  };
  /// Up to `limit` flows; with a class or a bucket those that are placed there.
  struct Wanted {
    std::size_t limit = 0;
    std::optional<base::ClassIndex> map_class = std::nullopt;
    std::optional<base::BucketIndex> bucket = std::nullopt;
  };
  /// A list in the making, for people; owner thread only.
  struct Listing {
    Wanted wanted;
    EntryIndex next = 0;
    std::vector<Listed> flows = {};
  };
  /// Looks at up to `budget` more entries; true once the list is complete.
  [[nodiscard]] bool go_on(Listing& listing, base::TimePoint now, std::uint32_t budget) const;
  /// The whole list at once.
  [[nodiscard]] std::vector<Listed> list(base::TimePoint now, const Wanted& wanted) const;

 private:
  // The marks of an entry that find() must know; the others are in flow_cache.cc.
  static constexpr std::uint8_t kSuperseded = 0x08;
  static constexpr std::uint8_t kWithheld = 0x10;    // half open: our SYN-ACK was not let out
  static constexpr std::uint8_t kAskedAgain = 0x20;  // half open: the client, and not us
  static constexpr std::uint8_t kDisowned = kWithheld | kAskedAgain;
  static constexpr std::uint8_t kOverheard = 0x40;  // half open: begun by a bare ACK

  struct Counters {
    Counter<std::uint64_t> established, half_open, lingering, created, expired, evicted, untracked;
  };

  /// Where an entry is counted.
  struct Counted {
    Counter<std::uint64_t>* kind = nullptr;
    Placement place;
    bool is_placed = false;
    bool is_live = false;
  };

  [[nodiscard]] Found found(EntryIndex entry) const noexcept {
    return entry == kNoEntry ? Found{} : found(table_[entry]);
  }
  [[nodiscard]] static Found found(const Entry& flow) noexcept {
    if (flow.state == FlowState::half_open) {
      return {.state = flow.state,
              .expected_ack = flow.awaited,
              .disowned = (flow.marks & kDisowned) != 0,
              .withheld = (flow.marks & kWithheld) != 0,
              .overheard = (flow.marks & kOverheard) != 0};
    }
    return {.state = flow.state,
            .next_sequence = flow.awaited,
            .superseded = (flow.marks & kSuperseded) != 0};
  }
  /// Whether this completes a handshake. Who only pretends to be the client cannot know the number.
  [[nodiscard]] static bool is_proof(const Entry& flow, const Segment& segment) noexcept;

  bool note_client_reset(EntryIndex entry, std::uint32_t sequence, base::TimePoint now) noexcept;
  bool note_syn_ack(EntryIndex entry, const packet::FlowKey& key, std::uint32_t expected_ack,
                    Placement placement, base::TimePoint now) noexcept;
  bool overhear(const packet::FlowKey& key, std::uint32_t sequence, Placement placement,
                base::TimePoint now) noexcept;
  void withhold(EntryIndex entry, base::TimePoint now) noexcept;
  void end(EntryIndex entry, base::TimePoint now) noexcept;
  bool note_own_segment(EntryIndex entry, const Segment& segment, base::TimePoint now) noexcept;
  void evict(EntryIndex entry) noexcept;
  bool note_fin(EntryIndex entry, std::uint8_t mark, base::TimePoint now) noexcept;

  [[nodiscard]] EntryIndex create(const packet::FlowKey& key, FlowState state, Placement placement,
                                  base::TimePoint now) noexcept;
  void become(EntryIndex entry, FlowState state, base::TimePoint now) noexcept;
  void doubt(EntryIndex entry, base::TimePoint now) noexcept;
  void refresh(EntryIndex entry, base::TimePoint now) noexcept;
  void erase(EntryIndex entry) noexcept;
  void enter(EntryIndex entry, base::TimePoint now) noexcept;
  [[nodiscard]] Counted take_out(EntryIndex entry) noexcept;
  void cancel(const Counted& counted) noexcept;
  template <typename Change>
  void change(EntryIndex entry, base::TimePoint now, Change&& how) noexcept;

  [[nodiscard]] bool make_room(base::TimePoint now) noexcept;
  [[nodiscard]] EntryIndex oldest_idle_nearby(base::TimePoint now) noexcept;
  [[nodiscard]] std::uint32_t expire_queue(const AgeQueue& queue, std::uint32_t life,
                                           base::TimePoint now, std::uint32_t budget) noexcept;
  void expire_idle(base::TimePoint now, std::uint32_t budget) noexcept;
  [[nodiscard]] std::uint32_t idle_life_of(const Entry& entry) const noexcept;

  [[nodiscard]] AgeQueue* queue_of(const Entry& entry) noexcept;
  [[nodiscard]] Counter<std::uint64_t>* counter_of(const Entry& entry) noexcept;
  [[nodiscard]] static bool is_live(const Entry& entry) noexcept {
    return entry.state != FlowState::lingering && (entry.marks & kWithheld) == 0;
  }
  [[nodiscard]] bool is_to_be_placed(EntryIndex entry) const noexcept {
    return table_[entry].state != FlowState::none && table_[entry].placed_in != placement_round_;
  }
  void set_place(EntryIndex entry, const std::optional<Placement>& placement) noexcept;
  [[nodiscard]] static Placement place_of(const Entry& flow) noexcept {
    return {{flow.map_class}, {flow.bucket}};
  }

  FlowTable table_;
  AgeQueue half_open_;
  AgeQueue lingering_;
  AgeQueue doubted_;
  EntryIndex hand_ = 0;               // where the sweep over established entries goes on
  EntryIndex placing_at_ = kNoEntry;  // where place_again() goes on
  std::uint16_t placement_round_ = 0;
  std::uint32_t idle_life_;      // ticks; of TCP and SCTP
  std::uint32_t udp_life_;       // ticks; of UDP that is no tunnel
  std::uint32_t ipsec_life_;     // ticks; of IPsec and L2TP
  std::uint32_t gre_life_;       // ticks
  std::uint32_t pressure_life_;  // ticks
  std::uint32_t udp_entries_ = 0;
  Counters counters_;
  std::shared_ptr<BucketCounts> counts_;
};

}  // namespace covey::flow
