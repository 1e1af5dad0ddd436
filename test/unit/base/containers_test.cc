// SPDX-License-Identifier: BSD-3-Clause
#include <array>
#include <catch2/catch.hpp>
#include <memory>
#include <vector>

#include "base/byte_reader.h"
#include "base/ids.h"
#include "base/spsc_ring.h"
#include "base/time.h"

using namespace covey::base;

TEST_CASE("a reader that runs out of bytes fails once and for all and never reads outside") {
  const std::array<std::uint8_t, 7> bytes{0x01, 0x02, 0x03, 0x04, 0x05, 0x06, 0x07};
  ByteReader reader(bytes);
  CHECK(reader.u8() == 0x01);
  CHECK(reader.be16() == 0x0203);
  CHECK(reader.be32() == 0x04050607);
  CHECK(reader.ok());
  CHECK(reader.remaining() == 0);
  CHECK(reader.u8() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.bytes(0).empty());
  CHECK_FALSE(reader.ok());
}

TEST_CASE("what a writer wrote a reader reads") {
  ByteWriter writer;
  writer.be16(0);
  writer.be64(0x0102030405060708);
  writer.patch_be16(0, 0xbeef);
  ByteReader reader(writer.view());
  CHECK(reader.be16() == 0xbeef);
  CHECK(reader.be64() == 0x0102030405060708);
  CHECK(reader.ok());
}

TEST_CASE("a host set holds hosts 1 to 64 and visits them in ascending order") {
  HostSet set;
  for (const int id : {64, 3, 1})
    set.insert(HostId{static_cast<std::uint8_t>(id)});
  set.insert(HostId{0});
  set.insert(HostId{65});
  std::vector<int> seen;
  set.for_each([&](HostId id) { seen.push_back(id.value); });
  CHECK(seen == std::vector<int>{1, 3, 64});
  CHECK(set.lowest() == HostId{1});
  set.erase(HostId{1});
  CHECK_FALSE(set.contains(HostId{1}));
  CHECK(set.size() == 2);
  CHECK(HostSet().lowest() == kNobody);
}

TEST_CASE("a full ring refuses and keeps the value with its owner") {
  SpscRing<std::unique_ptr<int>> ring(3);  // rounded up to 4
  CHECK(ring.capacity() == 4);
  for (int i = 0; i < 4; ++i)
    CHECK(ring.try_push(std::make_unique<int>(i)));
  auto fifth = std::make_unique<int>(4);
  CHECK_FALSE(ring.try_push(std::move(fifth)));
  REQUIRE(fifth);
  std::unique_ptr<int> out;
  for (int i = 0; i < 4; ++i) {
    REQUIRE(ring.try_pop(out));
    CHECK(*out == i);
  }
  CHECK_FALSE(ring.try_pop(out));
  CHECK(ring.size() == 0);
}

TEST_CASE("time points subtract to durations and the distant ones do not overflow") {
  const TimePoint now{5'000'000'000};
  CHECK(now + std::chrono::milliseconds(3) - now == Duration(3'000'000));
  CHECK(TimePoint::never() - now > std::chrono::hours(24 * 365));
  CHECK(now - TimePoint::distant_past() > std::chrono::hours(24 * 365));
  CHECK(to_ms(std::chrono::seconds(2)) == 2000);
}
