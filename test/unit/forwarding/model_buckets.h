// SPDX-License-Identifier: BSD-3-Clause
// ModelBuckets: who takes new flows in which bucket, and how that changes hands.
//
// Owner: test/unit/forwarding. Thread: one. Each bucket has its generations. One names an heir;
// each host comes to follow it at a time of its own; when the holder and the heir do, the holder
// lets go, and only then the heir takes the bucket. What the tables of the hosts then say is
// written down here from who holds what, not from the code that computes it for real
// (lib/convergence). No host is two generations behind.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "model_host.h"

namespace covey::test {

class ModelBuckets {
 public:
  static constexpr std::size_t kHosts = 3;
  static constexpr std::size_t kNone = kHosts;  // no host

  struct Bucket {
    std::size_t holder = kNone;  // takes new flows
    std::size_t heir = kNone;    // shall take them in this generation
    std::size_t former = kNone;  // has let go in this generation
    base::TimePoint hands_on_until;
    std::array<bool, kHosts> follows{};
    std::uint64_t generation = 0;
    std::uint64_t term = 0;  // of a holder; the next one begins when it lets go
    std::uint64_t last_term = 0;

    /// At most one host has let go since.
    [[nodiscard]] bool has_hardly_moved(std::uint64_t since) const {
      return since == term || since == last_term;
    }
    [[nodiscard]] bool all_follow() const { return follows == std::array{true, true, true}; }
  };

  ModelBuckets(std::vector<ModelHost>& hosts, Random& random) : hosts_(hosts), random_(random) {}

  /// Those of another configuration: nobody has any.
  void begin();
  /// Some of what may change does.
  void change(base::TimePoint now);
  /// The host has begun anew, and without anything.
  void note_death(std::size_t host);

  [[nodiscard]] const Bucket& at(flow::Placement at) const {
    return buckets_[at.map_class.value][at.bucket.value];
  }
  /// The one other host that serves old flows there, if it is one.
  [[nodiscard]] std::size_t only_guest(flow::Placement at) const;
  [[nodiscard]] std::uint64_t moves() const { return moves_; }

 private:
  bool chance(std::uint64_t one_in) { return random_() % one_in == 0; }
  template <typename Visit>
  void for_each(Visit&& visit) {
    for (std::uint16_t c = 0; c < buckets_.size(); ++c) {
      for (std::uint32_t b = 0; b < buckets_[c].size(); ++b)
        visit(flow::Placement{{c}, {b}}, buckets_[c][b]);
    }
  }
  void begin_generation(Bucket& bucket, std::size_t heir);
  void follow(flow::Placement at, Bucket& bucket, std::size_t host);
  void let_go(flow::Placement at, Bucket& bucket, base::TimePoint now);
  void take(flow::Placement at, Bucket& bucket);
  void refresh(flow::Placement at, const Bucket& bucket, std::size_t host, base::TimePoint now);
  void end_term(Bucket& bucket);
  /// Others say that they serve old flows there; `besides` does not count.
  [[nodiscard]] bool is_residual_elsewhere(flow::Placement at, std::size_t host,
                                           std::size_t besides) const;

  std::vector<ModelHost>& hosts_;
  Random& random_;
  std::vector<std::vector<Bucket>> buckets_;  // by class
  std::uint64_t serial_ = 0;
  std::uint64_t moves_ = 0;
};

}  // namespace covey::test
