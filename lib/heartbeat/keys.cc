// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/keys.h"

#include <sodium.h>

#include <algorithm>

#include "base/endian.h"

namespace covey::heartbeat {
namespace {

using base::ErrorCode;

// Numbers of the sub-keys and their context: part of the format, so two hosts derive the same ones.
constexpr char kContext[crypto_kdf_CONTEXTBYTES + 1] = "coveykey";
constexpr std::uint64_t kHeartbeatKey = 1;
constexpr std::uint64_t kBucketHashKey = 2;
constexpr std::uint64_t kMapScoreKey = 3;
constexpr std::uint64_t kClusterIdKey = 4;
constexpr std::uint64_t kCommandKey = 5;
constexpr std::uint64_t kMark = 6;

// The lasting secrets, one behind the other.
constexpr std::size_t kHashBytes = 16;
constexpr std::size_t kScoreAt = kHashBytes;
constexpr std::size_t kClusterIdAt = kScoreAt + kHashBytes;

static_assert(kKeyBytes == crypto_kdf_KEYBYTES);
static_assert(kClusterIdAt + kKeyBytes == kLastingBytes);

base::Result<void> ready() {
  // Returns 1 when somebody was here before; safe from several threads.
  if (sodium_init() < 0)
    return base::fail(ErrorCode::unavailable, "libsodium cannot be initialised");
  return {};
}

void derive(std::span<std::uint8_t> out, std::uint64_t number, const ClusterKey& key) {
  static_cast<void>(
      crypto_kdf_derive_from_key(out.data(), out.size(), number, kContext, key.data()));
}

std::uint64_t cluster_id(std::span<const std::uint8_t> key, std::string_view cluster_name) {
  const std::vector<std::uint8_t> name(cluster_name.begin(), cluster_name.end());
  std::array<std::uint8_t, crypto_generichash_BYTES_MIN> digest{};
  static_cast<void>(crypto_generichash(digest.data(), digest.size(), name.data(), name.size(),
                                       key.data(), key.size()));
  return base::load_be64(digest.data());
}

}  // namespace

const SealKey* find_key(std::span<const SealKey> keys, std::uint8_t id) {
  const auto found =
      std::ranges::find_if(keys, [id](const SealKey& key) { return key.held.id == id; });
  return found == keys.end() ? nullptr : &*found;
}

base::Result<LastingSecrets> lasting_secrets(const ClusterKey& first_key) {
  if (auto good = ready(); !good) return std::unexpected(good.error());
  LastingSecrets lasting{};
  const std::span<std::uint8_t> all(lasting);
  derive(all.first(kHashBytes), kBucketHashKey, first_key);
  derive(all.subspan(kScoreAt, kHashBytes), kMapScoreKey, first_key);
  derive(all.subspan(kClusterIdAt), kClusterIdKey, first_key);
  return lasting;
}

base::Result<SealKey> seal_key(const NumberedKey& key) {
  if (auto good = ready(); !good) return std::unexpected(good.error());
  SealKey seal;
  derive(seal.heartbeat, kHeartbeatKey, key.key);
  derive(seal.command, kCommandKey, key.key);
  std::array<std::uint8_t, crypto_kdf_BYTES_MIN> mark{};
  derive(mark, kMark, key.key);
  seal.held = {key.id, base::load_be32(mark.data())};
  return seal;
}

base::Result<DerivedKeys> derive_keys(const KeyRing& ring, std::string_view cluster_name) {
  DerivedKeys keys;
  for (const NumberedKey& key : ring.keys) {
    auto seal = seal_key(key);
    if (!seal) return std::unexpected(seal.error());
    keys.seals.push_back(*seal);
  }
  if (keys.seals.empty()) return base::fail(ErrorCode::invalid_argument, "no cluster key");
  const std::span<const std::uint8_t> lasting(ring.lasting);
  std::ranges::copy(lasting.first(kHashBytes), keys.bucket_hash.begin());
  std::ranges::copy(lasting.subspan(kScoreAt, kHashBytes), keys.map_score.begin());
  keys.cluster_id = cluster_id(lasting.subspan(kClusterIdAt), cluster_name);
  return keys;
}

base::Result<DerivedKeys> derive_keys(const ClusterKey& key, std::string_view cluster_name) {
  const auto ring = ring_of(key);
  if (!ring) return std::unexpected(ring.error());
  return derive_keys(*ring, cluster_name);
}

base::Result<ClusterKey> generate_key() {
  if (auto good = ready(); !good) return std::unexpected(good.error());
  ClusterKey key{};
  crypto_kdf_keygen(key.data());
  return key;
}

}  // namespace covey::heartbeat
