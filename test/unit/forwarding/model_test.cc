// SPDX-License-Identifier: BSD-3-Clause
// The forwarding core and the flow cache of a whole cluster against a plain reference: random
// frames while buckets move, hosts die and rules change. 0 differences, and S8, S9, S10 hold (see
// model_cluster.h). COVEY_TEST_CASES sets how many times a frame is decided (default 1,000,000),
// COVEY_TEST_SEED the seed.
#include "model_cluster.h"
#include "support/environment.h"

using namespace covey;
using forwarding::Verdict;

TEST_CASE("hosts decide as the reference does, and connections stay where they are") {
  const std::uint64_t seed = test::from_environment("COVEY_TEST_SEED", 77);
  const std::uint64_t frames = test::from_environment("COVEY_TEST_CASES", 1'000'000);
  WARN("seed " << seed << ", " << frames << " frames");
  test::ModelCluster cluster(seed);
  for (std::uint64_t step = 0; cluster.counts().frames < frames; ++step) {
    INFO("seed " << seed << ", step " << step);
    cluster.step();
    if (step % 1000 == 0) cluster.check_everything();
  }
  cluster.check_everything();
  const test::ModelCounts& counts = cluster.counts();
  WARN(counts.held_in_foreign_buckets
       << " segments of connections in buckets of other hosts, " << cluster.moves()
       << " buckets moved, " << counts.configurations << " changes of rules, " << counts.deaths
       << " deaths");
  WARN(counts.verdicts[static_cast<std::size_t>(Verdict::hand_on)]
       << " frames sent on, " << counts.sent_on_late << " of them SYNs whose answer was late, "
       << counts.taken_after_waiting << " SYNs taken after waiting, " << counts.datagrams_sent_on
       << " datagrams taken that were sent on, " << counts.datagrams_of_guests
       << " in buckets of other hosts");
  CHECK(counts.held_in_foreign_buckets > frames / 100);
  CHECK(cluster.moves() > frames / 100);
  // A short run may see none of what is rare.
  CHECK(counts.taken_after_waiting >= frames / 20'000);
  CHECK(counts.sent_on_late >= frames / 40'000);
  CHECK(counts.datagrams_sent_on >= frames / 20'000);
  CHECK(counts.datagrams_of_guests > frames / 1000);
  for (const Verdict verdict :
       {Verdict::deliver_owned, Verdict::deliver_flow, Verdict::deliver_default, Verdict::hand_on,
        Verdict::drop_not_owner, Verdict::drop_handed_on, Verdict::drop_duplicate,
        Verdict::drop_no_flow, Verdict::drop_alien_ack, Verdict::drop_lease_expired,
        Verdict::drop_rule_disabled, Verdict::send_uplink, Verdict::drop_egress_not_owner}) {
    INFO(forwarding::name(verdict));
    CHECK(counts.verdicts[static_cast<std::size_t>(verdict)] >= frames / 100'000);
  }
}
