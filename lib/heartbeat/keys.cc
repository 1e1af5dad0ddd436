// SPDX-License-Identifier: BSD-3-Clause
#include <sodium.h>

#include <algorithm>

#include "base/endian.h"
#include "heartbeat/codec.h"

namespace covey::heartbeat {
namespace {

using base::ErrorCode;

// Numbers of the sub-keys and their context: part of the format, so two hosts derive the same ones.
constexpr char kContext[crypto_kdf_CONTEXTBYTES + 1] = "coveykey";
constexpr std::uint64_t kHeartbeatKey = 1;
constexpr std::uint64_t kBucketHashKey = 2;
constexpr std::uint64_t kMapScoreKey = 3;
constexpr std::uint64_t kClusterIdKey = 4;

static_assert(kKeyBytes == crypto_kdf_KEYBYTES);

base::Result<void> ready() {
  // Returns 1 when somebody was here before; safe from several threads.
  if (sodium_init() < 0)
    return base::fail(ErrorCode::unavailable, "libsodium cannot be initialised");
  return {};
}

template <std::size_t size>
void derive(std::array<std::uint8_t, size>& out, std::uint64_t number, const ClusterKey& key) {
  static_assert(size >= crypto_kdf_BYTES_MIN && size <= crypto_kdf_BYTES_MAX);
  static_cast<void>(
      crypto_kdf_derive_from_key(out.data(), out.size(), number, kContext, key.data()));
}

}  // namespace

base::Result<DerivedKeys> derive_keys(const ClusterKey& key, std::string_view cluster_name) {
  if (auto good = ready(); !good) return std::unexpected(good.error());
  DerivedKeys keys{};
  derive(keys.heartbeat, kHeartbeatKey, key);
  derive(keys.bucket_hash, kBucketHashKey, key);
  derive(keys.map_score, kMapScoreKey, key);
  ClusterKey name_key{};
  derive(name_key, kClusterIdKey, key);
  const std::vector<std::uint8_t> name(cluster_name.begin(), cluster_name.end());
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> digest{};
  static_cast<void>(crypto_generichash(digest.data(), digest.size(), name.data(), name.size(),
                                       name_key.data(), name_key.size()));
  keys.cluster_id = base::load_be64(digest.data());
  sodium_memzero(name_key.data(), name_key.size());
  return keys;
}

std::string key_to_hex(const ClusterKey& key) {
  constexpr std::string_view digits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t byte : key) {
    text += digits[byte >> 4U];
    text += digits[byte & 15U];
  }
  return text;
}

base::Result<ClusterKey> key_from_hex(std::string_view text) {
  // A file ends with a newline; nothing else may stand around the digits.
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  if (text.size() != 2 * kKeyBytes || !std::ranges::all_of(text, digit)) {
    // The text is never repeated: it may be most of a real key.
    return base::fail(ErrorCode::invalid_argument,
                      "a cluster key is 64 lower-case hexadecimal digits");
  }
  const auto value = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  ClusterKey key{};
  for (std::size_t i = 0; i < key.size(); ++i) {
    key[i] = static_cast<std::uint8_t>(value(text[2 * i]) * 16 + value(text[2 * i + 1]));
  }
  return key;
}

base::Result<ClusterKey> generate_key() {
  if (auto good = ready(); !good) return std::unexpected(good.error());
  ClusterKey key{};
  crypto_kdf_keygen(key.data());
  return key;
}

}  // namespace covey::heartbeat
