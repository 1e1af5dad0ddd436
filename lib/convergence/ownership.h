// SPDX-License-Identifier: BSD-3-Clause
// Ownership: which buckets this host's workers accept, what it claims, and the order of a
// hand-over.
//
// Owner: convergence. Thread: the caller's, one at a time.
// Claims are the union of the table that is certainly in force and the one on its way to the
// workers, hence always a superset of what they accept: growing is claimed before it is done,
// giving up is claimed only when it is done. One table is under way at a time.
// next_own() is the hand-over rule: release once the new owner is proven alive in the same
// generation, acquire once every former claimant has announced that it stopped.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <vector>

#include "base/ids.h"
#include "bucket/bitmap.h"
#include "convergence/cluster_map.h"

namespace covey::convergence {

[[nodiscard]] Bitmaps no_buckets(const std::vector<std::uint32_t>& class_buckets);

class Ownership {
 public:
  explicit Ownership(const std::vector<std::uint32_t>& class_buckets);

  /// Own buckets in the newest table sent to the workers.
  [[nodiscard]] const Bitmaps& table() const { return table_; }
  [[nodiscard]] const Bitmaps& claims() const { return claims_; }
  [[nodiscard]] std::uint64_t claims_digest() const { return claims_digest_; }
  [[nodiscard]] bool under_way() const { return under_way_; }

  /// A table with these own buckets goes out now; the previous one must be confirmed.
  std::uint32_t install(Bitmaps own);
  /// A table in the classes of another configuration. Until it is confirmed, table() and claims()
  /// stay what they are, in the classes of the old one: it must not accept what they do not name.
  std::uint32_t install_other(Bitmaps own);
  /// The workers follow that table. False if it is not the one awaited.
  bool confirm(std::uint32_t install_id);

 private:
  Bitmaps table_;
  Bitmaps claims_;
  std::uint64_t claims_digest_;
  std::optional<Bitmaps> other_;  // under way, of another configuration
  bool under_way_ = false;
  std::uint32_t newest_id_ = 0;
};

/// What a member of the committed generation is known to claim.
struct MemberClaims {
  const Statement* part = nullptr;  // in the generation's proposal
  const Bitmaps* now = nullptr;     // newest known, null while it has not shown itself committed
};

struct HandOver {
  base::HostId self;
  base::HostSet members;
  const ClusterMap* map = nullptr;
  const Bitmaps* mine = nullptr;  // what the map gives to self
  const Bitmaps* table = nullptr;
  std::array<MemberClaims, base::kMaxHosts + 1> claims{};  // members; self: the part only
  bool orphans_free = false;           // no host outside the view can still be serving
  const Bitmaps* inherited = nullptr;  // where none can even so; null: nowhere
};

struct HandOverStep {
  Bitmaps own;
  std::uint32_t to_release = 0;  // still waiting for the new owner
  std::uint32_t to_acquire = 0;  // still waiting for a member to stop
  std::uint32_t orphans = 0;     // still waiting for hosts outside the view
};

[[nodiscard]] HandOverStep next_own(const HandOver& input);

}  // namespace covey::convergence
