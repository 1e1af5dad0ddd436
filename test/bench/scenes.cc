// SPDX-License-Identifier: BSD-3-Clause
#include "scenes.h"

#include <sys/mman.h>

#include <algorithm>
#include <cstdlib>
#include <string_view>
#include <utility>

#include "dataplane/huge_pages.h"
#include "packet/headers.h"
#include "support/world.h"

namespace covey::bench {

namespace {

using bucket::BucketState;
using forwarding::Verdict;

constexpr std::size_t kFragmentPayload = 12;  // with the TCP header in whole units
constexpr std::size_t kFragmentHeader = 8;    // of IPv6

}  // namespace

Memory::Memory(std::size_t bytes) : size_(bytes) {
  void* memory = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) std::abort();
  dataplane::advise_huge_pages({static_cast<std::byte*>(memory), size_});
  at_ = static_cast<std::uint8_t*>(memory);
}

Memory::~Memory() {
  ::munmap(at_, size_);
}

Pool::Pool(const Scene& scene) : memory_(scene.frames * kStride) {
  fill(scene);
}

// One segment from as many sources as there are frames, to each virtual IP and rule in turn.
void Pool::fill(const Scene& scene) {
  test::FrameBuilder builder;
  const auto ends = scene.is_ipv6 ? std::pair(test::kClient6, test::kVip6)
                                  : std::pair(std::string_view("198.18.0.0"), test::kVip);
  builder.ip(ends.first, ends.second).tcp(40000, 80, scene.flags);
  builder.payload(scene.fragment ? kFragmentPayload : 6);
  if (scene.fragment) builder.fragment(0, /*more=*/true);
  const test::Frame model = builder;
  length_ = model.size();
  const std::size_t source = packet::kEthernetHeader + (scene.is_ipv6 ? 8U : 12U);
  const std::size_t source_end = source + (scene.is_ipv6 ? 16U : 4U);
  const std::size_t virtual_ip = source_end + 2;
  const std::size_t further = scene.fragment && scene.is_ipv6 ? kFragmentHeader : 0;
  const std::size_t ports = packet::kEthernetHeader + (scene.is_ipv6 ? 40U : 20U) + further;
  for (std::size_t i = 0; i < count(); ++i) {
    std::uint8_t* at = memory_.at(i * kStride);
    std::ranges::copy(model, at);
    at[source_end - 1] = static_cast<std::uint8_t>(i);
    at[source_end - 2] = static_cast<std::uint8_t>(i >> 8U);
    at[ports] = static_cast<std::uint8_t>(128 + (i >> 16U));
    const auto other = static_cast<std::uint8_t>(i * 37 % scene.virtual_ips);
    if (other != 0) at[virtual_ip] = other;
    const std::size_t rule = i * 61 % scene.rules;
    if (rule != 0) base::store_be16(at + ports + 2, static_cast<std::uint16_t>(1000 + rule));
  }
}

std::vector<Scene> all_scenes() {
  constexpr std::size_t k64k = 65536;
  constexpr std::size_t k1M = 1048576;
  std::vector<Scene> all;
  for (const bool ipv6 : {false, true}) {
    const std::string family = ipv6 ? "ipv6" : "ipv4";
    Scene foreign{.name = "foreign_" + family, .is_ipv6 = ipv6};
    all.push_back(foreign);
    for (const auto& [name, frames] : {std::pair("/64k", k64k), std::pair("/1M", k1M)}) {
      Scene streaming = foreign;
      streaming.name += name;
      streaming.frames = frames;
      all.push_back(streaming);
    }
    Scene owned{.name = "owned_" + family,
                .is_ipv6 = ipv6,
                .flags = test::kSyn,
                .buckets = BucketState::own,
                .expected = Verdict::deliver_owned};
    all.push_back(owned);
    Scene tracked{.name = "tracked_" + family,
                  .is_ipv6 = ipv6,
                  .buckets = BucketState::own,
                  .tracked = true,
                  .expected = Verdict::deliver_flow};
    all.push_back(tracked);
    tracked.name += "/64k";
    tracked.frames = k64k;
    all.push_back(tracked);
    Scene dirty{.name = "dirty_" + family,
                .is_ipv6 = ipv6,
                .buckets = BucketState::own_dirty,
                .expected = Verdict::drop_no_flow};
    all.push_back(dirty);
    all.push_back({.name = "fragment_" + family, .is_ipv6 = ipv6, .fragment = true});
  }
  for (const auto& [name, flows] :
       {std::pair("64k", 65'536U), std::pair("1M", 1'000'000U), std::pair("4M", 4'000'000U)}) {
    all.push_back(
        {.name = std::string("foreign_ipv4/64k/flows_") + name, .frames = k64k, .flows = flows});
    all.push_back({.name = std::string("tracked_ipv4/flows_") + name,
                   .buckets = BucketState::own,
                   .tracked = true,
                   .expected = Verdict::deliver_flow,
                   .flows = flows});
    all.push_back({.name = std::string("tracked_ipv4/64k/flows_") + name,
                   .buckets = BucketState::own,
                   .tracked = true,
                   .expected = Verdict::deliver_flow,
                   .frames = k64k,
                   .flows = flows});
  }
  all.push_back({.name = "tracked_ipv4/1M",
                 .buckets = BucketState::own,
                 .tracked = true,
                 .expected = Verdict::deliver_flow,
                 .frames = k1M});
  for (const unsigned rules : {32U, 1000U})
    all.push_back({.name = "foreign_ipv4/rules_" + std::to_string(rules), .rules = rules});
  for (const unsigned virtual_ips : {16U, 256U})
    all.push_back(
        {.name = "foreign_ipv4/vips_" + std::to_string(virtual_ips), .virtual_ips = virtual_ips});
  return all;
}

}  // namespace covey::bench
