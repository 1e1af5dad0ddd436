// SPDX-License-Identifier: BSD-3-Clause
// test/golden/bucket_hash.txt, whose format test/golden/bucket_vectors.cc tells.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "base/address.h"
#include "bucket/assignment.h"
#include "bucket/flow_hash.h"

using namespace covey;
using namespace covey::bucket;

namespace {

std::uint64_t from_hex(const std::string& text) {
  return std::strtoull(text.c_str(), nullptr, 16);
}

SipKey read_key(std::istream& line) {
  std::string k0;
  std::string k1;
  line >> k0 >> k1;
  return {from_hex(k0), from_hex(k1)};
}

Affinity read_affinity(std::istream& line) {
  std::string name;
  line >> name;
  if (name == "none") return Affinity::none;
  return name == "single" ? Affinity::single : Affinity::network;
}

bool hash_agrees(std::istream& line) {
  const SipKey key = read_key(line);
  HashRule rule{read_affinity(line)};
  unsigned prefix4 = 0;
  unsigned prefix6 = 0;
  std::string source;
  std::string expected;
  packet::FlowKey flow;
  line >> prefix4 >> prefix6 >> source >> flow.source_port >> flow.destination_port >> expected;
  rule.prefix4 = static_cast<std::uint8_t>(prefix4);
  rule.prefix6 = static_cast<std::uint8_t>(prefix6);
  const base::IpAddress address = base::IpAddress::parse(source).value();
  flow.source = address.bytes;
  flow.family = address.family;
  return flow_hash(key, rule, flow) == from_hex(expected);
}

struct Member {
  base::HostId host;
  std::uint32_t weight = 0;
  Bitmap claims;
};

Member read_member(std::istream& text, std::uint32_t buckets) {
  Member member{{}, 0, Bitmap(buckets)};
  unsigned id = 0;
  char colon = 0;
  std::string claims;
  text >> id >> colon >> member.weight >> colon;
  std::getline(text, claims, ',');
  member.host = base::HostId{static_cast<std::uint8_t>(id)};
  for (std::size_t word = 0; word < member.claims.words().size(); ++word) {
    member.claims.words()[word] = from_hex(claims.substr(claims.size() - 16 * (word + 1), 16));
  }
  return member;
}

bool assignment_agrees(std::istream& line) {
  const SipKey key = read_key(line);
  std::uint32_t buckets = 0;
  std::string listed;
  std::string expected;
  line >> buckets >> listed >> expected;
  std::vector<Member> members;
  std::istringstream list(listed);
  while (list.peek() != std::istream::traits_type::eof()) {
    members.push_back(read_member(list, buckets));
  }
  std::vector<MemberClaim> claims;
  for (const Member& member : members) {
    claims.push_back({member.host, member.weight, &member.claims});
  }
  std::vector<base::HostId> owners(buckets);
  for (std::size_t b = 0; b < buckets; ++b) {
    owners[b] = base::HostId{static_cast<std::uint8_t>(from_hex(expected.substr(2 * b, 2)))};
  }
  return assign(key, buckets, claims) == owners;
}

}  // namespace

TEST_CASE("hash and assignment give the golden results") {
  std::ifstream file(std::string(COVEY_SOURCE_ROOT) + "/test/golden/bucket_hash.txt");
  unsigned hashes = 0;
  unsigned assignments = 0;
  for (std::string text; std::getline(file, text);) {
    std::istringstream line(text);
    std::string kind;
    line >> kind;
    INFO(text.substr(0, 120));
    if (kind == "hash") {
      ++hashes;
      CHECK(hash_agrees(line));
    } else if (kind == "assign") {
      ++assignments;
      CHECK(assignment_agrees(line));
    }
  }
  CHECK(hashes == 300);
  CHECK(assignments == 40);
}
