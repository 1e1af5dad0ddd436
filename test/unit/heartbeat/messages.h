// SPDX-License-Identifier: BSD-3-Clause
// Messages for the tests of the heartbeat library: one fixed, and as many random ones as wanted.
//
// Owner: test/unit/heartbeat. Thread: one. Random messages follow from a seed alone and keep to the
// limits of the format, so that each of them must survive a round trip.
#pragma once

#include <cstdint>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "heartbeat/codec.h"

namespace covey::heartbeat::test {

inline ClusterKey fixed_key() {
  ClusterKey key{};
  for (std::size_t i = 0; i < key.size(); ++i)
    key[i] = static_cast<std::uint8_t>(i);
  return key;
}

inline DerivedKeys fixed_keys() {
  return derive_keys(fixed_key(), "web").value();
}

/// 32 bytes a line, as golden files have them.
inline std::string to_hex(const std::vector<std::uint8_t>& payload) {
  std::string text;
  for (std::size_t i = 0; i < payload.size(); ++i) {
    constexpr std::string_view digits = "0123456789abcdef";
    text += digits[payload[i] >> 4U];
    text += digits[payload[i] & 15U];
    if (i % 32 == 31 || i + 1 == payload.size()) text += '\n';
  }
  return text;
}

inline bucket::Bitmap striped(std::uint32_t size, std::uint32_t step) {
  bucket::Bitmap bitmap(size);
  for (std::uint32_t b = 0; b < size; b += step)
    bitmap.set(base::BucketIndex{b});
  return bitmap;
}

/// Every field has a value of its own, so that two swapped fields show.
inline Message fixed_message() {
  Message m;
  m.cluster_id = fixed_keys().cluster_id;
  m.host = base::HostId{7};
  m.host_name = "web7";
  m.nonce = 0x1122334455667788;
  m.sequence = 0x01020304;
  m.generation = 42;
  m.phase = Phase::prepared;
  m.draining = true;
  m.health = 3;
  m.flaps = 5;
  m.view = base::HostSet(0x43);
  m.view_digest = 0xa1a2a3a4a5a6a7a8;
  m.committed_view = base::HostSet(0x41);
  m.committed_generation = 41;
  m.map_digest = 0xb1b2b3b4b5b6b7b8;
  m.config_digest = 0xc1c2c3c4c5c6c7c8;
  m.staged_digest = 0xd1d2d3d4d5d6d7d8;
  m.alive = base::HostSet(0x42);
  m.acknowledgements = {{base::HostId{1}, 0xbeef, 900, 12}, {base::HostId{2}, 0xcafe, 901, 65535}};
  m.classes = {{0, 7}, {50, 0}, {100, 0}};
  m.claims_digest = 0xe1e2e3e4e5e6e7e8;
  m.residual_digest = 0xf1f2f3f4f5f6f7f8;
  m.claims = {striped(1, 1), striped(64, 3), striped(64, 3)};
  m.residual = striped(64, 5);
  m.no_gateway = true;
  m.flap_counts = {{base::HostId{2}, 1}, {base::HostId{9}, 255}};
  m.excerpt = {3, 9, {{"rule web: affinity", "single"}, {"icmp", ""}}};
  m.switching = true;
  m.staged_classes = {{1, 2, kNotCarried}, {50, 0, 2}};
  m.keys = {{254, 0x0a0b0c0d}, {255, 0x0e0f1011}};
  return m;
}

class RandomMessages {
 public:
  explicit RandomMessages(std::uint64_t seed) : random_(seed) {}

  Message next() {
    Message m;
    m.cluster_id = fixed_keys().cluster_id;
    m.host = base::HostId{static_cast<std::uint8_t>(below(base::kMaxHosts) + 1)};
    for (std::uint64_t n = below(kMaxHostName + 1); n > 0; --n) {
      m.host_name += static_cast<char>(' ' + below(95));
    }
    m.nonce = random_();
    m.sequence = number<std::uint32_t>();
    m.generation = number<std::uint32_t>();
    m.phase = static_cast<Phase>(below(8) + 1);
    m.draining = below(2) == 1;
    m.health = number<std::uint8_t>();
    m.flaps = number<std::uint8_t>();
    m.view = base::HostSet(random_());
    m.view_digest = random_();
    m.committed_view = base::HostSet(random_());
    m.committed_generation = number<std::uint32_t>();
    m.map_digest = random_();
    m.config_digest = random_();
    m.staged_digest = random_();
    m.alive = base::HostSet(random_());
    m.claims_digest = random_();
    m.residual_digest = random_();
    base::HostSet(random_()).for_each([&](base::HostId host) {
      m.acknowledgements.push_back(
          {host, number<std::uint16_t>(), number<std::uint32_t>(), number<std::uint16_t>()});
    });
    for (std::uint64_t n = below(20); n > 0; --n) {
      m.classes.push_back({number<std::uint16_t>(), number<std::uint16_t>()});
    }
    for (std::uint64_t n = below(20); n > 0; --n)
      m.claims.push_back(next_claims(m.claims));
    m.residual = next_bitmap();
    m.no_gateway = below(2) == 1;
    m.died = below(2) == 1;
    base::HostSet(random_() & random_()).for_each([&](base::HostId host) {
      m.flap_counts.push_back({host, number<std::uint8_t>()});
    });
    for (std::uint64_t n = below(4); n > 0; --n)
      m.excerpt.settings.push_back({next_text(), next_text()});
    if (!m.excerpt.settings.empty()) {
      m.excerpt.first = static_cast<std::uint16_t>(below(1000));
      m.excerpt.total = static_cast<std::uint16_t>(1004 + below(1000));
    }
    m.switching = below(2) == 1;
    for (std::uint64_t n = below(20); n > 0; --n) {
      m.staged_classes.push_back(
          {number<std::uint16_t>(), number<std::uint16_t>(), number<std::uint16_t>()});
    }
    for (std::uint64_t n = below(kMaxKeys + 1); n > 0; --n) {
      m.keys.push_back({number<std::uint8_t>(), number<std::uint32_t>()});
    }
    return m;
  }
  std::uint64_t below(std::uint64_t limit) { return random_() % limit; }

 private:
  template <typename T>
  T number() {
    return static_cast<T>(random_());
  }
  std::string next_text() {
    std::string text;
    for (std::uint64_t n = below(base::kMaxSettingText + 1); n > 0; --n)
      text += static_cast<char>(' ' + below(95));
    return text;
  }
  bucket::Bitmap next_bitmap() {
    bucket::Bitmap bitmap(static_cast<std::uint32_t>(below(4) == 0 ? below(5000) : below(70)));
    for (auto& word : bitmap.words())
      word = random_();
    bitmap.clear_unused();
    return bitmap;
  }
  bucket::Bitmap next_claims(const std::vector<bucket::Bitmap>& before) {
    if (!before.empty() && below(3) == 0) return bucket::Bitmap(before[below(before.size())]);
    return next_bitmap();
  }

  std::mt19937_64 random_;
};

}  // namespace covey::heartbeat::test
