// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/census.h"

#include <array>
#include <catch2/catch.hpp>
#include <memory>

#include "packet/parse.h"

using namespace covey;

namespace {

constexpr std::uint32_t kBuckets = 64;
const std::vector<std::uint32_t> kSizes = {1, kBuckets, kBuckets,
                                           1};  // default, spread, a rule, a single-host rule

bucket::BucketTable table(bucket::BucketState state) {
  bucket::BucketTable made;
  for (const std::uint32_t size : kSizes) {
    made.classes.push_back({size - 1, std::vector(size, state), std::vector(size, base::kNobody)});
  }
  return made;
}

std::unique_ptr<flow::FlowCache> cache() {
  flow::Settings settings;
  settings.capacity = 1024;
  return std::make_unique<flow::FlowCache>(settings, kSizes, 1);
}

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
  const auto flows = cache();
  const std::array<const flow::FlowCache*, 1> caches = {flows.get()};
  const bucket::Bitmap residual =
      dataplane::residual_buckets(table(bucket::BucketState::foreign), caches);
  CHECK(residual.size() == kBuckets);
  CHECK(residual.none());
}

TEST_CASE("flows in buckets of our own are not residual") {
  const auto flows = cache();
  establish(*flows, 1, {base::ClassIndex{2}, base::BucketIndex{5}});
  const std::array<const flow::FlowCache*, 1> caches = {flows.get()};
  CHECK(dataplane::residual_buckets(table(bucket::BucketState::own), caches).none());
  CHECK(dataplane::residual_buckets(table(bucket::BucketState::own_dirty), caches).none());
}

TEST_CASE("flows in buckets of others are residual, all classes joined") {
  const auto flows = cache();
  establish(*flows, 1, {base::ClassIndex{2}, base::BucketIndex{5}});
  establish(*flows, 2, {base::ClassIndex{1}, base::BucketIndex{63}});
  establish(*flows, 3, {base::ClassIndex{3}, base::BucketIndex{0}});
  const std::array<const flow::FlowCache*, 1> caches = {flows.get()};
  CHECK(bits(dataplane::residual_buckets(table(bucket::BucketState::foreign), caches)) ==
        std::vector<std::uint32_t>{0, 5, 63});
}

TEST_CASE("a flow that any worker holds makes its bucket residual") {
  const auto first = cache();
  const auto second = cache();
  establish(*second, 1, {base::ClassIndex{2}, base::BucketIndex{9}});
  const std::array<const flow::FlowCache*, 2> caches = {first.get(), second.get()};
  CHECK(bits(dataplane::residual_buckets(table(bucket::BucketState::foreign), caches)) ==
        std::vector<std::uint32_t>{9});
}

TEST_CASE("flows are counted by class, in all of its buckets") {
  const auto flows = cache();
  CHECK(dataplane::flows_by_class(*flows, kSizes) == std::vector<std::uint64_t>{0, 0, 0, 0});
  establish(*flows, 1, {base::ClassIndex{2}, base::BucketIndex{0}});
  establish(*flows, 2, {base::ClassIndex{2}, base::BucketIndex{kBuckets - 1}});
  establish(*flows, 3, {base::ClassIndex{3}, base::BucketIndex{0}});
  establish(*flows, 4, {base::ClassIndex{0}, base::BucketIndex{0}});
  CHECK(dataplane::flows_by_class(*flows, kSizes) == std::vector<std::uint64_t>{1, 0, 2, 1});
}
