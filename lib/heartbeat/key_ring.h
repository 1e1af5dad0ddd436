// SPDX-License-Identifier: BSD-3-Clause
// KeyRing: the cluster keys of a host, as its key file holds them, and the rules of rotation.
//
// Owner: heartbeat. Thread: any; pure functions. docs/operations.md tells the procedure.
// A ring has one key, or an old and a new one while the cluster rotates. What must not change with
// the key (bucket hash, scores, cluster id) is kept beside the keys as `lasting` secrets: otherwise
// a rotation would move every bucket, and a host that joins later would compute another map. The
// file has two forms: 64 hex digits (one key of number 0, the lasting secrets follow from it), and
// lines `key ID HEX` (older first) with one line `hash HEX`, blank lines and # comments. Keys are
// kept in locked memory; the lasting secrets are not, workers hash with them.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "heartbeat/message.h"
#include "heartbeat/secret.h"

namespace covey::heartbeat {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kLastingBytes = 64;
inline constexpr std::size_t kMaxKeyFile = 2048;  // two keys, the hash line, some comments

using ClusterKey = std::array<std::uint8_t, kKeyBytes>;
using LastingSecrets = std::array<std::uint8_t, kLastingBytes>;

struct NumberedKey {
  std::uint8_t id = 0;
  ClusterKey key{};
  friend bool operator==(const NumberedKey&, const NumberedKey&) = default;
};

struct KeyRing {
  Secrets<NumberedKey> keys;  // older first; 1..kMaxKeys
  LastingSecrets lasting{};
  friend bool operator==(const KeyRing&, const KeyRing&) = default;
};

/// 64 lower-case hex digits.
[[nodiscard]] std::string key_to_hex(const ClusterKey& key);
[[nodiscard]] base::Result<ClusterKey> key_from_hex(std::string_view text);
[[nodiscard]] base::Result<ClusterKey> generate_key();

/// The ring of a cluster that never rotated its key.
[[nodiscard]] base::Result<KeyRing> ring_of(const ClusterKey& key);
/// The contents of a key file. Errors (invalid_argument) name the line and never repeat it: it may
/// be most of a real key.
[[nodiscard]] base::Result<KeyRing> ring_from_text(std::string_view text);
/// Always the form with lines.
[[nodiscard]] std::string ring_to_text(const KeyRing& ring);

/// What a host tells the others about its keys; no secret.
[[nodiscard]] base::Result<std::vector<HeldKey>> held_keys(const KeyRing& ring);

/// The ring with the key of `given`, a key file's text, as the newest. A bare key gets the next
/// number; a file with lines must be of the same cluster and its newest key keeps its number.
/// Errors: refused (two keys already, this key already, a number in use, another cluster).
[[nodiscard]] base::Result<KeyRing> with_key(const KeyRing& ring, std::string_view given);
/// The ring without that key. Errors: not_found, refused (the only one).
[[nodiscard]] base::Result<KeyRing> without_key(const KeyRing& ring, std::uint8_t id);

/// The key to seal with: the newest of ours that every other host holds, else our oldest. A host
/// that says nothing about its keys is of an earlier version and holds one key, number 0.
[[nodiscard]] std::uint8_t choose_key(std::span<const HeldKey> ours,
                                      std::span<const std::vector<HeldKey>> others);
/// Whether a host holds that key (number and mark).
[[nodiscard]] bool holds(const std::vector<HeldKey>& keys, const HeldKey& key);

}  // namespace covey::heartbeat
