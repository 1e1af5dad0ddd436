// SPDX-License-Identifier: BSD-3-Clause
// Codec: Message <-> sealed frame payloads. Nothing is believed before its tag has been verified.
//
// Owner: heartbeat. Thread: the control thread owns a Codec. Source of the format:
// docs/wire-format.md. A message travels in 1..kMaxFragments fragments, each sealed by itself
// (keyed BLAKE2b-128 under a sub-key of the cluster key), so that a forged fragment never enters
// reassembly. Unknown trailing sections are skipped (newer minor versions); an unknown major
// version, cluster or key is refused and counted by reason. Replay is judged by the receiver of
// messages (nonce and sequence), not here.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "heartbeat/message.h"

namespace covey::heartbeat {

inline constexpr std::size_t kKeyBytes = 32;
inline constexpr std::size_t kTagBytes = 16;
inline constexpr std::size_t kMaxPayload = 1400;  // header and tag included; fits any usual MTU
inline constexpr unsigned kMaxFragments = 64;

using ClusterKey = std::array<std::uint8_t, kKeyBytes>;

/// Independent keys derived from the cluster key, one per use.
struct DerivedKeys {
  ClusterKey heartbeat;
  std::array<std::uint8_t, 16> bucket_hash;
  std::array<std::uint8_t, 16> map_score;
  std::uint64_t cluster_id = 0;  // from key and cluster name: separates clusters on one segment
};
/// Initialises the crypto library on first use; fails if it cannot.
[[nodiscard]] base::Result<DerivedKeys> derive_keys(const ClusterKey& key,
                                                    std::string_view cluster_name);

/// 64 lower-case hex digits, as the key file holds them.
[[nodiscard]] std::string key_to_hex(const ClusterKey& key);
[[nodiscard]] base::Result<ClusterKey> key_from_hex(std::string_view text);
[[nodiscard]] base::Result<ClusterKey> generate_key();

enum class OpenStatus : std::uint8_t {
  complete,    // a whole message
  incomplete,  // a good fragment; more are to come
  not_ours,    // another cluster on this segment
  bad_version,
  bad_tag,    // forged, damaged or under another key
  malformed,  // cut off, or sealed rightly but not decodable: a bug of the sender
};
inline constexpr std::size_t kOpenStatusCount = 6;
[[nodiscard]] std::string_view name(OpenStatus status);

struct Opened {
  OpenStatus status = OpenStatus::malformed;
  Message message;  // status complete only
};

class Codec {
 public:
  explicit Codec(const DerivedKeys& keys);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  /// The payloads (after the Ethernet header) of one message, in sending order.
  [[nodiscard]] base::Result<std::vector<std::vector<std::uint8_t>>> seal(
      const Message& message) const;
  /// Opens one payload; keeps at most one unfinished message per host.
  [[nodiscard]] Opened open(std::span<const std::uint8_t> payload);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace covey::heartbeat
