// SPDX-License-Identifier: BSD-3-Clause
// bucket_vectors SEED HASHES ASSIGNMENTS: prints random inputs of the bucket hash and of assign()
// together with the results, one vector a line, for another implementation to check:
//
//   hash K0 K1 AFFINITY PREFIX4 PREFIX6 SOURCE SOURCE_PORT DESTINATION_PORT HASH
//   assign K0 K1 BUCKETS MEMBERS OWNERS
//
// Keys, hashes, claims and owners are hexadecimal. MEMBERS is ID:WEIGHT:CLAIMS, comma-separated,
// where CLAIMS is one number, bit b for bucket b. OWNERS is one byte per bucket.
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>

#include "base/address.h"
#include "bucket/assignment.h"
#include "bucket/flow_hash.h"
#include "support/random_cluster.h"

using namespace covey;

namespace {

constexpr const char* kAffinityNames[] = {"none", "single", "network"};

packet::FlowKey random_flow(std::mt19937_64& random) {
  packet::FlowKey flow;
  const bool ipv6 = random() % 2 == 0;
  flow.family = ipv6 ? base::Family::ipv6 : base::Family::ipv4;
  const std::size_t length = flow.source_address().byte_length();
  for (std::size_t i = 0; i < length; ++i)
    flow.source[i] = static_cast<std::uint8_t>(random());
  flow.source_port = static_cast<std::uint16_t>(random());
  flow.destination_port = static_cast<std::uint16_t>(random());
  return flow;
}

void print_hash(std::mt19937_64& random) {
  const bucket::SipKey key{random(), random()};
  const packet::FlowKey flow = random_flow(random);
  const auto affinity = static_cast<bucket::Affinity>(random() % 3);
  const bucket::HashRule rule{affinity, static_cast<std::uint8_t>(random() % 33),
                              static_cast<std::uint8_t>(random() % 129)};
  std::printf("hash %016lx %016lx %s %u %u %s %u %u %016lx\n", key.k0, key.k1,
              kAffinityNames[static_cast<std::size_t>(affinity)], rule.prefix4, rule.prefix6,
              flow.source_address().to_string().c_str(), flow.source_port, flow.destination_port,
              bucket::flow_hash(key, rule, flow));
}

std::string claims_in_hex(const bucket::Bitmap& claims) {
  std::string text;
  for (auto word = claims.words().rbegin(); word != claims.words().rend(); ++word) {
    char digits[17];
    std::snprintf(digits, sizeof(digits), "%016lx", *word);
    text += digits;
  }
  return text;
}

std::vector<base::HostId> print_assignment(const test_support::RandomCluster& cluster) {
  const auto owners = bucket::assign(cluster.key(), cluster.buckets(), cluster.claims());
  std::printf("assign %016lx %016lx %u ", cluster.key().k0, cluster.key().k1, cluster.buckets());
  const char* separator = "";
  for (const auto& member : cluster.members()) {
    std::printf("%s%u:%u:%s", separator, member.host.value, member.weight,
                claims_in_hex(member.claims).c_str());
    separator = ",";
  }
  std::printf(" ");
  for (const base::HostId owner : owners)
    std::printf("%02x", owner.value);
  std::printf("\n");
  return owners;
}

/// Half of the clusters begin with contradictory claims, some drain as a whole; all then live on
/// through a few events. A few are large.
void print_assignments(std::mt19937_64& random, unsigned count) {
  unsigned done = 0;
  while (done < count) {
    const bool large = random() % 200 == 0;
    const std::uint32_t buckets = large ? 4096 : 64U << (random() % 2);
    test_support::RandomCluster cluster(random, buckets, large ? 8 : 1 + random() % 16);
    if (random() % 2 == 0) cluster.scramble_claims();
    if (random() % 20 == 0) cluster.drain_all();
    for (unsigned event = 0; event < (large ? 2U : 12U) && done < count; ++event, ++done) {
      const auto owners = print_assignment(cluster);
      cluster.accept(owners);
      cluster.happen();
    }
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) {
    std::fprintf(stderr, "usage: bucket_vectors SEED HASHES ASSIGNMENTS\n");
    return 2;
  }
  std::mt19937_64 random(std::strtoull(argv[1], nullptr, 10));
  const unsigned long hashes = std::strtoul(argv[2], nullptr, 10);
  for (unsigned long i = 0; i < hashes; ++i)
    print_hash(random);
  print_assignments(random, static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)));
  return 0;
}
