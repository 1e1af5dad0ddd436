// SPDX-License-Identifier: BSD-3-Clause
#include "model_buckets.h"

namespace covey::test {

using bucket::BucketState;

void ModelBuckets::begin() {
  buckets_.clear();
  for (const std::uint32_t size : hosts_[0].sizes())
    buckets_.emplace_back(size);
  for_each([this](flow::Placement, Bucket& bucket) {
    end_term(bucket);
    end_term(bucket);
    begin_generation(bucket, random_() % kHosts);
  });
}

void ModelBuckets::change(base::TimePoint now) {
  if (chance(300)) {
    const std::uint64_t share = std::array{1U, 2U, 8U, 32U}[random_() % 4];
    for_each([&](flow::Placement, Bucket& bucket) {
      if (bucket.all_follow() && chance(share)) begin_generation(bucket, random_() % kHosts);
    });
  }
  if (chance(10)) {
    const std::size_t host = random_() % kHosts;
    for_each([&](flow::Placement at, Bucket& bucket) {
      if (!bucket.follows[host] && chance(2)) follow(at, bucket, host);
    });
  }
  if (chance(20)) {
    for_each([&](flow::Placement at, Bucket& bucket) {
      const bool is_to_move = bucket.holder != kNone && bucket.holder != bucket.heir;
      if (!is_to_move || !bucket.follows[bucket.holder] || !bucket.follows[bucket.heir]) return;
      if (chance(2)) let_go(at, bucket, now);
    });
  }
  if (chance(20)) {
    for_each([&](flow::Placement at, Bucket& bucket) {
      if (bucket.holder == kNone && bucket.follows[bucket.heir] && chance(2)) take(at, bucket);
    });
  }
  if (chance(50)) {
    const std::size_t host = random_() % kHosts;
    for_each([&](flow::Placement at, Bucket& bucket) { refresh(at, bucket, host, now); });
  }
}

void ModelBuckets::note_death(std::size_t host) {
  for_each([&](flow::Placement at, Bucket& bucket) {
    if (bucket.holder == host) {
      bucket.holder = kNone;
      end_term(bucket);
    }
    if (bucket.former == host) bucket.former = kNone;
    if (bucket.heir == host) {
      for (std::size_t other = 0; other < kHosts; ++other)
        if (other != host && !bucket.follows[other]) follow(at, bucket, other);
      begin_generation(bucket, (host + 1 + random_() % (kHosts - 1)) % kHosts);
    }
    // It has an empty table, which says nothing wrong in any generation.
    if (!bucket.follows[host]) follow(at, bucket, host);
  });
}

void ModelBuckets::begin_generation(Bucket& bucket, std::size_t heir) {
  bucket.heir = heir;
  bucket.former = kNone;
  bucket.follows = {};
  bucket.generation = ++serial_;
}

/// What it gave away it did so in another generation; whether it alone serves old flows it has yet
/// to hear.
void ModelBuckets::follow(flow::Placement at, Bucket& bucket, std::size_t host) {
  bucket.follows[host] = true;
  hosts_[host].set_owner(at, hosts_[bucket.heir].id);
  if (bucket.holder == host) return;
  hosts_[host].set_state(at, bucket.heir == host ? BucketState::awaited : BucketState::foreign);
}

void ModelBuckets::let_go(flow::Placement at, Bucket& bucket, base::TimePoint now) {
  ModelHost& host = hosts_[bucket.holder];
  host.set_state(at, BucketState::given_away);
  host.hands_on_until = bucket.hands_on_until = now + ModelHost::kHandOn;
  bucket.former = bucket.holder;
  bucket.holder = kNone;
  end_term(bucket);
}

void ModelBuckets::take(flow::Placement at, Bucket& bucket) {
  bucket.holder = bucket.heir;
  ++moves_;
  const bool is_dirty = is_residual_elsewhere(at, bucket.holder, kNone);
  hosts_[bucket.holder].set_state(at, is_dirty ? BucketState::own_dirty : BucketState::own);
}

/// Heartbeats tell where others serve old flows, and time passes.
void ModelBuckets::refresh(flow::Placement at, const Bucket& bucket, std::size_t host,
                           base::TimePoint now) {
  if (bucket.holder == host) {
    const bool is_dirty = is_residual_elsewhere(at, host, kNone);
    hosts_[host].set_state(at, is_dirty ? BucketState::own_dirty : BucketState::own);
    return;
  }
  if (!bucket.follows[host] || bucket.heir == host) return;
  const bool has_given_away = hosts_[host].state(at) == BucketState::given_away;
  if (has_given_away && now < hosts_[host].hands_on_until) return;
  const bool all_let_go = bucket.holder == kNone || bucket.holder == bucket.heir;
  const bool is_alone =
      hosts_[host].is_residual(at) && !is_residual_elsewhere(at, host, bucket.holder);
  const bool is_retained = bucket.all_follow() && all_let_go && is_alone;
  hosts_[host].set_state(at, is_retained ? BucketState::retained : BucketState::foreign);
}

void ModelBuckets::end_term(Bucket& bucket) {
  bucket.last_term = bucket.term;
  bucket.term = ++serial_;
}

bool ModelBuckets::is_residual_elsewhere(flow::Placement at, std::size_t host,
                                         std::size_t besides) const {
  for (std::size_t i = 0; i < kHosts; ++i) {
    if (i != host && i != besides && hosts_[i].is_residual(at)) return true;
  }
  return false;
}

std::size_t ModelBuckets::only_guest(flow::Placement at) const {
  std::size_t guest = kNone;
  for (std::size_t i = 0; i < kHosts; ++i) {
    if (i == this->at(at).holder || !hosts_[i].is_residual(at)) continue;
    if (guest != kNone) return kNone;
    guest = i;
  }
  return guest;
}

}  // namespace covey::test
