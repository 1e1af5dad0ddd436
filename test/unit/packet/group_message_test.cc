// SPDX-License-Identifier: BSD-3-Clause
#include "packet/group_message.h"

#include <array>
#include <catch2/catch.hpp>

#include "packet/group_address.h"
#include "support/frames.h"
#include "support/groups.h"

using namespace covey;
using namespace covey::test;
using namespace std::chrono_literals;
using packet::Listening;

namespace {

constexpr std::string_view kClient = "10.77.0.100";
constexpr base::MacAddress kMac{{0x02, 0x01, 10, 77, 0, 50}};

std::optional<packet::GroupQuery> read(const Frame& frame) {
  return packet::read_group_query(frame, packet::parse(frame));
}

Frame built(const packet::GroupReport& report, std::string_view source = "") {
  packet::GroupListener listener{kMac, {}};
  if (!source.empty()) listener.ipv4 = ip(source);
  Frame out(packet::kGroupReportRoom, 0xee);
  out.resize(packet::build_group_report(report, listener, out));
  return out;
}

Frame report_of(std::string_view group, std::uint8_t version, Listening listening) {
  const std::array groups = {ip(group)};
  return built({version, listening, groups});
}

/// From the type on, without Ethernet padding.
Frame message_of(const Frame& frame) {
  const packet::FrameView view = packet::parse(frame);
  REQUIRE(view.status == packet::ParseStatus::ok);
  return {frame.begin() + view.l4_offset,
          frame.begin() + static_cast<std::ptrdiff_t>(packet::packet_end(frame, view))};
}

struct Asked {
  std::string name;
  Frame frame;
  std::uint8_t version;
  base::Duration response_time;
  std::string group;  // "": all
};

void check_asked(const std::vector<Asked>& asked) {
  for (const Asked& row : asked) {
    INFO(row.name);
    const auto query = read(row.frame);
    REQUIRE(query);
    CHECK(query->version == row.version);
    CHECK(query->response_time == row.response_time);
    CHECK((query->group.family == base::Family::none ? "" : query->group.to_string()) == row.group);
  }
}

}  // namespace

TEST_CASE("the version of a query follows from its length, and from the time it leaves") {
  check_asked({
      {"IGMPv1", igmp_query({.version = 1, .code = 0}), 1, 10s, ""},
      {"IGMPv2", igmp_query({.version = 2, .code = 100}), 2, 10s, ""},
      {"IGMPv2, about a group", igmp_query({2, "239.255.0.50", 10}), 2, 1s, "239.255.0.50"},
      {"IGMPv3", igmp_query({.code = 127}), 3, 12700ms, ""},
      {"IGMPv3, a long time", igmp_query({.code = 0x80}), 3, 12800ms, ""},
      {"IGMPv3, the longest", igmp_query({.code = 0xff}), 3, 3174400ms, ""},
      {"IGMPv3, no time", igmp_query({.code = 0}), 3, 0ms, ""},
      {"MLDv1", mld_query({.version = 1, .code = 10000}), 1, 10s, ""},
      {"MLDv1, about a group", mld_query({1, "ff02::1:ff00:50", 1000}), 1, 1s, "ff02::1:ff00:50"},
      {"MLDv2", mld_query({.version = 2, .code = 10000}), 2, 10s, ""},
      {"MLDv2, a long time", mld_query({.version = 2, .code = 0x8000}), 2, 32768ms, ""},
      {"MLDv2, the longest", mld_query({.version = 2, .code = 0xffff}), 2, 8387584ms, ""},
  });
}

TEST_CASE("a query that cannot be trusted is none") {
  const Frame igmp = igmp_query({});
  const Frame mld = mld_query({.version = 2});
  constexpr std::size_t kIgmp = 14 + 24;
  const std::vector<std::pair<std::string, Frame>> frames = {
      {"IGMP, wrong checksum", patch(igmp, kIgmp + 2, {0, 0})},
      {"IGMP, about an address that is no group", igmp_query({2, "10.77.0.50", 10})},
      {"IGMP, of 9 bytes", FrameBuilder().ip(kClient, "224.0.0.1").protocol(2, Frame(9, 0x11))},
      {"IGMP, of 4 bytes", FrameBuilder().ip(kClient, "224.0.0.1").protocol(2, {0x11, 0, 0, 0})},
      {"IGMP, a fragment", igmp_query({}).fragment(0, true)},
      {"IGMP, a report", igmp_report("239.255.0.50")},
      {"MLD, wrong checksum", patch(mld, 14 + 40 + 8 + 2, {0, 0})},
      {"MLD, through a router", mld_query({.version = 2}).hop_limit(64)},
      {"MLD, not of this link", mld_query({.version = 2}).ip("2001:db8::1", "ff02::1")},
      {"MLD, without a header in front",
       FrameBuilder().ip("fe80::1", "ff02::1").hop_limit(1).icmp(130, 0, Frame(20, 0))},
      {"MLD, of 26 bytes", FrameBuilder()
                               .ip("fe80::1", "ff02::1")
                               .hop_limit(1)
                               .extension(0)
                               .icmp(130, 0, Frame(22, 0))},
      {"MLD, of 8 bytes",
       FrameBuilder().ip("fe80::1", "ff02::1").hop_limit(1).extension(0).icmp(130, 0)},
      {"MLD, about an address that is no group", mld_query({1, "2001:db8:77::50", 10})},
      {"MLD, a report", mld_report("ff02::1:ff00:50")},
      {"UDP", FrameBuilder().ip(kClient, "224.0.0.1").udp(1, 2)},
      {"nothing", {}},
  };
  for (const auto& [name, frame] : frames) {
    INFO(name);
    CHECK_FALSE(read(frame));
  }
}

TEST_CASE("padding of Ethernet is no part of a query") {
  const auto query = read(resized(igmp_query({.version = 2}), packet::kMinimumFrame));
  REQUIRE(query);
  CHECK(query->version == 2);
}

TEST_CASE("IGMPv3 says all groups in one message to the routers that listen to it") {
  const std::array groups = {ip("239.255.0.50"), ip("239.255.1.1")};
  const Frame frame = built({3, Listening::begins, groups}, "10.77.0.11");
  CHECK(packet::destination_mac(frame) == mac("01:00:5e:00:00:16"));
  CHECK(packet::source_mac(frame) == kMac);
  const packet::FrameView view = packet::parse(frame);
  CHECK(view.key.source_address() == ip("10.77.0.11"));
  CHECK(view.key.destination_address() == ip("224.0.0.22"));
  CHECK(frame[14 + 8] == 1);  // hops
  CHECK(Frame(frame.begin() + 14 + 20, frame.begin() + 14 + 24) == Frame{0x94, 4, 0, 0});
  const Frame message = message_of(frame);
  CHECK(message[0] == 0x22);
  CHECK(Frame(message.begin() + 6, message.end()) == Frame{0, 2,                         //
                                                           4, 0, 0, 0, 239, 255, 0, 50,  //
                                                           4, 0, 0, 0, 239, 255, 1, 1});
  CHECK(checksums_are_right(frame));
}

TEST_CASE("older IGMP speaks to the group, and of an end to the routers") {
  const Frame two = report_of("239.255.0.50", 2, Listening::goes_on);
  CHECK(packet::destination_mac(two) == mac("01:00:5e:7f:00:32"));
  CHECK(packet::parse(two).key.source_address() == ip("0.0.0.0"));
  CHECK(packet::parse(two).key.destination_address() == ip("239.255.0.50"));
  CHECK(message_of(two)[0] == 0x16);
  CHECK(two.size() == packet::kMinimumFrame);
  CHECK(checksums_are_right(two));
  const Frame end = report_of("239.255.0.50", 2, Listening::ends);
  CHECK(packet::parse(end).key.destination_address() == ip("224.0.0.2"));
  CHECK(message_of(end)[0] == 0x17);
  CHECK(checksums_are_right(end));
  CHECK(message_of(report_of("239.255.0.50", 1, Listening::begins))[0] == 0x12);
  CHECK(report_of("239.255.0.50", 1, Listening::ends).empty());
}

TEST_CASE("MLD speaks from the link-local address of the host, behind a router alert") {
  const Frame two = report_of("ff02::1:ff00:50", 2, Listening::goes_on);
  CHECK(packet::destination_mac(two) == mac("33:33:00:00:00:16"));
  const packet::FrameView view = packet::parse(two);
  CHECK(view.key.source_address() == ip("fe80::1:aff:fe4d:32"));
  CHECK(view.key.destination_address() == ip("ff02::16"));
  CHECK(two[14 + 7] == 1);  // hops
  CHECK(Frame(two.begin() + 54, two.begin() + 62) == Frame{58, 0, 5, 2, 0, 0, 1, 0});
  const Frame message = message_of(two);
  CHECK(message[0] == 143);
  CHECK(Frame(message.begin() + 6, message.begin() + 12) == Frame{0, 1, 2, 0, 0, 0});
  CHECK(base::IpAddress::from_ipv6(&message[12]) == ip("ff02::1:ff00:50"));
  CHECK(checksums_are_right(two));

  const Frame one = report_of("ff02::1:ff00:50", 1, Listening::begins);
  CHECK(packet::destination_mac(one) == mac("33:33:ff:00:00:50"));
  CHECK(message_of(one)[0] == 131);
  CHECK(checksums_are_right(one));
  const Frame end = report_of("ff02::1:ff00:50", 1, Listening::ends);
  CHECK(packet::parse(end).key.destination_address() == ip("ff02::2"));
  CHECK(message_of(end)[0] == 132);
}

TEST_CASE("what does not fit into one message, or a buffer, is not written") {
  const std::vector<base::IpAddress> groups(packet::kMaxGroupRecords + 1, ip("ff02::1:ff00:50"));
  const std::span all(groups);
  CHECK(built({2, Listening::begins, all}).empty());
  CHECK(built({1, Listening::begins, all.first(2)}).empty());
  CHECK(built({2, Listening::begins, {}}).empty());
  CHECK(built({2, Listening::begins, all.first(packet::kMaxGroupRecords)}).size() ==
        packet::kGroupReportRoom);
  Frame small(packet::kGroupReportRoom - 1);
  CHECK(packet::build_group_report({2, Listening::begins, all.first(1)}, {kMac, {}}, small) == 0);
}

TEST_CASE("a cluster MAC of mode igmp belongs to one group of the organisation's own") {
  CHECK(packet::administrative_group(mac("01:00:5e:7f:00:32")) == ip("239.255.0.50"));
  CHECK(packet::administrative_group(mac("01:00:5e:01:02:03")) == ip("239.129.2.3"));
  for (const std::string_view text : {"01:00:5e:7f:00:32", "01:00:5e:01:02:03"})
    CHECK(packet::group_mac(packet::administrative_group(mac(text))) == mac(text));
}
