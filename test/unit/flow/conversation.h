// SPDX-License-Identifier: BSD-3-Clause
// Builders for tests of the flow cache: keys, TCP flags, and a cache with a clock beside it.
//
// Owner: test. Thread: any. Time moves only where a test says so.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <vector>

#include "flow/flow_cache.h"

namespace covey::test_support {

inline constexpr std::uint8_t kFin = 0x01;
inline constexpr std::uint8_t kSyn = 0x02;
inline constexpr std::uint8_t kRst = 0x04;
inline constexpr std::uint8_t kAck = 0x10;

/// The n-th client of a virtual IP; odd ones speak IPv6.
inline packet::FlowKey client(std::uint32_t n) {
  packet::FlowKey key;
  const bool ipv6 = n % 2 == 1;
  key.family = ipv6 ? base::Family::ipv6 : base::Family::ipv4;
  key.source = {10, 77, static_cast<std::uint8_t>(n >> 24U), static_cast<std::uint8_t>(n >> 16U)};
  key.destination = {10, 77, 0, 50};
  if (ipv6) key.source[15] = key.destination[15] = 1;
  key.source_port = static_cast<std::uint16_t>(n);
  key.destination_port = 80;
  key.protocol = 6;
  return key;
}

/// One cache, one clock, one place for all flows unless a test names another.
struct Bench {
  explicit Bench(std::uint32_t capacity = 64, base::Duration tcp_idle = std::chrono::hours(1))
      : cache(settings(capacity, tcp_idle), {1, 64}, 42) {}

  static flow::Settings settings(std::uint32_t capacity, base::Duration tcp_idle) {
    flow::Settings result;
    result.capacity = capacity;
    result.tcp_idle = tcp_idle;
    return result;
  }
  bool egress(const packet::FlowKey& key, std::uint8_t flags, std::uint32_t sequence = 0,
              std::uint32_t acknowledgement = 0) {
    return cache.note_egress(key, {flags, sequence, acknowledgement}, place, now);
  }
  bool egress_of_data(const packet::FlowKey& key, std::uint32_t sequence = 0) {
    return cache.note_egress(key, {kAck, sequence, 0, true}, place, now);
  }
  bool inbound(const packet::FlowKey& key, std::uint8_t flags, std::uint32_t sequence = 0,
               std::uint32_t acknowledgement = 0) {
    return cache.note_inbound(key, {flags, sequence, acknowledgement}, now);
  }
  bool refused(const packet::FlowKey& key, std::uint8_t flags, std::uint32_t sequence = 0) {
    return cache.note_refused(key, {flags, sequence, 0});
  }
  bool withheld(const packet::FlowKey& key, std::uint32_t sequence) {
    return cache.note_withheld(key, {kSyn | kAck, sequence, 0}, place, now);
  }
  void establish(const packet::FlowKey& key) {
    egress(key, kSyn | kAck, 1000, 500);
    inbound(key, kAck, 500, 1001);
    egress(key, kAck, 1001, 501);
  }
  void close(const packet::FlowKey& key) {
    inbound(key, kFin | kAck);
    egress(key, kFin | kAck, 1001, 502);
  }
  [[nodiscard]] flow::FlowState state(const packet::FlowKey& key) const {
    return cache.find(key).state;
  }
  void expire_all() { cache.expire(now, 4 * flow::kMaxCapacity); }
  void wait(base::Duration time) {
    now = now + time;
    expire_all();
  }

  flow::FlowCache cache;
  base::TimePoint now{5'000'000'000};
  flow::Placement place{{1}, {7}};
};

}  // namespace covey::test_support
