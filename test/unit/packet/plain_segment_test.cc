// SPDX-License-Identifier: BSD-3-Clause
#include "packet/plain_segment.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstring>
#include <random>
#include <vector>

#include "support/environment.h"
#include "support/frames.h"

using namespace covey;
using packet::FrameView;
using packet::ParseStatus;
using test::Frame;
using test::FrameBuilder;

namespace {

std::vector<Frame> segments(bool ipv6) {
  FrameBuilder bare;
  if (ipv6) {
    bare.ip("2001:db8:1:2:3:4:5:6", "2001:db8::50");
  } else {
    bare.ip("10.77.0.100", "10.77.0.50");
  }
  std::vector<Frame> frames;
  for (const std::uint8_t flags : {test::kSyn, test::kAck, test::kFin, test::kRst}) {
    bare.tcp(40000, 80, flags).numbers(0x81828384, 0xf1f2f3f4);
    for (const std::size_t payload : {0U, 1U, 5U, 40U, 1400U})
      frames.push_back(FrameBuilder(bare).payload(payload));
  }
  return frames;
}

/// What must not be left in any field.
FrameView litter() {
  FrameView view;
  std::memset(static_cast<void*>(&view), 0xa5, sizeof(view));
  return view;
}

/// What Screen makes sure of before anything is read so.
bool is_plain(const Frame& frame, const FrameView& view) {
  const bool is_ipv4 = view.layer3 == packet::Layer3::ipv4;
  const std::size_t header = is_ipv4 ? packet::kIpv4Header : packet::kIpv6Header;
  return frame.size() >= packet::kEthernetHeader && view.status == ParseStatus::ok &&
         !view.has_vlan && (is_ipv4 || view.layer3 == packet::Layer3::ipv6) && !view.is_fragment &&
         view.key.protocol == packet::kProtocolTcp &&
         view.l4_offset == packet::kEthernetHeader + header;
}

bool is_same(const FrameView& a, const FrameView& b) {
  return a.status == b.status && a.layer3 == b.layer3 && a.has_vlan == b.has_vlan &&
         a.is_fragment == b.is_fragment && a.is_later_fragment == b.is_later_fragment &&
         a.has_ports == b.has_ports && a.tcp_flags == b.tcp_flags && a.icmp_type == b.icmp_type &&
         a.icmp_code == b.icmp_code && a.vlan_id == b.vlan_id && a.ether_type == b.ether_type &&
         a.l3_offset == b.l3_offset && a.l4_offset == b.l4_offset &&
         a.payload_length == b.payload_length && a.fragment_id == b.fragment_id &&
         a.tcp_sequence == b.tcp_sequence && a.tcp_acknowledgement == b.tcp_acknowledgement &&
         a.key == b.key;
}

/// Whether the fast readers say what parse_into() says, of the view and of the key in registers.
bool is_read_alike(const Frame& frame, const FrameView& expected) {
  FrameView view = litter();
  packet::KeyWords words;
  if (packet::is_plain_ipv4(frame)) {
    const packet::Ipv4KeyWords ipv4 = packet::read_plain_ipv4(frame, view);
    words = {ipv4.source, 0, ipv4.destination, 0, ipv4.ports};
  } else {
    words = packet::read_plain_ipv6(frame, view);
  }
  return is_same(view, expected) && std::memcmp(&words, &expected.key, sizeof(words)) == 0;
}

}  // namespace

TEST_CASE("plain segments are read as parse() reads them") {
  for (const bool ipv6 : {false, true}) {
    for (const Frame& frame : segments(ipv6)) {
      const FrameView expected = packet::parse(frame);
      INFO("IPv6 " << ipv6 << ", " << frame.size() << " bytes");
      REQUIRE(is_plain(frame, expected));
      CHECK(packet::is_plain_ipv4(frame) == !ipv6);
      CHECK(is_read_alike(frame, expected));
    }
  }
}

TEST_CASE("whatever the bytes are: what is plain is read as parse() reads it") {
  constexpr std::uint64_t kSeed = 31;
  WARN("seed " << kSeed);
  std::mt19937_64 random(kSeed);
  std::vector<Frame> models = segments(false);
  for (const Frame& frame : segments(true))
    models.push_back(frame);
  const std::size_t cases = test::from_environment("COVEY_TEST_CASES", 200'000);
  std::size_t plain = 0;
  for (std::size_t n = 0; n < cases; ++n) {
    Frame frame = models[random() % models.size()];
    // Mostly headers: what is behind them changes nothing.
    const std::size_t reach = std::min<std::size_t>(frame.size(), 80);
    for (std::uint64_t changes = random() % 6; changes > 0; --changes)
      frame[random() % reach] = static_cast<std::uint8_t>(random());
    if (random() % 8 == 0) frame.resize(random() % (frame.size() + 1));
    if (random() % 8 == 0) frame.resize(frame.size() + random() % 32);  // Ethernet padding
    const FrameView expected = packet::parse(frame);
    if (!is_plain(frame, expected)) continue;
    ++plain;
    if (!is_read_alike(frame, expected)) FAIL("seed " << kSeed << ", case " << n << " differs");
  }
  CHECK(plain > cases / 5);
}
