// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/give_back.h"

#include <array>
#include <catch2/catch.hpp>
#include <vector>

#include <rte_mempool.h>

#include "fixture.h"

using namespace covey;
using namespace covey::test;
using localstack::Likeness;

namespace {

constexpr unsigned kBuffers = 255;

/// As a worker does it.
rte_mempool* pool_of(const std::vector<rte_mbuf*>& frames) {
  Likeness likeness;
  for (const rte_mbuf* frame : frames)
    likeness.see(frame);
  return likeness.pool();
}
void give_back(std::vector<rte_mbuf*> frames) {
  rte_mempool* pool = pool_of(frames);
  localstack::give_back(frames, pool);
}

}  // namespace

TEST_CASE("buffers go back to where they came from", "[give-back]") {
  const auto eal = start_eal();
  const Pool pool = make_pool("some", kBuffers);
  const Pool other = make_pool("others", kBuffers);
  const Frame frame = FrameBuilder().ip("10.99.0.1", kVip).tcp(40000, 80, kAck);
  const auto make = [&](const Pool& from) { return mbuf_of(from.get(), frame); };
  const auto are_all_back = [&] {
    return rte_mempool_avail_count(pool.get()) == kBuffers &&
           rte_mempool_avail_count(other.get()) == kBuffers;
  };

  {  // alike
    const std::vector<rte_mbuf*> frames{make(pool), make(pool), make(pool)};
    CHECK(pool_of(frames) == pool.get());
    give_back(frames);
    CHECK(are_all_back());
    rte_mbuf* again = make(pool);
    CHECK(again->next == nullptr);
    rte_pktmbuf_free(again);
  }
  {  // of two pools
    const std::vector<rte_mbuf*> frames{make(pool), make(other), make(pool)};
    CHECK(pool_of(frames) == nullptr);
    give_back(frames);
    CHECK(are_all_back());
  }
  {  // of two pools, each of which is alike
    Likeness ahead;
    Likeness arrived;
    const std::array frames{make(pool), make(other)};
    ahead.see(frames[0]);
    arrived.see(frames[1]);
    arrived.see(ahead);
    CHECK(arrived.pool() == nullptr);
    Likeness none;
    none.see(ahead);
    CHECK(none.pool() == pool.get());
    give_back({frames.begin(), frames.end()});
    CHECK(are_all_back());
  }
  {  // one of several parts
    rte_mbuf* first = make(pool);
    REQUIRE(rte_pktmbuf_chain(first, make(other)) == 0);
    const std::vector<rte_mbuf*> frames{make(pool), first};
    CHECK(pool_of(frames) == nullptr);
    give_back(frames);
    CHECK(are_all_back());
  }
  {  // one that somebody else still has
    rte_mbuf* shared = make(pool);
    rte_mbuf_refcnt_update(shared, 1);
    const std::vector<rte_mbuf*> frames{make(pool), shared};
    CHECK(pool_of(frames) == nullptr);
    give_back(frames);
    CHECK(rte_mempool_avail_count(pool.get()) == kBuffers - 1);
    rte_pktmbuf_free(shared);
    CHECK(are_all_back());
  }
  {  // one in another's memory
    rte_mbuf* owner = make(pool);
    rte_mbuf* guest = rte_pktmbuf_clone(owner, other.get());
    REQUIRE(guest != nullptr);
    CHECK(pool_of({guest}) == nullptr);
    give_back({guest});
    rte_pktmbuf_free(owner);
    CHECK(are_all_back());
  }
}
