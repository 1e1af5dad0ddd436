// SPDX-License-Identifier: BSD-3-Clause
// ByteReader and ByteWriter: bounds-checked cursors over bytes from or for the outside.
//
// Owner: base. Thread: the caller's; a cursor is not shared.
// A reader that runs out of bytes becomes failed and stays so; every later read returns zero, so
// that decoders read straight down and check once at the end. Nothing is copied and nothing is cast
// onto the bytes.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "base/endian.h"

namespace covey::base {

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

  [[nodiscard]] bool ok() const { return !failed_; }
  [[nodiscard]] std::size_t remaining() const { return bytes_.size() - position_; }
  [[nodiscard]] std::size_t position() const { return position_; }
  /// Marks the reader failed: for a decoder that met a value it cannot accept.
  void fail() { failed_ = true; }

  [[nodiscard]] std::uint8_t u8() { return number<std::uint8_t>(); }
  [[nodiscard]] std::uint16_t be16() { return number<std::uint16_t>(); }
  [[nodiscard]] std::uint32_t be32() { return number<std::uint32_t>(); }
  [[nodiscard]] std::uint64_t be64() { return number<std::uint64_t>(); }

  /// The next `count` bytes, or an empty span and failure.
  [[nodiscard]] std::span<const std::uint8_t> bytes(std::size_t count) {
    if (failed_ || count > remaining()) {
      failed_ = true;
      return {};
    }
    const auto part = bytes_.subspan(position_, count);
    position_ += count;
    return part;
  }
  void skip(std::size_t count) { static_cast<void>(bytes(count)); }

 private:
  template <typename T>
  T number() {
    if (failed_ || sizeof(T) > remaining()) {
      failed_ = true;
      return 0;
    }
    const std::uint8_t* at = bytes_.data() + position_;
    position_ += sizeof(T);
    if constexpr (sizeof(T) == 1) {
      return *at;
    } else {
      return load_be<T>(at);
    }
  }

  std::span<const std::uint8_t> bytes_;
  std::size_t position_ = 0;
  bool failed_ = false;
};

/// Appends big-endian numbers and bytes to a growing buffer. Control plane only: it allocates.
class ByteWriter {
 public:
  void u8(std::uint8_t value) { bytes_.push_back(value); }
  void be16(std::uint16_t value) { number(value); }
  void be32(std::uint32_t value) { number(value); }
  void be64(std::uint64_t value) { number(value); }
  void bytes(std::span<const std::uint8_t> part) {
    bytes_.insert(bytes_.end(), part.begin(), part.end());
  }
  [[nodiscard]] std::size_t size() const { return bytes_.size(); }
  /// Overwrites two bytes written earlier, for lengths that are known only afterwards.
  void patch_be16(std::size_t at, std::uint16_t value) { store_be16(bytes_.data() + at, value); }
  [[nodiscard]] std::span<const std::uint8_t> view() const { return bytes_; }
  [[nodiscard]] std::vector<std::uint8_t> take() { return std::move(bytes_); }

 private:
  template <typename T>
  void number(T value) {
    const std::size_t at = bytes_.size();
    bytes_.resize(at + sizeof(T));
    store_be(bytes_.data() + at, value);
  }

  std::vector<std::uint8_t> bytes_;
};

}  // namespace covey::base
