// SPDX-License-Identifier: BSD-3-Clause
#include "packet/segment.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <utility>
#include <vector>

#include "base/endian.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "support/frames.h"

using namespace covey;
using namespace covey::test;
using packet::FrameView;

namespace {

constexpr std::uint8_t kCwr = 0x80;

FrameBuilder builder(bool is_ipv6, std::uint32_t sequence, std::size_t payload,
                     std::uint8_t flags = kAck) {
  FrameBuilder made;
  if (is_ipv6) {
    made.ip("2001:db8::1", "2001:db8::2");
  } else {
    made.ip("10.77.0.100", "10.77.0.50");
  }
  return made.tcp(40000, 80, flags).numbers(sequence, 77).payload(payload);
}

/// As stacks send TCP over IPv4: not to be cut.
Frame uncut(Frame frame) {
  const FrameView view = packet::parse(frame);
  if (view.layer3 != packet::Layer3::ipv4) return frame;
  std::uint8_t* header = &frame[view.l3_offset];
  header[6] = 0x40;
  base::store_be16(header + 10, static_cast<std::uint16_t>(base::load_be16(header + 10) - 0x4000));
  return frame;
}

Frame data(bool is_ipv6, std::uint32_t sequence, std::size_t payload, std::uint8_t flags = kAck) {
  return uncut(builder(is_ipv6, sequence, payload, flags));
}

/// With bytes that differ, so that none can be taken for another.
Frame filled(Frame frame) {
  const FrameView view = packet::parse(frame);
  const std::size_t end = packet::packet_end(frame, view);
  for (std::size_t i = end - view.payload_length; i < end; ++i)
    frame[i] = static_cast<std::uint8_t>(i * 7 + i / 251);
  packet::InternetSum sum;
  const std::size_t addresses = view.layer3 == packet::Layer3::ipv6 ? 32 : 8;
  sum.add(std::span(frame).subspan(view.l4_offset - addresses, addresses));
  sum.add(static_cast<std::uint32_t>(end - view.l4_offset));
  sum.add(std::uint32_t{packet::kProtocolTcp});
  sum.remove(std::span(frame).subspan(view.l4_offset + packet::kTcpChecksum, 2));
  sum.add(std::span(frame).first(end).subspan(view.l4_offset));
  base::store_be16(&frame[view.l4_offset + packet::kTcpChecksum], sum.finish());
  return frame;
}

std::vector<Frame> cut(const Frame& frame, std::uint16_t segment) {
  const auto whole = packet::LongSegment::of(frame, packet::parse(frame), segment);
  REQUIRE(whole.has_value());
  std::vector<Frame> parts;
  for (std::size_t i = 0; i < whole->count(); ++i) {
    Frame& part = parts.emplace_back(whole->length(i));
    whole->write(i, part);
  }
  return parts;
}

Frame payload_of(const Frame& frame) {
  const FrameView view = packet::parse(frame);
  const std::size_t end = packet::packet_end(frame, view);
  return {frame.begin() + static_cast<std::ptrdiff_t>(end - view.payload_length),
          frame.begin() + static_cast<std::ptrdiff_t>(end)};
}

/// The frames as one, if each continues those before; else as many as do.
struct Put {
  std::size_t count = 1;
  Frame frame;  // with its checksum finished
  packet::LeftOver left;
};
Put put_together(std::vector<Frame> frames) {
  std::vector<FrameView> views;
  views.reserve(frames.size());
  for (const Frame& frame : frames)
    views.push_back(packet::parse(frame));
  REQUIRE(packet::is_mergeable(frames[0], views[0]));
  packet::SegmentRun run(frames[0], views[0]);
  Put put;
  while (put.count < frames.size() && packet::is_mergeable(frames[put.count], views[put.count]) &&
         run.is_followed_by(frames[put.count], views[put.count])) {
    run.add(views[put.count++]);
  }
  CHECK(run.count() == put.count);
  put.left = run.finish();
  put.frame.assign(frames[0].begin(), frames[0].begin() + run.header() + views[0].payload_length);
  for (std::size_t i = 1; i < put.count; ++i) {
    const Frame more = payload_of(frames[i]);
    put.frame.insert(put.frame.end(), more.begin(), more.end());
  }
  packet::finish_checksum(put.frame, put.left);
  return put;
}

bool is_sound(const Frame& frame) {
  const FrameView view = packet::parse(frame);
  return view.status == packet::ParseStatus::ok && packet::has_good_checksums(frame, view);
}

}  // namespace

TEST_CASE("a long segment is cut into what a stack would have sent") {
  const bool is_ipv6 = GENERATE(false, true);
  const Frame frame = filled(data(is_ipv6, 1000, 3500, kAck | kPsh | kFin | kCwr));
  const std::vector<Frame> parts = cut(frame, 1400);
  REQUIRE(parts.size() == 3);
  Frame together;
  for (std::size_t i = 0; i < parts.size(); ++i) {
    const FrameView view = packet::parse(parts[i]);
    CHECK(is_sound(parts[i]));
    CHECK(view.key == packet::parse(frame).key);
    CHECK(view.tcp_sequence == 1000 + 1400 * i);
    CHECK(view.tcp_acknowledgement == 77);
    CHECK(view.payload_length == (i < 2 ? 1400 : 700));
    CHECK(view.has_flag(kFin) == (i == 2));
    CHECK(view.has_flag(kPsh) == (i == 2));
    CHECK(view.has_flag(kCwr) == (i == 0));
    if (!is_ipv6) {
      CHECK(base::load_be16(&parts[i][18]) ==
            static_cast<std::uint16_t>(base::load_be16(&frame[18]) + i));
    }
    const Frame payload = payload_of(parts[i]);
    together.insert(together.end(), payload.begin(), payload.end());
  }
  CHECK(together == payload_of(frame));
}

TEST_CASE("sequence numbers wrap within a long segment") {
  const std::vector<Frame> parts = cut(filled(data(false, 0xffff'ff00, 600)), 300);
  REQUIRE(parts.size() == 2);
  CHECK(packet::parse(parts[1]).tcp_sequence == 0xffff'ff00U + 300U);
  CHECK(put_together(parts).count == 2);
}

TEST_CASE("tags and options go into every piece") {
  Frame frame =
      filled(FrameBuilder().vlan(7).ip("10.0.0.1", "10.0.0.2").tcp(1, 2, kAck).payload(1000 + 12));
  // The first twelve bytes of payload become options.
  const FrameView view = packet::parse(frame);
  frame[view.l4_offset + 12U] = 0x80;
  for (const Frame& part : cut(frame, 500)) {
    CHECK(is_sound(part));
    CHECK(packet::parse(part).vlan_id == 7);
    CHECK(packet::parse(part).payload_length == 500);
    CHECK(std::equal(part.begin() + view.l4_offset + 20, part.begin() + view.l4_offset + 32,
                     frame.begin() + view.l4_offset + 20));
  }
}

TEST_CASE("what is no plain TCP is not cut") {
  const std::vector<Frame> frames = {
      FrameBuilder().ip("10.0.0.1", "10.0.0.2").udp(1, 2).payload(900),
      FrameBuilder().ip("10.0.0.1", "10.0.0.2").tcp(1, 2, kAck),
      FrameBuilder().ip("10.0.0.1", "10.0.0.2").fragment(0, true).tcp(1, 2, kAck).payload(64),
      FrameBuilder().ip("10.0.0.1", "10.0.0.2").options({1, 1, 1, 0}).tcp(1, 2, kAck).payload(64),
      FrameBuilder().ip("2001:db8::1", "2001:db8::2").extension(60).tcp(1, 2, kAck).payload(64),
      arp({.sender_ip = "10.0.0.1", .target_ip = "10.0.0.2"}),
  };
  for (const Frame& frame : frames) {
    CHECK_FALSE(packet::LongSegment::of(frame, packet::parse(frame), 10).has_value());
    CHECK_FALSE(packet::is_mergeable(frame, packet::parse(frame)));
  }
  const Frame plain = data(false, 1, 64);
  CHECK_FALSE(packet::LongSegment::of(plain, packet::parse(plain), 0).has_value());
}

TEST_CASE("pieces put together are the long segment they came from") {
  const bool is_ipv6 = GENERATE(false, true);
  const std::size_t payload = GENERATE(2800U, 3500U, 3501U, 61000U);
  const Frame frame = filled(data(is_ipv6, 5, payload, kAck | kPsh));
  const Put put = put_together(cut(frame, 1400));
  CHECK(put.count == (payload + 1399) / 1400);
  CHECK(put.left.segment == 1400);
  CHECK(is_sound(put.frame));
  CHECK(payload_of(put.frame) == payload_of(frame));
  CHECK(packet::parse(put.frame).tcp_sequence == 5);
  CHECK(packet::parse(put.frame).has_flag(kPsh));
}

TEST_CASE("an odd number of bytes in each piece adds up as well") {
  CHECK(is_sound(put_together(cut(filled(data(false, 5, 999)), 333)).frame));
}

TEST_CASE("a lone segment is handed on with its checksum open") {
  const Frame frame = filled(data(false, 5, 100));
  const Put put = put_together({frame});
  CHECK(put.left.segment == 0);
  CHECK(put.left.has_checksum());
  CHECK(is_sound(put.frame));
  CHECK(payload_of(put.frame) == payload_of(frame));
}

TEST_CASE("a run ends with a shorter segment, with PSH, and before a packet would be too long") {
  CHECK(put_together({data(false, 1, 100), data(false, 101, 50), data(false, 151, 50)}).count == 2);
  CHECK(put_together({data(false, 1, 100, kAck | kPsh), data(false, 101, 100)}).count == 1);
  CHECK(
      put_together({data(false, 1, 100), data(false, 101, 100, kAck | kPsh), data(false, 201, 100)})
          .count == 2);
  std::vector<Frame> many;
  for (std::uint32_t i = 0; i < 50; ++i)
    many.push_back(data(false, 1 + i * 1400, 1400));
  const Put put = put_together(many);
  CHECK(put.count == 46);
  CHECK(put.frame.size() - packet::kEthernetHeader <= packet::kLongestPacket);
}

TEST_CASE("segments that differ in more than their place are kept apart") {
  const bool is_ipv6 = GENERATE(false, true);
  const Frame first = data(is_ipv6, 1, 100);
  const Frame next = data(is_ipv6, 101, 100);
  REQUIRE(put_together({first, next}).count == 2);
  const auto is_apart = [&first](const Frame& other) {
    return put_together({first, other}).count == 1;
  };
  CHECK(is_apart(data(is_ipv6, 102, 100)));  // a gap
  CHECK(is_apart(data(is_ipv6, 1, 100)));    // the same again
  CHECK(is_apart(data(is_ipv6, 101, 101)));  // longer than the first
  CHECK(is_apart(data(is_ipv6, 101, 0)));    // a bare acknowledgement
  CHECK(is_apart(data(is_ipv6, 101, 100, kAck | kFin)));
  CHECK(is_apart(data(is_ipv6, 101, 100, kAck | kRst)));
  CHECK(is_apart(data(is_ipv6, 101, 100, kAck | kCwr)));
  CHECK(is_apart(data(is_ipv6, 101, 100, kAck | 0x20)));  // urgent
  CHECK(is_apart(uncut(builder(is_ipv6, 101, 100).numbers(101, 78))));
  CHECK(is_apart(uncut(builder(is_ipv6, 101, 100).tcp(40001, 80, kAck).numbers(101, 77))));
  CHECK(is_apart(uncut(builder(is_ipv6, 101, 100).hop_limit(63))));
  CHECK(is_apart(uncut(builder(is_ipv6, 101, 100).vlan(5))));
  CHECK(is_apart(uncut(builder(is_ipv6, 101, 100).to(mac("02:00:00:00:00:99")))));
  CHECK(is_apart(data(!is_ipv6, 101, 100)));
  const std::size_t tcp = packet::parse(next).l4_offset;
  CHECK(is_apart(patch(next, tcp + 14, {0x12, 0x34})));  // window
  CHECK(is_apart(patch(next, tcp + 12, {0x60})));        // options
  CHECK(is_apart(patch(next, 15, {0x03})));              // a mark of congestion
}

TEST_CASE("the identification of a packet that may be cut must be the next one") {
  const auto with_id = [](std::uint16_t id, std::uint8_t flags) {
    Frame frame = patch(data(false, id == 10 ? 1 : 101, 100), 18,
                        {static_cast<std::uint8_t>(id >> 8U), static_cast<std::uint8_t>(id)});
    return patch(std::move(frame), 20, {flags});
  };
  CHECK(put_together({with_id(10, 0), with_id(11, 0)}).count == 2);
  CHECK(put_together({with_id(10, 0), with_id(12, 0)}).count == 1);
  CHECK(put_together({with_id(10, 0x40), with_id(12, 0x40)}).count == 2);
  CHECK(put_together({with_id(10, 0x40), with_id(11, 0)}).count == 1);
}

TEST_CASE("a broken checksum is seen") {
  const bool is_ipv6 = GENERATE(false, true);
  const Frame frame = filled(data(is_ipv6, 1, 99));
  const FrameView view = packet::parse(frame);
  for (std::size_t at = view.l4_offset; at < frame.size(); ++at) {
    Frame broken = frame;
    broken[at] ^= 0x10;
    const FrameView seen = packet::parse(broken);
    if (seen.status != packet::ParseStatus::ok) continue;
    CHECK_FALSE(packet::has_good_checksums(broken, seen));
  }
  CHECK(is_sound(frame));
  if (is_ipv6) return;
  const Frame header = patch(frame, 24, {0, 0});
  CHECK_FALSE(packet::has_good_checksums(header, packet::parse(header)));
}

TEST_CASE("a checksum is finished wherever it lies, and nowhere else") {
  Frame frame = data(false, 1, 10);
  const Frame before = frame;
  packet::finish_checksum(frame, {static_cast<std::uint16_t>(frame.size()), 60, 0});
  packet::finish_checksum(frame, {34, static_cast<std::uint16_t>(frame.size() - 1), 0});
  packet::finish_checksum(frame, {40, 38, 0});
  packet::finish_checksum(frame, {});
  CHECK(frame == before);
  // Bytes that add up to all ones: UDP would take a zero for "none".
  Frame zero = {0x12, 0x34, 0xed, 0xcb, 0, 0};
  packet::finish_checksum(zero, {0, 4, 0});
  CHECK(base::load_be16(&zero[4]) == 0xffff);
}
