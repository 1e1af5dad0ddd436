// SPDX-License-Identifier: BSD-3-Clause
// What a long connection carries (lab-talk, lab-listen): two endless streams of bytes that follow
// from one seed, one in each direction, so that either end knows the next byte it must hear.
// Thread: any; plain values.
//
//   client: seed (8 bytes), then again and again: length (2 bytes), so many bytes of its stream
//   server: its host number (1 byte), then to each message: as many bytes of its own stream
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace covey::lab {

constexpr std::size_t kSeedBytes = 8;
constexpr std::size_t kLengthBytes = 2;
constexpr std::size_t kLongestMessage = 1200;  // with its length less than a segment

class Stream {
 public:
  explicit Stream(std::uint64_t seed) : state_(seed) {}

  void write(std::span<std::uint8_t> to) {
    for (std::uint8_t& octet : to)
      octet = next();
  }

  /// Whether these are the next bytes.
  bool continues_with(std::span<const std::uint8_t> heard) {
    for (const std::uint8_t octet : heard)
      if (octet != next()) return false;
    return true;
  }

  /// The next number of a seeded row (SplitMix64).
  std::uint64_t number() {
    state_ += 0x9e3779b97f4a7c15;
    std::uint64_t mixed = state_;
    mixed = (mixed ^ (mixed >> 30U)) * 0xbf58476d1ce4e5b9;
    mixed = (mixed ^ (mixed >> 27U)) * 0x94d049bb133111eb;
    return mixed ^ (mixed >> 31U);
  }

 private:
  std::uint8_t next() {
    if (left_ == 0) {
      word_ = number();
      left_ = sizeof word_;
    }
    const auto octet = static_cast<std::uint8_t>(word_);
    word_ >>= 8U;
    --left_;
    return octet;
  }

  std::uint64_t state_;
  std::uint64_t word_ = 0;
  std::size_t left_ = 0;
};

inline Stream client_stream(std::uint64_t seed) {
  return Stream(seed);
}

/// No two hosts say the same.
inline Stream server_stream(std::uint64_t seed, std::uint8_t host) {
  return Stream(~seed - host);
}

}  // namespace covey::lab
