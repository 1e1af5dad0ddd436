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

/// Messages to be hashed together, at most kCapacity.
class HashInputs {
 public:
  static constexpr std::size_t kCapacity = 64;

  /// How many messages there are, and of which lengths. Whoever writes them keeps it in registers:
  /// as members, each message would wait for the store of the one before.
  struct Extent {
    std::uint32_t size = 0;
    std::uint32_t lengths = 0;  // bit n: one has n words
  };

  /// The next message.
  void add(const HashWords& words, Extent& extent) noexcept {
    first_[extent.size] = words.first;
    second_[extent.size] = words.second;
    third_[extent.size] = words.third;
    counts_[extent.size] = words.count;
    extent.lengths |= 1U << words.count;
    ++extent.size;
  }
  /// That was all.
  void close(const Extent& extent) noexcept { extent_ = extent; }
  [[nodiscard]] std::size_t size() const noexcept { return extent_.size; }
  [[nodiscard]] const std::uint64_t* first() const noexcept { return first_.data(); }
  [[nodiscard]] const std::uint64_t* second() const noexcept { return second_.data(); }
  [[nodiscard]] const std::uint64_t* third() const noexcept { return third_.data(); }
  /// How many words each has, as wide as the words so that lanes correspond; all are least() to
  /// most().
  [[nodiscard]] const std::uint64_t* counts() const noexcept { return counts_.data(); }
  [[nodiscard]] std::uint32_t least() const noexcept {
    return static_cast<std::uint32_t>(std::countr_zero(extent_.lengths));
  }
  [[nodiscard]] std::uint32_t most() const noexcept {
    return static_cast<std::uint32_t>(std::bit_width(extent_.lengths)) - 1;
  }

 private:
  using Column = std::array<std::uint64_t, kCapacity>;
  alignas(64) Column first_{};
  alignas(64) Column second_{};
  alignas(64) Column third_{};
  alignas(64) Column counts_{};
  Extent extent_;
};

/// In the order of the inputs; what lies behind their number is undefined.
struct HashOutputs {
  alignas(64) std::array<std::uint64_t, HashInputs::kCapacity> hashes;
};

void siphash13_batch(const SipKey& key, const HashInputs& inputs, HashOutputs& outputs) noexcept;

/// The variants this processor can run, the one in use first; for tests and benchmarks.
struct HashVariant {
  const char* name;
  void (*hash)(const SipKey& key, const HashInputs& inputs, HashOutputs& outputs) noexcept;
};
[[nodiscard]] std::span<const HashVariant> hash_variants() noexcept;

}  // namespace covey::bucket
