// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/assignment.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

using namespace covey;
using namespace covey::bucket;

namespace {

constexpr SipKey kKey{7, 11};

base::HostId host(unsigned id) {
  return base::HostId{static_cast<std::uint8_t>(id)};
}

Bitmap range(std::uint32_t buckets, std::uint32_t first, std::uint32_t end) {
  Bitmap map(buckets);
  for (std::uint32_t b = first; b < end; ++b)
    map.set({b});
  return map;
}

std::uint32_t owned(const std::vector<base::HostId>& owners, base::HostId id) {
  return static_cast<std::uint32_t>(std::count(owners.begin(), owners.end(), id));
}

}  // namespace

TEST_CASE("a single host owns every bucket") {
  const auto owners = assign(kKey, 4096, {{host(9), 1, nullptr}});
  CHECK(owned(owners, host(9)) == 4096);
}

TEST_CASE("without members nobody owns a bucket") {
  CHECK(assign(kKey, 64, {}) == std::vector<base::HostId>(64, base::kNobody));
  CHECK(quotas(64, {}).empty());
}

TEST_CASE("quotas follow the weights and the largest remainders get what is left over") {
  // 100 * 3/7 = 42.86 and 100 * 2/7 = 28.57, twice: .86 and the first .57 get what is left over.
  CHECK(quotas(100, {{host(3), 2, nullptr}, {host(2), 2, nullptr}, {host(1), 3, nullptr}}) ==
        std::vector<std::uint32_t>{43, 29, 28});
  CHECK(quotas(64, {{host(1), 0, nullptr}, {host(2), 5, nullptr}}) ==
        std::vector<std::uint32_t>{0, 64});
  CHECK(quotas(64, {{host(1), 0, nullptr}, {host(2), 0, nullptr}}) ==
        std::vector<std::uint32_t>{0, 0});
}

TEST_CASE("quotas do not overflow at the largest weights") {
  std::vector<MemberClaim> members;
  for (unsigned id = 1; id <= base::kMaxHosts; ++id)
    members.push_back({host(id), 0xffffffff, {}});
  CHECK(quotas(65536, members) == std::vector<std::uint32_t>(64, 1024));
}

TEST_CASE("a quota that ties goes to the member that holds more") {
  const Bitmap more = range(65, 0, 33);
  const Bitmap less = range(65, 33, 65);
  CHECK(quotas(65, {{host(1), 50, &less}, {host(2), 50, &more}}) ==
        std::vector<std::uint32_t>{32, 33});
  CHECK(quotas(65, {{host(1), 50, nullptr}, {host(2), 50, nullptr}}) ==
        std::vector<std::uint32_t>{33, 32});
}

TEST_CASE("a quota that ties between unequal weights goes where it spares a move") {
  // Shares of 68: 25.5 and 42.5. Host 1 holds 26 already; host 2 holds more, but not beyond its 42.
  const Bitmap small = range(68, 0, 26);
  const Bitmap large = range(68, 26, 68);
  const std::vector<MemberClaim> members{{host(1), 3, &small}, {host(2), 5, &large}};
  CHECK(quotas(68, members) == std::vector<std::uint32_t>{26, 42});
  const auto owners = assign(kKey, 68, members);
  for (std::uint32_t b = 0; b < 68; ++b)
    CHECK(owners[b] == (b < 26 ? host(1) : host(2)));
}

TEST_CASE("nothing moves while nothing changes") {
  std::vector<MemberClaim> members{{host(1), 100, {}}, {host(2), 100, {}}, {host(3), 50, {}}};
  const auto before = assign(kKey, 4096, members);
  std::array<Bitmap, 3> claims{Bitmap(4096), Bitmap(4096), Bitmap(4096)};
  for (std::uint32_t b = 0; b < 4096; ++b)
    claims[before[b].value - 1U].set({b});
  for (std::size_t i = 0; i < 3; ++i)
    members[i].claims = &claims[i];
  CHECK(assign(kKey, 4096, members) == before);
}

TEST_CASE("a host that joins takes its share and nothing else moves") {
  const Bitmap lower = range(64, 0, 32);
  const Bitmap upper = range(64, 32, 64);
  const auto owners =
      assign(kKey, 64, {{host(1), 50, &lower}, {host(2), 50, &upper}, {host(3), 50, nullptr}});
  CHECK(owned(owners, host(3)) == 21);
  for (std::uint32_t b = 0; b < 64; ++b) {
    CHECK((owners[b] == host(3) || owners[b] == (b < 32 ? host(1) : host(2))));
  }
}

TEST_CASE("a host that gives up buckets gives up those of its lowest scores") {
  const Bitmap all = range(64, 0, 64);
  const auto owners = assign(kKey, 64, {{host(1), 50, &all}, {host(2), 50, nullptr}});
  std::uint64_t lowest_kept = UINT64_MAX;
  std::uint64_t highest_given = 0;
  for (std::uint32_t b = 0; b < 64; ++b) {
    const std::uint64_t s = score(kKey, {b}, host(1));
    if (owners[b] == host(1)) lowest_kept = std::min(lowest_kept, s);
    if (owners[b] == host(2)) highest_given = std::max(highest_given, s);
  }
  CHECK(highest_given < lowest_kept);
}

TEST_CASE("a draining host keeps no bucket while another has weight") {
  const Bitmap all = range(64, 0, 64);
  const auto owners = assign(kKey, 64, {{host(1), 0, &all}, {host(2), 1, nullptr}});
  CHECK(owned(owners, host(2)) == 64);
}

TEST_CASE("if all hosts drain, claims stand and unclaimed buckets are nobody's") {
  const Bitmap some = range(64, 10, 20);
  const Bitmap other = range(64, 15, 30);
  const auto owners = assign(kKey, 64, {{host(1), 0, &some}, {host(2), 0, &other}});
  for (std::uint32_t b = 0; b < 64; ++b) {
    const bool by_1 = b >= 10 && b < 20;
    const bool by_2 = b >= 15 && b < 30;
    const bool prefers_1 = score(kKey, {b}, host(1)) > score(kKey, {b}, host(2));
    const base::HostId expected = by_1 && (!by_2 || prefers_1) ? host(1)
                                  : by_2                       ? host(2)
                                                               : base::kNobody;
    CHECK(owners[b] == expected);
  }
}

TEST_CASE("a bucket claimed by several goes to a claimant under its quota") {
  // Both halves of a healed partition claim everything; a third host must get nothing of it that
  // a claimant can still hold.
  const Bitmap all = range(64, 0, 64);
  const auto owners = assign(kKey, 64, {{host(1), 50, &all}, {host(2), 50, &all}});
  CHECK(owned(owners, host(1)) == 32);
  CHECK(owned(owners, host(2)) == 32);
  const Bitmap first = range(64, 0, 32);
  const auto kept = assign(kKey, 64, {{host(1), 50, &first}, {host(2), 50, &all}});
  for (std::uint32_t b = 32; b < 64; ++b)
    CHECK(kept[b] == host(2));
  for (std::uint32_t b = 0; b < 32; ++b)
    CHECK(kept[b] == host(1));
}

TEST_CASE("claims longer or shorter than the class are read as far as they go") {
  const Bitmap longer = range(256, 0, 256);
  const Bitmap shorter = range(16, 0, 16);
  const std::vector<MemberClaim> members{{host(1), 50, &longer}, {host(2), 50, &shorter}};
  const auto owners = assign(kKey, 64, members);
  CHECK(owned(owners, host(1)) == 32);
  CHECK(owned(owners, host(2)) == 32);
  for (std::uint32_t b = 0; b < 16; ++b)
    CHECK(owners[b] == host(2));
}

TEST_CASE("the eligible member with the lowest priority is elected") {
  CHECK(elect({{host(3), 2, true}, {host(1), 5, true}}) == host(3));
  CHECK(elect({{host(3), 2, false}, {host(1), 5, true}}) == host(1));
  CHECK(elect({{host(4), 2, true}, {host(2), 2, true}, {host(3), 2, true}}) == host(2));
  CHECK(elect({{host(3), 2, false}}) == base::kNobody);
  CHECK(elect({}) == base::kNobody);
}

TEST_CASE("the digest of a map depends on owners and on their order") {
  const std::vector<base::HostId> owners{host(1), host(2), host(2)};
  CHECK(digest(owners) == digest({host(1), host(2), host(2)}));
  CHECK(digest(owners) != digest({host(2), host(1), host(2)}));
  CHECK(digest(owners) != digest({host(1), host(2)}));
  CHECK(digest({}) != digest({base::kNobody}));
}
