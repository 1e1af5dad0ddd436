// SPDX-License-Identifier: BSD-3-Clause
// FlowTable: a hash table of flow entries in memory allocated once; and AgeQueue, entries by age.
//
// Owner: flow. Thread: one at a time, the owner of the FlowCache. Two arrays: entries of 64 bytes
// that never move, and an index of cache lines. An index line has 15 cells (8 bits of hash, the
// tag, and an entry number) and counts how many flows of this home line had to lie further on, so
// one line answers nearly every look-up, hit or miss, and a miss seldom touches an entry. Its tags
// lie together, to be compared at once.
//
//   line: | 15 tags (8 bits each) | 15 entry numbers (24 bits each) | overflow (32 bits) |
//
// It knows nothing of TCP, time or eviction: flow_cache.cc decides, this remembers.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <span>
#include <type_traits>

#ifdef __SSE2__
#include <immintrin.h>
#endif

#include "base/assert.h"
#include "base/endian.h"
#include "flow/key_hash.h"
#include "packet/flow_key.h"

namespace covey::flow {

enum class FlowState : std::uint8_t { none, half_open, established, lingering };

using EntryIndex = std::uint32_t;
inline constexpr EntryIndex kNoEntry = 0xffffffff;
inline constexpr std::uint32_t kMaxCapacity = 1U << 24U;  // what a line has room to number

struct alignas(64) Entry {
  packet::FlowKey key;
  std::uint32_t stamp = 0;      // ticks; what its expiry counts from
  std::uint32_t awaited = 0;    // see flow_cache.cc
  EntryIndex older = kNoEntry;  // neighbours in its AgeQueue, if it is in one
  EntryIndex newer = kNoEntry;  // likewise; in a free entry: the next free one
  std::uint16_t map_class = 0;
  std::uint16_t bucket = 0;
  FlowState state = FlowState::none;
  std::uint8_t marks = 0;       // see flow_cache.cc
  std::uint16_t placed_in = 0;  // the round of placements that map_class and bucket are of
};
static_assert(sizeof(Entry) == 64, "an entry is one cache line");

/// A look-up that has begun.
struct Sought {
  const Entry* first = nullptr;  // to be compared first; nothing: the first line has none
  std::uint32_t hash = 0;
  bool is_absent = false;  // nor has any other line
};

/// Zeros in memory that the system gives page by page, as it is touched: a large table costs what
/// is in it.
template <typename T>
class LazyArray {
  static_assert(std::is_trivially_copyable_v<T> && std::is_trivially_destructible_v<T>);

 public:
  explicit LazyArray(std::size_t size)
      : memory_(std::calloc(size + 1, sizeof(T))), size_(size) {  // one more, to align
    COVEY_ASSERT(memory_ != nullptr);
    void* first = memory_.get();
    std::size_t room = (size + 1) * sizeof(T);
    first_ = static_cast<T*>(std::align(alignof(T), size * sizeof(T), first, room));
  }
  [[nodiscard]] T& operator[](std::size_t at) noexcept { return first_[at]; }
  [[nodiscard]] const T& operator[](std::size_t at) const noexcept { return first_[at]; }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] std::span<std::byte> bytes() noexcept {
    return {reinterpret_cast<std::byte*>(first_), size_ * sizeof(T)};
  }

 private:
  struct Free {
    void operator()(void* memory) const noexcept { std::free(memory); }
  };
  std::unique_ptr<void, Free> memory_;
  T* first_ = nullptr;
  std::size_t size_;
};

class FlowTable {
 public:
  FlowTable(std::uint32_t capacity, std::uint64_t seed);
  FlowTable(const FlowTable&) = delete;
  FlowTable& operator=(const FlowTable&) = delete;

  [[nodiscard]] EntryIndex find(const packet::FlowKey& key) const noexcept {
    return find(key, hash_(key));
  }
  /// With hash(key), known already.
  [[nodiscard]] EntryIndex find(const packet::FlowKey& key, std::uint32_t hash) const noexcept {
    std::uint32_t at = home(hash);
    for (std::size_t visited = 0; visited < lines_.size(); ++visited) {
      const Line& line = lines_[at];
      for (std::uint32_t hits = line.with_tag(tag(hash)); hits != 0; hits &= hits - 1) {
        const EntryIndex entry = line.entry(static_cast<unsigned>(std::countr_zero(hits)));
        if (entries_[entry].key == key) return entry;
      }
      if (line.overflow == 0) break;
      at = next(at);
    }
    return kNoEntry;
  }
  /// Of a FlowKey, or of its words.
  template <typename Key>
  [[nodiscard]] std::uint32_t hash(const Key& key) const noexcept {
    return hash_(key);
  }
  /// What find() will touch first, and what it will touch then: each brings it closer.
  void prefetch_line(std::uint32_t hash) const noexcept { __builtin_prefetch(&lines_[home(hash)]); }
  /// Writes where the caller keeps it: copied as words it would have to wait for its last byte.
  void prefetch_entry(std::uint32_t hash, Sought& __restrict sought) const noexcept {
    const Line& line = lines_[home(hash)];
    const std::uint32_t hits = line.with_tag(tag(hash));
    sought.hash = hash;
    if (hits == 0) [[unlikely]] {
      sought.first = nullptr;
      sought.is_absent = line.overflow == 0;
      return;
    }
    sought.first = &entries_[line.entry(static_cast<unsigned>(std::countr_zero(hits)))];
    sought.is_absent = false;
    __builtin_prefetch(sought.first);
  }

  [[nodiscard]] bool has_room() const noexcept {
    return first_free_ != kNoEntry || touched_ < capacity();
  }
  /// A blank entry for a key that is not in the table; has_room() must hold.
  [[nodiscard]] EntryIndex insert(const packet::FlowKey& key) noexcept;
  /// The entry must be in use and in no AgeQueue.
  void erase(EntryIndex entry) noexcept;

  [[nodiscard]] Entry& operator[](EntryIndex entry) noexcept { return entries_[entry]; }
  [[nodiscard]] const Entry& operator[](EntryIndex entry) const noexcept { return entries_[entry]; }
  [[nodiscard]] std::uint32_t capacity() const noexcept {
    return static_cast<std::uint32_t>(entries_.size());
  }
  /// All entries that were ever in use are below.
  [[nodiscard]] EntryIndex touched() const noexcept { return touched_; }
  /// The memory of both arrays, in which nothing must be changed.
  [[nodiscard]] std::array<std::span<std::byte>, 2> memory() noexcept {
    return {entries_.bytes(), lines_.bytes()};
  }
  /// When all of it is in use.
  [[nodiscard]] std::size_t memory_bytes() const noexcept {
    return entries_.size() * sizeof(Entry) + lines_.size() * sizeof(Line);
  }

 private:
  static constexpr unsigned kCells = 15;
  static constexpr unsigned kMeanLoad = 8;  // at capacity; a line then overflows with chance 0.8 %

  struct alignas(64) Line {
    static constexpr std::size_t kEntryBytes = 3;

    std::array<std::uint8_t, kCells> tags{};                   // 0: empty (no flow has it)
    std::array<std::uint8_t, kCells * kEntryBytes> entries{};  // little-endian
    std::uint32_t overflow = 0;

    /// Set of cells whose tag is `wanted`.
    [[nodiscard]] std::uint32_t with_tag(std::uint32_t wanted) const noexcept {
#ifdef __SSE2__
      // The sixteenth is no tag.
      const __m128i sixteen = _mm_load_si128(reinterpret_cast<const __m128i*>(this));
      const __m128i equal = _mm_cmpeq_epi8(sixteen, _mm_set1_epi8(static_cast<char>(wanted)));
      return static_cast<std::uint32_t>(_mm_movemask_epi8(equal)) & ((1U << kCells) - 1);
#else
      std::uint32_t hits = 0;
      for (unsigned i = 0; i < kCells; ++i)
        hits |= std::uint32_t{tags[i] == wanted} << i;
      return hits;
#endif
    }
    /// Behind the last number there is the overflow, so four bytes can be read of each.
    [[nodiscard]] EntryIndex entry(unsigned cell) const noexcept {
      const auto* line = reinterpret_cast<const std::uint8_t*>(this);
      return base::load_le32(line + kCells + cell * kEntryBytes) & (kMaxCapacity - 1);
    }
    /// Set of cells, the lowest of which has both; empty if none has.
    [[nodiscard]] std::uint32_t cells_of(std::uint32_t tag, EntryIndex wanted) const noexcept {
      std::uint32_t hits = with_tag(tag);
      while (hits != 0 && entry(static_cast<unsigned>(std::countr_zero(hits))) != wanted)
        hits &= hits - 1;
      return hits;
    }
    void put(unsigned cell, std::uint32_t tag, EntryIndex entry) noexcept {
      tags[cell] = static_cast<std::uint8_t>(tag);
      for (unsigned i = 0; i < kEntryBytes; ++i)
        entries[cell * kEntryBytes + i] = static_cast<std::uint8_t>(entry >> 8U * i);
    }
  };
  static_assert(sizeof(Line) == 64);

  // The line comes from the upper 24 bits of the hash, the tag from the lower 8.
  [[nodiscard]] std::uint32_t home(std::uint32_t hash) const noexcept {
    return (hash >> 8U) & line_mask_;
  }
  [[nodiscard]] static std::uint32_t tag(std::uint32_t hash) noexcept {
    const std::uint32_t low = hash & 0xffU;
    return low == 0 ? 1 : low;
  }
  [[nodiscard]] std::uint32_t next(std::uint32_t line) const noexcept {
    return (line + 1) & line_mask_;
  }

  KeyHash hash_;
  LazyArray<Entry> entries_;
  LazyArray<Line> lines_;
  std::uint32_t line_mask_;
  EntryIndex first_free_ = kNoEntry;  // of those that were in use
  EntryIndex touched_ = 0;
};

/// Entries in the order in which they were pushed; all operations take constant time. An entry is
/// in at most one queue.
class AgeQueue {
 public:
  [[nodiscard]] EntryIndex oldest() const noexcept { return oldest_; }
  void push_newest(FlowTable& table, EntryIndex entry) noexcept;
  void remove(FlowTable& table, EntryIndex entry) noexcept;

 private:
  EntryIndex oldest_ = kNoEntry;
  EntryIndex newest_ = kNoEntry;
};

}  // namespace covey::flow
