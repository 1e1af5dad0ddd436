// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/ownership.h"

#include <utility>

#include "base/assert.h"
#include "convergence/digest.h"

namespace covey::convergence {

using base::HostId;
using bucket::Bitmap;

Bitmaps no_buckets(const std::vector<std::uint32_t>& class_buckets) {
  Bitmaps bitmaps;
  for (const std::uint32_t buckets : class_buckets)
    bitmaps.emplace_back(buckets);
  return bitmaps;
}

Ownership::Ownership(const std::vector<std::uint32_t>& class_buckets)
    : table_(no_buckets(class_buckets)), claims_(table_), claims_digest_(digest_of(claims_)) {}

std::uint32_t Ownership::install(Bitmaps own) {
  COVEY_ASSERT(!under_way_);
  COVEY_ASSERT(own.size() == table_.size());
  other_.reset();
  for (std::size_t c = 0; c < own.size(); ++c)
    claims_[c] = united(table_[c], own[c]);
  claims_digest_ = digest_of(claims_);
  table_ = std::move(own);
  under_way_ = true;
  return ++newest_id_;
}

std::uint32_t Ownership::install_other(Bitmaps own) {
  COVEY_ASSERT(!under_way_);
  other_ = std::move(own);
  under_way_ = true;
  return ++newest_id_;
}

bool Ownership::confirm(std::uint32_t install_id) {
  if (!under_way_ || install_id != newest_id_) return false;
  under_way_ = false;
  if (other_) table_ = std::move(*other_);
  other_.reset();
  claims_ = table_;
  claims_digest_ = digest_of(claims_);
  return true;
}

namespace {

struct Claimants {
  Bitmap blocked;  // a member may have accepted it when frozen and has not shown that it stopped
  Bitmap anyone;   // some member, self included, claimed it when frozen
};

Claimants claimants(const HandOver& input, std::size_t map_class) {
  const Bitmap empty((*input.table)[map_class].size());
  Claimants result{.blocked = empty, .anyone = empty};
  input.members.for_each([&](HostId member) {
    const MemberClaims& claims = input.claims[member.value];
    const Bitmap& frozen = claims.part->claims[map_class];
    result.anyone = united(result.anyone, frozen);
    if (member == input.self) return;
    const bool anything = !claims.part->unaccounted.empty() && claims.part->unaccounted[map_class];
    const Bitmap before = anything ? all_buckets(frozen.size()) : frozen;
    result.blocked =
        united(result.blocked,
               claims.now == nullptr ? before : intersection(before, (*claims.now)[map_class]));
  });
  return result;
}

/// Own buckets that the map gives to a host seen committed, or to nobody.
Bitmap releasable(const HandOver& input, std::size_t map_class, const Bitmap& surplus) {
  Bitmap result(surplus.size());
  surplus.for_each([&](base::BucketIndex b) {
    const HostId owner = input.map->owners[map_class][b.value];
    if (owner.is_nobody() || input.claims[owner.value].now != nullptr) result.set(b);
  });
  return result;
}

}  // namespace

HandOverStep next_own(const HandOver& input) {
  HandOverStep step;
  for (std::size_t c = 0; c < input.table->size(); ++c) {
    const Bitmap& own = (*input.table)[c];
    const Bitmap& mine = (*input.mine)[c];
    const Bitmap surplus = without(own, mine);
    const Bitmap wanted = without(mine, own);
    if (surplus.none() && wanted.none()) {
      step.own.push_back(own);
      continue;
    }
    const Bitmap release = releasable(input, c, surplus);
    const Claimants others = claimants(input, c);
    const Bitmap blocked = intersection(wanted, others.blocked);
    Bitmap orphaned = without(wanted, others.anyone);
    if (input.orphans_free) orphaned = Bitmap(own.size());
    if (input.inherited != nullptr) orphaned = without(orphaned, (*input.inherited)[c]);
    const Bitmap acquire = without(without(wanted, blocked), orphaned);

    step.own.push_back(united(without(own, release), acquire));
    step.to_release += without(surplus, release).count();
    step.to_acquire += blocked.count();
    step.orphans += orphaned.count();
  }
  return step;
}

}  // namespace covey::convergence
