// SPDX-License-Identifier: BSD-3-Clause
#include "packet/group_message.h"

#include <algorithm>
#include <array>

#include "base/endian.h"
#include "packet/checksum.h"
#include "packet/group_address.h"
#include "packet/question.h"

namespace covey::packet {

namespace {

using base::Family;
using base::IpAddress;
using base::load_be16;
using base::store_be16;
using Bytes = std::span<const std::uint8_t>;

constexpr std::size_t kChecksum = 2;  // at the same place in both protocols

constexpr std::size_t kIgmpMessage = 8;  // versions 1 and 2; the head of a report of version 3
constexpr std::size_t kIgmpQuery3 = 12;  // without sources
constexpr std::uint8_t kIgmpQuery = 0x11;
constexpr std::uint8_t kIgmpReport1 = 0x12;
constexpr std::uint8_t kIgmpReport2 = 0x16;
constexpr std::uint8_t kIgmpLeave2 = 0x17;
constexpr std::uint8_t kIgmpReport3 = 0x22;

constexpr std::size_t kMldMessage = 24;  // version 1
constexpr std::size_t kMldQuery2 = 28;   // without sources
constexpr std::size_t kMldReport2Head = 8;

// What both reports of the newest version are made of: type, no auxiliary data, no sources, group.
constexpr std::size_t kRecordHead = 4;

// Larger times are written as floating point: RFC 3376 section 4.1.1 has four bits of mantissa,
// RFC 3810 section 5.1.3 twelve.
constexpr std::uint32_t decoded(std::uint32_t code, unsigned mantissa_bits) {
  const std::uint32_t is_floating = 1U << (mantissa_bits + 3);
  if (code < is_floating) return code;
  const std::uint32_t hidden = 1U << mantissa_bits;
  const std::uint32_t mantissa = (code & (hidden - 1)) | hidden;
  return mantissa << (((code >> mantissa_bits) & 7U) + 3);
}

bool is_link_local(const std::array<std::uint8_t, 16>& address) {
  return address[0] == 0xfe && (address[1] & 0xc0U) == 0x80;
}

/// The group a query names; nothing if it names what is no group.
std::optional<IpAddress> asked_group(const IpAddress& named) {
  constexpr std::array<std::uint8_t, 16> kUnspecified{};
  if (named.bytes == kUnspecified) return IpAddress{};
  if (!named.is_multicast()) return std::nullopt;
  return named;
}

std::optional<GroupQuery> read_igmp_query(Bytes message) {
  if (message.size() < kIgmpMessage || message[0] != kIgmpQuery) return std::nullopt;
  InternetSum sum;
  sum.add(message);
  const std::optional<IpAddress> group = asked_group(IpAddress::from_ipv4(&message[4]));
  if (sum.finish() != 0 || !group) return std::nullopt;
  GroupQuery query{.family = Family::ipv4, .group = *group};
  constexpr std::chrono::milliseconds kUnit(100);
  const std::uint8_t code = message[1];
  if (message.size() >= kIgmpQuery3) {
    query.version = 3;
    query.response_time = decoded(code, 4) * kUnit;
  } else if (message.size() != kIgmpMessage) {
    return std::nullopt;
  } else if (code != 0) {
    query.version = 2;
    query.response_time = code * kUnit;
  } else {
    query.version = 1;
    query.response_time = 100 * kUnit;  // RFC 1112
  }
  return query;
}

std::optional<GroupQuery> read_mld_query(Bytes ip, Bytes message) {
  constexpr std::uint8_t kHopByHop = 0;
  if (message.size() < kMldMessage || message[0] != kIcmpv6ListenerQuery) return std::nullopt;
  // Proof that it comes from this link, and what makes a router look at it.
  const bool is_of_this_link = ip[6] == kHopByHop && ip[7] == 1;
  const IpAddress source = IpAddress::from_ipv6(&ip[kIpv6Addresses]);
  if (!is_of_this_link || !is_link_local(source.bytes)) return std::nullopt;
  if (ipv6_checksum(ip.subspan(kIpv6Addresses, 32), kProtocolIcmpv6, message) != 0) {
    return std::nullopt;
  }
  const std::optional<IpAddress> group = asked_group(IpAddress::from_ipv6(&message[8]));
  if (!group) return std::nullopt;
  const std::uint16_t code = load_be16(&message[4]);
  GroupQuery query{.family = Family::ipv6, .group = *group};
  if (message.size() >= kMldQuery2) {
    query.version = 2;
    query.response_time = std::chrono::milliseconds(decoded(code, 12));
  } else if (message.size() == kMldMessage) {
    query.version = 1;
    query.response_time = std::chrono::milliseconds(code);
  } else {
    return std::nullopt;
  }
  return query;
}

void put(std::uint8_t* at, Bytes bytes) noexcept {
  std::ranges::copy(bytes, at);
}

Bytes bytes_of(const IpAddress& address) noexcept {
  return {address.bytes.data(), address.byte_length()};
}

/// The records of a report of the newest version; returns where they end.
std::uint8_t* put_records(const GroupReport& report, std::uint8_t* at) noexcept {
  for (const IpAddress& group : report.groups) {
    at[0] = static_cast<std::uint8_t>(report.listening);
    put(at + kRecordHead, bytes_of(group));
    at += kRecordHead + group.byte_length();
  }
  return at;
}

// Whom a message is for: those that look after groups, or all that listen to this one.
IpAddress destination_of(const GroupReport& report) noexcept {
  constexpr std::array<std::uint8_t, 4> kAllRouters4 = {224, 0, 0, 2};
  constexpr std::array<std::uint8_t, 4> kReportRouters4 = {224, 0, 0, 22};
  constexpr std::array<std::uint8_t, 16> kAllRouters6 = {0xff, 2, 0, 0, 0, 0, 0, 0,
                                                         0,    0, 0, 0, 0, 0, 0, 2};
  constexpr std::array<std::uint8_t, 16> kReportRouters6 = {0xff, 2, 0, 0, 0, 0, 0, 0,
                                                            0,    0, 0, 0, 0, 0, 0, 0x16};
  const IpAddress& group = report.groups.front();
  const bool is_ipv4 = group.family == Family::ipv4;
  if (report.version == newest_group_version(group.family)) {
    return is_ipv4 ? IpAddress::from_ipv4(kReportRouters4.data())
                   : IpAddress::from_ipv6(kReportRouters6.data());
  }
  if (report.listening != Listening::ends) return group;
  return is_ipv4 ? IpAddress::from_ipv4(kAllRouters4.data())
                 : IpAddress::from_ipv6(kAllRouters6.data());
}

std::uint8_t igmp_type(const GroupReport& report) noexcept {
  if (report.version == 3) return kIgmpReport3;
  if (report.version == 1) return kIgmpReport1;
  return report.listening == Listening::ends ? kIgmpLeave2 : kIgmpReport2;
}

/// Returns the end of the packet.
std::uint8_t* put_igmp(const GroupReport& report, const GroupListener& listener,
                       const IpAddress& destination, std::uint8_t* ip) noexcept {
  constexpr std::array<std::uint8_t, 4> kRouterAlert = {0x94, 4, 0, 0};
  constexpr std::size_t kHeader = kIpv4Header + kRouterAlert.size();
  std::uint8_t* igmp = ip + kHeader;
  std::uint8_t* end = igmp + kIgmpMessage;
  igmp[0] = igmp_type(report);
  if (report.version == 3) {
    store_be16(igmp + 6, static_cast<std::uint16_t>(report.groups.size()));
    end = put_records(report, end);
  } else {
    put(igmp + 4, bytes_of(report.groups.front()));
  }
  InternetSum sum;
  sum.add({igmp, end});
  store_be16(igmp + kChecksum, sum.finish());

  ip[0] = 0x40 + kHeader / 4;
  ip[1] = 0xc0;  // internetwork control
  store_be16(ip + 2, static_cast<std::uint16_t>(end - ip));
  ip[8] = 1;  // it stays on this link
  ip[9] = kProtocolIgmp;
  put(ip + 12, Bytes(listener.ipv4.bytes).first(4));
  put(ip + 16, bytes_of(destination));
  put(ip + kIpv4Header, kRouterAlert);
  InternetSum header;
  header.add({ip, kHeader});
  store_be16(ip + 10, header.finish());
  return end;
}

/// Returns the end of the packet.
std::uint8_t* put_mld(const GroupReport& report, const GroupListener& listener,
                      const IpAddress& destination, std::uint8_t* ip) noexcept {
  constexpr std::array<std::uint8_t, kRouterAlertIpv6> kRouterAlert = {
      kProtocolIcmpv6, 0, 5, 2, 0, 0, 1, 0};
  std::uint8_t* icmp = ip + kIpv6Header + kRouterAlert.size();
  std::uint8_t* end = icmp + kMldMessage;
  if (report.version == 2) {
    icmp[0] = kIcmpv6ListenerReport2;
    store_be16(icmp + 6, static_cast<std::uint16_t>(report.groups.size()));
    end = put_records(report, icmp + kMldReport2Head);
  } else {
    icmp[0] = report.listening == Listening::ends ? kIcmpv6ListenerDone : kIcmpv6ListenerReport;
    put(icmp + 8, bytes_of(report.groups.front()));
  }
  ip[0] = 0x60;
  store_be16(ip + 4, static_cast<std::uint16_t>(end - (ip + kIpv6Header)));
  ip[6] = 0;  // hop-by-hop options
  ip[7] = 1;  // it stays on this link
  put(ip + kIpv6Addresses, link_local_address(listener.mac).bytes);
  put(ip + kIpv6Addresses + 16, destination.bytes);
  put(ip + kIpv6Header, kRouterAlert);
  store_be16(icmp + kChecksum,
             ipv6_checksum({ip + kIpv6Addresses, 32}, kProtocolIcmpv6, {icmp, end}));
  return end;
}

bool is_possible(const GroupReport& report) noexcept {
  if (report.groups.empty() || report.groups.size() > kMaxGroupRecords) return false;
  const Family family = report.groups.front().family;
  if (report.version == newest_group_version(family)) return true;
  if (report.groups.size() > 1) return false;
  return family == Family::ipv6 || report.version == 2 || report.listening != Listening::ends;
}

}  // namespace

bool is_group_message(const FrameView& view) noexcept {
  if (view.layer3 == Layer3::ipv4) return view.key.protocol == kProtocolIgmp;
  if (view.layer3 != Layer3::ipv6 || view.key.protocol != kProtocolIcmpv6) return false;
  if (view.is_later_fragment) return false;
  const std::uint8_t type = view.icmp_type;
  return (type >= kIcmpv6ListenerQuery && type <= kIcmpv6ListenerDone) ||
         type == kIcmpv6ListenerReport2;
}

std::optional<GroupQuery> read_group_query(std::span<const std::uint8_t> frame,
                                           const FrameView& view) noexcept {
  if (view.status != ParseStatus::ok || view.l4_offset == 0 || view.is_fragment ||
      !is_group_message(view)) {
    return std::nullopt;
  }
  const std::size_t end = packet_end(frame, view);
  const Bytes message = frame.subspan(view.l4_offset, end - view.l4_offset);
  return view.layer3 == Layer3::ipv4 ? read_igmp_query(message)
                                     : read_mld_query(frame.subspan(view.l3_offset), message);
}

std::size_t build_group_report(const GroupReport& report, const GroupListener& listener,
                               std::span<std::uint8_t> out) noexcept {
  if (!is_possible(report) || out.size() < kGroupReportRoom) return 0;
  std::ranges::fill(out, std::uint8_t{0});
  const IpAddress destination = destination_of(report);
  const bool is_ipv4 = destination.family == Family::ipv4;
  put(out.data(), group_mac(destination).bytes);
  put(out.data() + 6, listener.mac.bytes);
  store_be16(out.data() + kEtherTypeOffset, is_ipv4 ? kEtherTypeIpv4 : kEtherTypeIpv6);
  std::uint8_t* ip = out.data() + kEthernetHeader;
  const std::uint8_t* end = is_ipv4 ? put_igmp(report, listener, destination, ip)
                                    : put_mld(report, listener, destination, ip);
  return std::max(kMinimumFrame, static_cast<std::size_t>(end - out.data()));
}

}  // namespace covey::packet
