// SPDX-License-Identifier: BSD-3-Clause
// The body of siphash_avx2.cc and siphash_avx512.cc, which differ in the width of the registers.
//
// Owner: bucket, internal. Thread: any; pure. Everything here has internal linkage and calls
// nothing from elsewhere: these files are compiled for processors that the rest of the program must
// not ask for.
#pragma once

#include <cstddef>
#include <cstdint>

namespace covey::bucket::lanes {

/// Columns of words as in HashInputs, all with room for whole registers behind `size`.
struct Columns {
  const std::uint64_t* first;
  const std::uint64_t* second;
  const std::uint64_t* third;
  const std::uint64_t* counts;  // from least to most, of those whose hash is wanted
  std::size_t size;
  std::uint32_t least;
  std::uint32_t most;
  std::uint64_t* hashes;
};

/// As in HashContest, with room for whole registers behind `size`.
struct Contest {
  const std::uint64_t* messages;
  std::size_t size;
  const std::uint64_t* rivals;
  std::size_t rival_count;
  std::uint64_t* winners;
};

void hash_avx2(std::uint64_t k0, std::uint64_t k1, const Columns& columns) noexcept;
void hash_avx512(std::uint64_t k0, std::uint64_t k1, const Columns& columns) noexcept;
void contest_avx2(std::uint64_t k0, std::uint64_t k1, const Contest& contest) noexcept;
void contest_avx512(std::uint64_t k0, std::uint64_t k1, const Contest& contest) noexcept;

namespace {

/// `groups` registers of `width` lanes advance together, since each step waits for the one before.
template <unsigned width, unsigned groups>
class Lanes {
 public:
  static void hash(std::uint64_t k0, std::uint64_t k1, const Columns& columns) noexcept {
    constexpr std::size_t kStep = std::size_t{width} * groups;
    for (std::size_t at = 0; at < columns.size; at += kStep) {
      Lanes lanes(k0, k1);
      lanes.absorb(columns.first + at);
      lanes.absorb_further(columns, columns.second, at, 2);
      lanes.absorb_further(columns, columns.third, at, 3);
      lanes.finish();
      for (unsigned g = 0; g < groups; ++g)
        reinterpret_cast<Word*>(columns.hashes + at)[g] = lanes.hash(g);
    }
  }

  /// The rivals take turns in all lanes, each of which remembers who was best.
  static void contest(std::uint64_t k0, std::uint64_t k1, const Contest& contest) noexcept {
    constexpr std::size_t kStep = std::size_t{width} * groups;
    for (std::size_t at = 0; at < contest.size; at += kStep) {
      const Word* messages = reinterpret_cast<const Word*>(contest.messages + at);
      Word highest[groups] = {};
      Word winner[groups] = {};
      for (std::uint64_t rival = 0; rival < contest.rival_count; ++rival) {
        Lanes lanes(k0, k1);
        Word words[groups];
        for (unsigned g = 0; g < groups; ++g)
          words[g] = messages[g] | contest.rivals[rival];
        lanes.absorb(reinterpret_cast<const std::uint64_t*>(words));
        lanes.finish();
        for (unsigned g = 0; g < groups; ++g) {
          const Word hash = lanes.hash(g);
          const Mask is_higher = hash > highest[g];
          highest[g] = is_higher ? hash : highest[g];
          winner[g] = is_higher ? Word{} + rival : winner[g];
        }
      }
      for (unsigned g = 0; g < groups; ++g)
        reinterpret_cast<Word*>(contest.winners + at)[g] = winner[g];
    }
  }

 private:
  using Word [[gnu::vector_size(width * 8)]] = std::uint64_t;
  using Mask [[gnu::vector_size(width * 8)]] = std::int64_t;

  Lanes(std::uint64_t k0, std::uint64_t k1) {
    for (unsigned g = 0; g < groups; ++g) {
      v0_[g] = Word{} + (k0 ^ 0x736f6d6570736575U);
      v1_[g] = Word{} + (k1 ^ 0x646f72616e646f6dU);
      v2_[g] = Word{} + (k0 ^ 0x6c7967656e657261U);
      v3_[g] = Word{} + (k1 ^ 0x7465646279746573U);
    }
  }

  /// The word with that number (from 1), in lanes whose message has one.
  void absorb_further(const Columns& columns, const std::uint64_t* words, std::size_t at,
                      std::uint32_t number) {
    if (columns.most < number) return;
    const Lanes before = *this;
    absorb(words + at);
    if (columns.least < number) take_back(before, columns.counts + at, number);
  }
  void absorb(const std::uint64_t* words) {
    Word word[groups];
    for (unsigned g = 0; g < groups; ++g)
      word[g] = reinterpret_cast<const Word*>(words)[g];
    for (unsigned g = 0; g < groups; ++g)
      v3_[g] ^= word[g];
    round();
    for (unsigned g = 0; g < groups; ++g)
      v0_[g] ^= word[g];
  }
  /// In lanes whose message has fewer words than that.
  void take_back(const Lanes& before, const std::uint64_t* counts, std::int64_t words) {
    for (unsigned g = 0; g < groups; ++g) {
      const Mask is_shorter = reinterpret_cast<const Mask*>(counts)[g] < words;
      v0_[g] = is_shorter ? before.v0_[g] : v0_[g];
      v1_[g] = is_shorter ? before.v1_[g] : v1_[g];
      v2_[g] = is_shorter ? before.v2_[g] : v2_[g];
      v3_[g] = is_shorter ? before.v3_[g] : v3_[g];
    }
  }
  void finish() {
    for (unsigned g = 0; g < groups; ++g)
      v2_[g] ^= Word{} + 0xffU;
    round();
    round();
    round();
  }
  /// After finish().
  [[nodiscard]] Word hash(unsigned g) const { return v0_[g] ^ v1_[g] ^ v2_[g] ^ v3_[g]; }

  static Word rotl(Word word, unsigned bits) { return (word << bits) | (word >> (64 - bits)); }

  /// As in SipState, for all groups before the next step.
  void round() {
    for (unsigned g = 0; g < groups; ++g) {
      v0_[g] += v1_[g];
      v2_[g] += v3_[g];
    }
    for (unsigned g = 0; g < groups; ++g) {
      v1_[g] = rotl(v1_[g], 13) ^ v0_[g];
      v3_[g] = rotl(v3_[g], 16) ^ v2_[g];
      v0_[g] = rotl(v0_[g], 32);
    }
    for (unsigned g = 0; g < groups; ++g) {
      v2_[g] += v1_[g];
      v0_[g] += v3_[g];
    }
    for (unsigned g = 0; g < groups; ++g) {
      v1_[g] = rotl(v1_[g], 17) ^ v2_[g];
      v3_[g] = rotl(v3_[g], 21) ^ v0_[g];
      v2_[g] = rotl(v2_[g], 32);
    }
  }

  Word v0_[groups];
  Word v1_[groups];
  Word v2_[groups];
  Word v3_[groups];
};

}  // namespace

}  // namespace covey::bucket::lanes
