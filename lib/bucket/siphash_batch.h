// SPDX-License-Identifier: BSD-3-Clause
// Many SipHash-1-3 at once, in the lanes of vector registers: what one hash waits for, another
// computes.
//
// Owner: bucket. Thread: any; pure. The same numbers as SipState<1, 3> gives, whatever the
// processor: the widest variant it has is chosen when the program starts.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <span>

#include "bucket/siphash.h"

namespace covey::bucket {

/// Messages to be hashed together, at most kCapacity. At positions where none was put there is one
/// from before, whose hash nobody wants.
class HashInputs {
 public:
  static constexpr std::size_t kCapacity = 64;

  /// Which lengths there are: bit n for n words. Whoever puts messages keeps it in a register: as a
  /// member, each message would wait for the store of the one before.
  using Lengths = std::uint32_t;

  void put(std::size_t at, const HashWords& words, Lengths& lengths) noexcept {
    third_[at] = words.third;
    put_short(at, words.first, words.second, words.count, lengths);
  }
  /// A message of at most two words.
  void put_short(std::size_t at, std::uint64_t first, std::uint64_t second, std::uint64_t count,
                 Lengths& lengths) noexcept {
    first_[at] = first;
    second_[at] = second;
    counts_[at] = count;
    lengths |= 1U << count;
  }
  /// That was all: `size` positions, and at one of them at least a message.
  void close(std::size_t size, Lengths lengths) noexcept {
    size_ = size;
    lengths_ = lengths;
  }
  /// Where messages lie by position, for who puts several at once.
  struct Columns {
    std::uint64_t* first;
    std::uint64_t* second;
    std::uint64_t* third;
    std::uint64_t* counts;
  };
  [[nodiscard]] Columns columns() noexcept {
    return {first_.data(), second_.data(), third_.data(), counts_.data()};
  }
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  [[nodiscard]] const std::uint64_t* first() const noexcept { return first_.data(); }
  [[nodiscard]] const std::uint64_t* second() const noexcept { return second_.data(); }
  [[nodiscard]] const std::uint64_t* third() const noexcept { return third_.data(); }
  /// How many words each has, as wide as the words so that lanes correspond; those that were put
  /// have least() to most().
  [[nodiscard]] const std::uint64_t* counts() const noexcept { return counts_.data(); }
  [[nodiscard]] std::uint32_t least() const noexcept {
    return static_cast<std::uint32_t>(std::countr_zero(lengths_));
  }
  [[nodiscard]] std::uint32_t most() const noexcept {
    return static_cast<std::uint32_t>(std::bit_width(lengths_)) - 1;
  }

 private:
  using Column = std::array<std::uint64_t, kCapacity>;
  alignas(64) Column first_{};
  alignas(64) Column second_{};
  alignas(64) Column third_{};
  alignas(64) Column counts_{};
  std::size_t size_ = 0;
  Lengths lengths_ = 0;
};

/// In the order of the inputs; what lies behind their number is undefined.
struct HashOutputs {
  alignas(64) std::array<std::uint64_t, HashInputs::kCapacity> hashes;
};

void siphash13_batch(const SipKey& key, const HashInputs& inputs, HashOutputs& outputs) noexcept;

/// Messages of one word each, and rivals: words that go into every message by a bitwise or, one
/// rival at a time. Which of them gives it the highest hash?
struct HashContest {
  static constexpr std::size_t kCapacity = 64;
  alignas(64) std::array<std::uint64_t, kCapacity> messages{};
  std::array<std::uint64_t, kCapacity> rivals{};
  std::uint32_t size = 0;         // messages
  std::uint32_t rival_count = 0;  // at least one
};
/// By message: the position of its rival, the first of several that give the highest hash. What
/// lies behind their number is undefined.
struct HashWinners {
  alignas(64) std::array<std::uint64_t, HashContest::kCapacity> rivals;
};

void siphash13_contest(const SipKey& key, const HashContest& contest,
                       HashWinners& winners) noexcept;

/// The variants this processor can run, the one in use first; for tests and benchmarks.
struct HashVariant {
  const char* name;
  void (*hash)(const SipKey& key, const HashInputs& inputs, HashOutputs& outputs) noexcept;
  void (*contest)(const SipKey& key, const HashContest& contest, HashWinners& winners) noexcept;
};
[[nodiscard]] std::span<const HashVariant> hash_variants() noexcept;

}  // namespace covey::bucket
