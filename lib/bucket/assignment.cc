// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/assignment.h"

#include <algorithm>
#include <array>
#include <bit>
#include <numeric>
#include <optional>
#include <span>
#include <utility>

#include "base/assert.h"
#include "bucket/siphash_batch.h"

namespace covey::bucket {
namespace {

using base::BucketIndex;
using base::HostId;

/// The one word that a score hashes: that of the bucket alone, or-ed with that of the host alone.
std::uint64_t score_word(BucketIndex bucket, HostId host) noexcept {
  const std::uint64_t input = std::uint64_t{std::byteswap(bucket.value)} | std::uint64_t{host.value}
                                                                               << 32U;
  return detail::last_word(input, 5);
}

/// Members are handled by rank, their position after sorting by id, so that a set of members is one
/// word and ascending ranks are ascending ids.
using RankSet = std::uint64_t;
using Rank = std::uint8_t;
constexpr Rank kFree = 0xff;

std::vector<MemberClaim> sorted_by_id(const std::vector<MemberClaim>& members) {
  COVEY_ASSERT(members.size() <= base::kMaxHosts);
  std::vector<MemberClaim> sorted = members;
  std::sort(sorted.begin(), sorted.end(),
            [](const MemberClaim& a, const MemberClaim& b) { return a.host < b.host; });
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    COVEY_ASSERT(sorted[i].host.is_valid());
    COVEY_ASSERT(i == 0 || sorted[i - 1].host < sorted[i].host);
  }
  return sorted;
}

std::uint32_t claimed_below(const Bitmap* claims, std::uint32_t buckets) {
  if (claims == nullptr) return 0;
  if (claims->size() <= buckets) return claims->count();
  std::uint32_t total = 0;
  claims->for_each([&](BucketIndex b) { total += b.value < buckets ? 1U : 0U; });
  return total;
}

/// A member's exact share is floor + remainder / total weight; `surplus` is what it claims beyond
/// the floor.
struct Share {
  std::uint32_t floor = 0;
  std::uint64_t remainder = 0;
  std::int64_t surplus = 0;
};

std::vector<std::uint32_t> quotas_of_sorted(std::uint32_t buckets,
                                            const std::vector<MemberClaim>& sorted) {
  std::uint64_t total = 0;
  for (const MemberClaim& member : sorted)
    total += member.weight;
  std::vector<std::uint32_t> result(sorted.size(), 0);
  if (total == 0) return result;

  std::vector<Share> shares(sorted.size());
  std::uint32_t left = buckets;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    const std::uint64_t scaled = std::uint64_t{buckets} * sorted[i].weight;
    shares[i].floor = static_cast<std::uint32_t>(scaled / total);
    shares[i].remainder = scaled % total;
    shares[i].surplus =
        std::int64_t{claimed_below(sorted[i].claims, buckets)} - std::int64_t{shares[i].floor};
    result[i] = shares[i].floor;
    left -= shares[i].floor;
  }
  // The tie rule looks at the surplus and not at the plain number held: with different floors only
  // the surplus tells whom one more bucket spares a move. The sort is stable, so that what is still
  // equal stays in id order.
  std::vector<std::size_t> order(sorted.size());
  std::iota(order.begin(), order.end(), std::size_t{0});
  std::stable_sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
    if (shares[a].remainder != shares[b].remainder) {
      return shares[a].remainder > shares[b].remainder;
    }
    return shares[a].surplus > shares[b].surplus;
  });
  for (std::uint32_t i = 0; i < left; ++i)
    ++result[order[i]];
  return result;
}

/// The steps of the assignment, in the order in which they are called.
class Assigner {
 public:
  Assigner(const SipKey& key, std::uint32_t buckets, const std::vector<MemberClaim>& members)
      : key_(key),
        members_(sorted_by_id(members)),
        quotas_(quotas_of_sorted(buckets, members_)),
        claimants_(buckets, 0),
        owners_(buckets, kFree) {
    for (std::size_t rank = 0; rank < members_.size(); ++rank) {
      if (members_[rank].claims == nullptr) continue;
      members_[rank].claims->for_each([&](BucketIndex b) {
        if (b.value < buckets) claimants_[b.value] |= RankSet{1} << rank;
      });
    }
  }

  /// Nobody competes for these, and settle_contested() must know all of them.
  void keep_uncontested() {
    for (std::uint32_t b = 0; b < owners_.size(); ++b) {
      if (std::has_single_bit(claimants_[b])) {
        give(b, static_cast<Rank>(std::countr_zero(claimants_[b])));
      }
    }
    for (std::size_t rank = 0; rank < members_.size(); ++rank) {
      if (held_[rank] < quotas_[rank]) under_quota_ |= RankSet{1} << rank;
    }
  }

  void settle_contested() {
    for (std::uint32_t b = 0; b < owners_.size(); ++b) {
      if (std::popcount(claimants_[b]) < 2) continue;
      const RankSet wanting = claimants_[b] & under_quota_;
      give_and_count(b, highest_score(b, wanting != 0 ? wanting : claimants_[b]));
    }
  }

  void release_surplus() {
    std::array<std::vector<Scored>, base::kMaxHosts> over;
    for (std::uint32_t b = 0; b < owners_.size(); ++b) {
      const Rank rank = owners_[b];
      if (rank != kFree && held_[rank] > quotas_[rank]) {
        over[rank].push_back({score(key_, {b}, members_[rank].host), b});
      }
    }
    for (std::size_t rank = 0; rank < members_.size(); ++rank) {
      if (over[rank].empty()) continue;
      const std::uint32_t surplus = held_[rank] - quotas_[rank];
      std::nth_element(over[rank].begin(), over[rank].begin() + surplus, over[rank].end(), lower);
      for (std::uint32_t i = 0; i < surplus; ++i)
        owners_[over[rank][i].bucket] = kFree;
      held_[rank] = quotas_[rank];
    }
  }

  void place_free() {
    Chunk chunk;
    for (std::uint32_t b = 0; b < owners_.size(); ++b) {
      if (owners_[b] != kFree) continue;
      chunk.buckets[chunk.size++] = b;
      if (chunk.size == chunk.buckets.size()) place(std::exchange(chunk, {}));
    }
    place(chunk);
  }

  [[nodiscard]] bool anyone_has_weight() const {
    return std::any_of(members_.begin(), members_.end(),
                       [](const MemberClaim& member) { return member.weight > 0; });
  }
  [[nodiscard]] std::vector<HostId> owners() const {
    std::vector<HostId> result(owners_.size(), base::kNobody);
    for (std::size_t b = 0; b < owners_.size(); ++b) {
      if (owners_[b] != kFree) result[b] = members_[owners_[b]].host;
    }
    return result;
  }

 private:
  /// Buckets that are placed with one look at the members, since hashes are quickest side by side.
  struct Chunk {
    std::array<std::uint32_t, HashContest::kCapacity> buckets;
    std::size_t size = 0;
  };
  struct Scored {
    std::uint64_t score = 0;
    std::uint32_t bucket = 0;
  };
  /// Equal scores: the higher index is given up first.
  static bool lower(const Scored& a, const Scored& b) {
    return a.score != b.score ? a.score < b.score : a.bucket > b.bucket;
  }

  void give(std::uint32_t bucket, Rank rank) {
    owners_[bucket] = rank;
    ++held_[rank];
  }
  void give_and_count(std::uint32_t bucket, Rank rank) {
    give(bucket, rank);
    if (held_[rank] >= quotas_[rank]) under_quota_ &= ~(RankSet{1} << rank);
  }

  /// Who is preferred among many is preferred among fewer, as long as he is one of them: only where
  /// he has met his quota meanwhile the others are looked at again.
  void place(const Chunk& chunk) {
    if (chunk.size == 0) return;
    std::array<Rank, base::kMaxHosts> ranks;
    HashContest contest;
    for (RankSet rest = under_quota_; rest != 0; rest &= rest - 1) {
      const Rank rank = static_cast<Rank>(std::countr_zero(rest));
      ranks[contest.rival_count] = rank;
      contest.rivals[contest.rival_count++] = score_word({}, members_[rank].host);
    }
    for (std::size_t i = 0; i < chunk.size; ++i)
      contest.messages[contest.size++] = score_word({chunk.buckets[i]}, {});
    HashWinners winners;
    siphash13_contest(key_, contest, winners);
    for (std::size_t i = 0; i < chunk.size; ++i) {
      const Rank preferred = ranks[winners.rivals[i]];
      const bool wants = (under_quota_ >> preferred & 1U) != 0;
      const std::uint32_t bucket = chunk.buckets[i];
      give_and_count(bucket, wants ? preferred : highest_score(bucket, under_quota_));
    }
  }

  /// `candidates` is not empty. Ranks ascend, so the first of equals is the lower id.
  [[nodiscard]] Rank highest_score(std::uint32_t bucket, RankSet candidates) const {
    if (std::has_single_bit(candidates)) return static_cast<Rank>(std::countr_zero(candidates));
    Rank best = kFree;
    std::uint64_t best_score = 0;
    for (RankSet rest = candidates; rest != 0; rest &= rest - 1) {
      const Rank rank = static_cast<Rank>(std::countr_zero(rest));
      const std::uint64_t candidate = score(key_, {bucket}, members_[rank].host);
      if (best == kFree || candidate > best_score) {
        best = rank;
        best_score = candidate;
      }
    }
    return best;
  }

  SipKey key_;
  std::vector<MemberClaim> members_;
  std::vector<std::uint32_t> quotas_;                  // by rank
  std::array<std::uint32_t, base::kMaxHosts> held_{};  // by rank
  RankSet under_quota_ = 0;
  std::vector<RankSet> claimants_;  // by bucket
  std::vector<Rank> owners_;        // by bucket
};

}  // namespace

std::uint64_t score(const SipKey& key, BucketIndex bucket, HostId host) noexcept {
  return siphash13_words(key, {.first = score_word(bucket, host), .count = 1});
}

std::vector<HostId> assign(const SipKey& key, std::uint32_t buckets,
                           const std::vector<MemberClaim>& members) {
  Assigner assigner(key, buckets, members);
  assigner.keep_uncontested();
  assigner.settle_contested();
  if (assigner.anyone_has_weight()) {
    assigner.release_surplus();
    assigner.place_free();
  }
  return assigner.owners();
}

std::vector<std::uint32_t> quotas(std::uint32_t buckets, const std::vector<MemberClaim>& members) {
  return quotas_of_sorted(buckets, sorted_by_id(members));
}

HostId elect(const std::vector<MemberPriority>& members) {
  std::optional<MemberPriority> best;
  for (const MemberPriority& member : members) {
    if (!member.eligible) continue;
    const bool better = !best || member.priority < best->priority ||
                        (member.priority == best->priority && member.host < best->host);
    if (better) best = member;
  }
  return best ? best->host : base::kNobody;
}

std::uint64_t digest(const std::vector<HostId>& owners) {
  static_assert(sizeof(HostId) == 1, "owners are hashed as bytes");
  const std::span bytes(reinterpret_cast<const std::uint8_t*>(owners.data()), owners.size());
  return siphash13(SipKey{}, bytes);
}

}  // namespace covey::bucket
