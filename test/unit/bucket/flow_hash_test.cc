// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/flow_hash.h"

#include <array>
#include <catch2/catch.hpp>
#include <cmath>
#include <vector>

using namespace covey;
using namespace covey::bucket;

namespace {

constexpr SipKey kKey{0x1122334455667788U, 0x99aabbccddeeff00U};

packet::FlowKey flow(const char* source, std::uint16_t source_port, std::uint16_t port) {
  const base::IpAddress address = base::IpAddress::parse(source).value();
  packet::FlowKey key;
  key.source = address.bytes;
  key.family = address.family;
  key.source_port = source_port;
  key.destination_port = port;
  key.protocol = 6;
  return key;
}

std::uint64_t hash_of_bytes(const std::vector<std::uint8_t>& bytes) {
  return siphash13(kKey, bytes);
}

}  // namespace

TEST_CASE("without affinity source address, source port and destination port are hashed") {
  const HashRule rule{Affinity::none};
  CHECK(flow_hash(kKey, rule, flow("10.77.0.100", 40000, 80)) ==
        hash_of_bytes({10, 77, 0, 100, 0x9c, 0x40, 0, 80}));
  CHECK(
      flow_hash(kKey, rule, flow("2001:db8::1", 40000, 80)) ==
      hash_of_bytes({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0x9c, 0x40, 0, 80}));
}

TEST_CASE("with single affinity only the source address is hashed") {
  const HashRule rule{Affinity::single};
  CHECK(flow_hash(kKey, rule, flow("10.77.0.100", 40000, 80)) == hash_of_bytes({10, 77, 0, 100}));
  CHECK(flow_hash(kKey, rule, flow("2001:db8::1", 1, 2)) ==
        hash_of_bytes({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}));
}

TEST_CASE("with network affinity only the prefix of the source address is hashed") {
  HashRule rule{Affinity::network, 22, 60};
  CHECK(flow_hash(kKey, rule, flow("10.77.255.100", 1, 2)) == hash_of_bytes({10, 77, 252, 0}));
  CHECK(flow_hash(kKey, rule, flow("2001:db8:1:2ff:a::1", 1, 2)) ==
        hash_of_bytes({0x20, 1, 0x0d, 0xb8, 0, 1, 2, 0xf0, 0, 0, 0, 0, 0, 0, 0, 0}));
  rule.prefix6 = 100;
  CHECK(flow_hash(kKey, rule, flow("2001:db8::ffff:ffff:ffff", 1, 2)) ==
        hash_of_bytes({0x20, 1, 0x0d, 0xb8, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xf0, 0, 0, 0}));
}

TEST_CASE("the shortest and the longest prefixes take nothing and all of the address") {
  const HashRule none{Affinity::network, 0, 0};
  CHECK(flow_hash(kKey, none, flow("10.1.2.3", 1, 2)) == hash_of_bytes({0, 0, 0, 0}));
  CHECK(flow_hash(kKey, none, flow("ff02::1", 1, 2)) ==
        hash_of_bytes(std::vector<std::uint8_t>(16, 0)));
  const HashRule single{Affinity::single};
  for (const HashRule& all :
       {HashRule{Affinity::network, 32, 128}, HashRule{Affinity::network, 255, 255}}) {
    for (const char* source : {"10.1.2.3", "2001:db8::7:8"}) {
      const std::uint64_t whole_address = flow_hash(kKey, single, flow(source, 3, 4));
      CHECK(flow_hash(kKey, all, flow(source, 1, 2)) == whole_address);
    }
  }
}

TEST_CASE("destination address and protocol do not change the bucket") {
  const HashRule rule{Affinity::none};
  packet::FlowKey a = flow("10.77.0.100", 40000, 80);
  packet::FlowKey b = a;
  b.destination = {10, 77, 0, 50};
  b.protocol = 17;
  CHECK(flow_hash(kKey, rule, a) == flow_hash(kKey, rule, b));
}

TEST_CASE("ports spread evenly over the buckets") {
  constexpr std::uint32_t kBuckets = 64;
  constexpr unsigned kFlows = 64000;
  std::array<unsigned, kBuckets> seen{};
  for (unsigned i = 0; i < kFlows; ++i) {
    const auto key = flow("10.77.0.100", static_cast<std::uint16_t>(1000 + i), 80);
    ++seen[bucket_of(flow_hash(kKey, HashRule{}, key), kBuckets - 1).value];
  }
  double chi_square = 0;
  for (const unsigned count : seen)
    chi_square += std::pow(count - 1000.0, 2) / 1000.0;
  CHECK(chi_square < 120.0);  // 63 degrees of freedom: 1 in 100,000 random functions exceeds 120
}

TEST_CASE("a class with one bucket puts every flow into it") {
  CHECK(bucket_of(0xffffffffffffffffU, 0).value == 0);
  CHECK(bucket_of(0x123456789abcdef0U, 4095).value == 0xef0);
}
