// SPDX-License-Identifier: BSD-3-Clause
// RandomCluster: members whose weights and claims change as a cluster's do, to test assign() with.
//
// Owner: test support. Thread: any. Everything follows from the seed. A cluster lives through
// events (several joins, leaves and weight changes at once); after each, accept() makes the owners
// that assign() gave the claims of the next event. scramble_claims() makes claims that overlap and
// leave gaps, as after a partition or lost heartbeats.
#pragma once

#include <algorithm>
#include <cstdint>
#include <random>
#include <vector>

#include "base/ids.h"
#include "bucket/assignment.h"

namespace covey::test_support {

class RandomCluster {
 public:
  struct Member {
    base::HostId host;
    std::uint32_t weight = 0;
    bucket::Bitmap claims;
  };

  RandomCluster(std::mt19937_64& random, std::uint32_t buckets, unsigned most_hosts)
      : random_(random), buckets_(buckets), most_hosts_(most_hosts), key_{random(), random()} {
    join(below(most_hosts) + 1);
  }

  /// One to three kinds of change at once; at least one member stays.
  void happen() {
    const unsigned kinds = below(7) + 1;
    if ((kinds & 1U) != 0) leave(below(8) + 1);
    if ((kinds & 2U) != 0) join(below(8) + 1);
    if ((kinds & 4U) != 0) reweigh(below(8) + 1);
  }
  void accept(const std::vector<base::HostId>& owners) {
    for (Member& member : members_)
      member.claims = bucket::Bitmap(buckets_);
    for (std::uint32_t b = 0; b < owners.size(); ++b) {
      for (Member& member : members_) {
        if (member.host == owners[b]) member.claims.set({b});
      }
    }
  }
  void scramble_claims() {
    for (Member& member : members_) {
      const unsigned percent = below(4) == 0 ? 0 : below(101);
      for (std::uint32_t b = 0; b < buckets_; ++b) {
        if (below(100) < percent) member.claims.set({b});
      }
    }
  }
  void drain_all() {
    for (Member& member : members_)
      member.weight = 0;
  }

  [[nodiscard]] const bucket::SipKey& key() const { return key_; }
  [[nodiscard]] std::uint32_t buckets() const { return buckets_; }
  [[nodiscard]] const std::vector<Member>& members() const { return members_; }
  [[nodiscard]] std::vector<bucket::MemberClaim> claims() const {
    std::vector<bucket::MemberClaim> result;
    for (const Member& member : members_) {
      result.push_back({member.host, member.weight, &member.claims});
    }
    return result;
  }

 private:
  [[nodiscard]] unsigned below(unsigned limit) { return static_cast<unsigned>(random_() % limit); }
  [[nodiscard]] std::uint32_t some_weight() {
    switch (below(4)) {
      case 0:
        return 50;
      case 1:
        return below(11) * 10;
      default:
        return below(101);
    }
  }
  void join(unsigned count) {
    for (unsigned i = 0; i < count && members_.size() < most_hosts_; ++i) {
      const base::HostId host{static_cast<std::uint8_t>(below(base::kMaxHosts) + 1)};
      const bool taken = std::any_of(members_.begin(), members_.end(),
                                     [&](const Member& member) { return member.host == host; });
      if (!taken) members_.push_back({host, some_weight(), bucket::Bitmap(buckets_)});
    }
  }
  void leave(unsigned count) {
    for (unsigned i = 0; i < count && members_.size() > 1; ++i) {
      members_.erase(members_.begin() + below(static_cast<unsigned>(members_.size())));
    }
  }
  void reweigh(unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
      members_[below(static_cast<unsigned>(members_.size()))].weight = some_weight();
    }
  }

  std::mt19937_64& random_;
  std::uint32_t buckets_;
  unsigned most_hosts_;
  bucket::SipKey key_;
  std::vector<Member> members_;
};

}  // namespace covey::test_support
