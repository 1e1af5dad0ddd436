// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/census.h"

#include <array>
#include <catch2/catch.hpp>
#include <memory>

#include "flow/flow_cache.h"
#include "packet/parse.h"

using namespace covey;

namespace {

constexpr std::uint32_t kBuckets = 64;
const std::vector<std::uint32_t> kSizes = {1, kBuckets, kBuckets,
                                           1};  // default, spread, a rule, a single-host rule

bucket::BucketTable table(bucket::BucketState state) {
  bucket::BucketTable made;
  for (const std::uint32_t size : kSizes) {
    made.classes.add(std::vector(size, state), std::vector(size, base::kNobody));
  }
  return made;
}

/// The flows of one worker.
struct Worker {
  std::shared_ptr<flow::BucketCounts> counts = std::make_shared<flow::BucketCounts>(kSizes, true);
  flow::FlowCache flows{{.capacity = 1024}, counts, 1};
};

/// A connection our own stack has accepted and talked on.
void establish(flow::FlowCache& flows, std::uint16_t client_port, flow::Placement where) {
  using packet::TcpFlags;
  packet::FlowKey key;
  key.family = base::Family::ipv4;
  key.protocol = packet::kProtocolTcp;
  key.source_port = client_port;
  key.destination_port = 80;
  const base::TimePoint now{1'000'000'000};
  flows.note_egress(key, {TcpFlags::kSyn | TcpFlags::kAck, 1000, 1}, where, now);
  flows.note_inbound(key, {TcpFlags::kAck, 1, 1001}, now);
  flows.note_egress(key, {TcpFlags::kAck, 1001, 2}, where, now);
}

std::vector<std::uint32_t> bits(const bucket::Bitmap& bitmap) {
  std::vector<std::uint32_t> found;
  bitmap.for_each([&found](base::BucketIndex b) { found.push_back(b.value); });
  return found;
}

}  // namespace

TEST_CASE("without flows no bucket is residual") {
  Worker worker;
  const std::array counts = {worker.counts};
  const bucket::Bitmap residual =
      dataplane::residual_buckets(table(bucket::BucketState::foreign), counts);
  CHECK(residual.size() == kBuckets);
  CHECK(residual.none());
}

TEST_CASE("flows in buckets of our own are not residual") {
  Worker worker;
  establish(worker.flows, 1, {base::ClassIndex{2}, base::BucketIndex{5}});
  const std::array counts = {worker.counts};
  CHECK(dataplane::residual_buckets(table(bucket::BucketState::own), counts).none());
  CHECK(dataplane::residual_buckets(table(bucket::BucketState::own_dirty), counts).none());
}

TEST_CASE("flows in buckets of others are residual, all classes joined") {
  Worker worker;
  establish(worker.flows, 1, {base::ClassIndex{2}, base::BucketIndex{5}});
  establish(worker.flows, 2, {base::ClassIndex{1}, base::BucketIndex{63}});
  establish(worker.flows, 3, {base::ClassIndex{3}, base::BucketIndex{0}});
  const std::array counts = {worker.counts};
  CHECK(bits(dataplane::residual_buckets(table(bucket::BucketState::foreign), counts)) ==
        std::vector<std::uint32_t>{0, 5, 63});
}

TEST_CASE("flows of a class that is closed are neither residual nor served") {
  Worker worker;
  establish(worker.flows, 1, {base::ClassIndex{2}, base::BucketIndex{5}});
  establish(worker.flows, 2, {base::ClassIndex{2}, base::BucketIndex{6}});
  establish(worker.flows, 3, {base::ClassIndex{1}, base::BucketIndex{63}});
  bucket::BucketTable closed = table(bucket::BucketState::foreign);
  CHECK(dataplane::closed_flows(closed, *worker.counts) == 0);
  closed.closed = {base::ClassIndex{2}};
  const std::array counts = {worker.counts};
  CHECK(bits(dataplane::residual_buckets(closed, counts)) == std::vector<std::uint32_t>{63});
  CHECK(dataplane::closed_flows(closed, *worker.counts) == 2);
}

TEST_CASE("a flow that any worker holds makes its bucket residual") {
  const Worker first;
  Worker second;
  establish(second.flows, 1, {base::ClassIndex{2}, base::BucketIndex{9}});
  const std::array counts = {first.counts, second.counts};
  CHECK(bits(dataplane::residual_buckets(table(bucket::BucketState::foreign), counts)) ==
        std::vector<std::uint32_t>{9});
}

TEST_CASE("before all flows are counted, any bucket of others may be residual") {
  const std::array counts = {std::make_shared<flow::BucketCounts>(kSizes, false)};
  CHECK(dataplane::residual_buckets(table(bucket::BucketState::foreign), counts).count() ==
        kBuckets);
  CHECK(dataplane::residual_buckets(table(bucket::BucketState::own), counts).none());
  counts[0]->complete();
  CHECK(dataplane::residual_buckets(table(bucket::BucketState::foreign), counts).none());
}
