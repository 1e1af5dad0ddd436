// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: a sequence of calls of a small flow cache, four bytes each.
//
// Owner: test/fuzz. Thread: one. Whatever is told to the cache, it keeps to its room, finds what it
// lists and nothing else, counts each flow once where it is placed, and has placed all flows again
// when it says so. Eviction is the point: the cache has room for fewer flows than there are keys.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "flow/flow_cache.h"
#include "packet/parse.h"
#include "support.h"

namespace {

using namespace covey;
using flow::FlowState;
using fuzz::require;

constexpr std::uint32_t kCapacity = 16;
constexpr std::uint8_t kKeys = 40;
const std::array<std::vector<std::uint32_t>, 2> kClassSizes = {{{1, 8}, {1, 4, 4}}};

packet::FlowKey key_of(std::uint8_t number) {
  // Tunnels and SCTP live for other times.
  constexpr std::array<std::uint8_t, 4> kProtocols = {packet::kProtocolTcp, packet::kProtocolTcp,
                                                      packet::kProtocolEsp, packet::kProtocolGre};
  packet::FlowKey key;
  key.family = number % 2 == 0 ? base::Family::ipv4 : base::Family::ipv6;
  key.protocol = kProtocols[number % kProtocols.size()];
  key.source = {10, 77, 1, number};
  key.destination = {10, 77, 0, 50};
  key.source_port = number;
  key.destination_port = 80;
  return key;
}

class Session {
 public:
  explicit Session(std::uint8_t seed) : cache_(settings(), kClassSizes[0], seed) {}

  void call(std::span<const std::uint8_t, 4> bytes) {
    const packet::FlowKey key = key_of(bytes[1] % kKeys);
    const flow::Segment segment{bytes[2], bytes[3] % 4U, bytes[3] / 4U % 4U, bytes[3] >= 128};
    switch (bytes[0] % 8) {
      case 0:
        cache_.note_inbound(key, segment, now_);
        break;
      case 1:
        cache_.note_refused(key, segment);
        break;
      case 2:
        cache_.note_withheld(key, segment, place(key), now_);
        break;
      case 3:
      case 4:
        cache_.note_egress(key, segment, place(key), now_);
        break;
      case 5:
        // A tick, or as many as end what is half open, lingers, is idle.
        now_ = now_ + flow::kTick * (std::int64_t{1} << (bytes[1] % 20));
        break;
      case 6:
        cache_.expire(now_, bytes[1]);
        break;
      default:
        place_anew(bytes);
        break;
    }
    check();
  }

 private:
  static flow::Settings settings() {
    flow::Settings settings;
    settings.capacity = kCapacity;
    settings.tcp_idle = std::chrono::minutes(10);
    return settings;
  }
  [[nodiscard]] flow::Placement place(const packet::FlowKey& key) const {
    const std::vector<std::uint32_t>& sizes = kClassSizes[configuration_];
    const std::size_t map_class = 1 + key.source_port % (sizes.size() - 1);
    return {{static_cast<std::uint16_t>(map_class)}, {key.source_port % sizes[map_class]}};
  }
  /// Another configuration, or some more of the flows placed in the present one; some have no place
  /// any more.
  void place_anew(std::span<const std::uint8_t, 4> bytes) {
    if (bytes[1] % 4 == 0) {
      configuration_ = 1 - configuration_;
      cache_.follow(std::make_shared<flow::BucketCounts>(kClassSizes[configuration_], false));
    }
    cache_.place_again(bytes[2] % 8, [&](const packet::FlowKey& key) {
      const bool is_gone = key.source_port == bytes[3] % kKeys;
      return is_gone ? std::nullopt : std::optional(place(key));
    });
  }

  void check() const {
    const auto flows = cache_.list(now_, {kCapacity + 1});
    require(flows.size() <= kCapacity);
    std::map<FlowState, std::uint64_t> states;
    std::map<std::pair<std::uint16_t, std::uint32_t>, std::uint32_t> live;
    for (const flow::FlowCache::Listed& it : flows) {
      const flow::Found found = cache_.find(it.key);
      require(it.state != FlowState::none && found.state == it.state);
      const bool is_live = it.state != FlowState::lingering && !found.withheld;
      ++states[is_live ? it.state : FlowState::lingering];
      require(it.placement.has_value() || cache_.places_again());
      if (!it.placement) continue;
      require(*it.placement == place(it.key) && cache_.may_hold(*it.placement));
      if (is_live) ++live[{it.placement->map_class.value, it.placement->bucket.value}];
    }
    std::size_t found = 0;
    for (std::uint8_t number = 0; number < kKeys; ++number)
      found += cache_.find(key_of(number)).state != FlowState::none ? 1U : 0U;
    require(found == flows.size());
    const flow::Statistics told = cache_.statistics();
    require(told.established == states[FlowState::established]);
    require(told.half_open == states[FlowState::half_open]);
    require(told.lingering == states[FlowState::lingering]);
    require(told.created >= flows.size());
    const std::vector<std::uint32_t>& sizes = kClassSizes[configuration_];
    for (std::uint16_t c = 0; c < sizes.size(); ++c) {
      for (std::uint32_t b = 0; b < sizes[c]; ++b)
        require(cache_.counts().live({{c}, {b}}) == live[{c, b}]);
    }
    require(cache_.counts().are_complete() == !cache_.places_again());
  }

  flow::FlowCache cache_;
  std::size_t configuration_ = 0;
  base::TimePoint now_{0};
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  constexpr std::size_t kMostCalls = 400;
  if (size == 0) return 0;
  Session session(data[0]);
  std::span<const std::uint8_t> rest(data + 1, size - 1);
  for (std::size_t calls = 0; rest.size() >= 4 && calls < kMostCalls; ++calls) {
    session.call(rest.first<4>());
    rest = rest.subspan(4);
  }
  return 0;
}
