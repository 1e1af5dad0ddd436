// SPDX-License-Identifier: BSD-3-Clause
// Sub-keys: what is used instead of the cluster keys themselves, one per use.
//
// Owner: heartbeat. Thread: any; pure functions. The numbers of the sub-keys are part of the wire
// format, see docs/wire-format.md. Seals follow from each key of the ring, so that they change with
// it; the rest follows from the lasting secrets and stays. Every function initialises the crypto
// library on first use and fails only if it cannot.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "heartbeat/key_ring.h"
#include "heartbeat/message.h"

namespace covey::heartbeat {

/// What one cluster key seals with.
struct SealKey {
  HeldKey held;
  ClusterKey heartbeat{};
  ClusterKey command{};
};

struct DerivedKeys {
  Secrets<SealKey> seals;  // older first, as in the ring
  std::array<std::uint8_t, 16> bucket_hash{};
  std::array<std::uint8_t, 16> map_score{};
  std::uint64_t cluster_id = 0;  // from the cluster name too: separates clusters on one segment
};

/// The one of that number, null if there is none.
[[nodiscard]] const SealKey* find_key(std::span<const SealKey> keys, std::uint8_t id);

[[nodiscard]] base::Result<LastingSecrets> lasting_secrets(const ClusterKey& first_key);
[[nodiscard]] base::Result<SealKey> seal_key(const NumberedKey& key);
[[nodiscard]] base::Result<DerivedKeys> derive_keys(const KeyRing& ring,
                                                    std::string_view cluster_name);
/// Of a ring with that key alone.
[[nodiscard]] base::Result<DerivedKeys> derive_keys(const ClusterKey& key,
                                                    std::string_view cluster_name);

}  // namespace covey::heartbeat
