// SPDX-License-Identifier: BSD-3-Clause
// Big-endian integers at unaligned addresses: the only way our code reads or writes numbers on the
// wire.
//
// Owner: base. Thread: any; pure functions. The caller has checked the bounds (see byte_reader.h).
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>

namespace covey::base {

namespace detail {
template <typename T>
[[nodiscard]] constexpr T swap_bytes(T value) {
  if constexpr (sizeof(T) == 2) return static_cast<T>(__builtin_bswap16(value));
  if constexpr (sizeof(T) == 4) return static_cast<T>(__builtin_bswap32(value));
  if constexpr (sizeof(T) == 8) return static_cast<T>(__builtin_bswap64(value));
}
}  // namespace detail

template <typename T>
[[nodiscard]] inline T load_be(const std::uint8_t* at) {
  T value;
  std::memcpy(&value, at, sizeof(T));
  if constexpr (std::endian::native == std::endian::little) value = detail::swap_bytes(value);
  return value;
}

template <typename T>
inline void store_be(std::uint8_t* at, T value) {
  if constexpr (std::endian::native == std::endian::little) value = detail::swap_bytes(value);
  std::memcpy(at, &value, sizeof(T));
}

[[nodiscard]] inline std::uint16_t load_be16(const std::uint8_t* at) {
  return load_be<std::uint16_t>(at);
}
[[nodiscard]] inline std::uint32_t load_be32(const std::uint8_t* at) {
  return load_be<std::uint32_t>(at);
}
[[nodiscard]] inline std::uint64_t load_be64(const std::uint8_t* at) {
  return load_be<std::uint64_t>(at);
}
inline void store_be16(std::uint8_t* at, std::uint16_t value) {
  store_be(at, value);
}
inline void store_be32(std::uint8_t* at, std::uint32_t value) {
  store_be(at, value);
}
inline void store_be64(std::uint8_t* at, std::uint64_t value) {
  store_be(at, value);
}

[[nodiscard]] inline std::uint32_t load_le32(const std::uint8_t* at) {
  std::uint32_t value;
  std::memcpy(&value, at, sizeof(value));
  if constexpr (std::endian::native == std::endian::big) value = detail::swap_bytes(value);
  return value;
}

/// Little-endian 64-bit load, as SipHash defines its input words.
[[nodiscard]] inline std::uint64_t load_le64(const std::uint8_t* at) {
  std::uint64_t value;
  std::memcpy(&value, at, sizeof(value));
  if constexpr (std::endian::native == std::endian::big) value = detail::swap_bytes(value);
  return value;
}

}  // namespace covey::base
