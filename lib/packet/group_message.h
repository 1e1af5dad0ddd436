// SPDX-License-Identifier: BSD-3-Clause
// Group membership: reads the query of a multicast router or switch, builds what a host says about
// the groups it listens to. IGMP (RFC 1112, 2236, 3376) for IPv4 groups, MLD (RFC 2710, 3810) for
// IPv6 groups.
//
// Owner: packet. Thread: any; pure. Versions are those of the protocol of the family: IGMP 1 to 3,
// MLD 1 and 2. Only membership as such is known, not lists of sources: whoever listens wants
// everything that is sent to the group.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "base/address.h"
#include "base/time.h"
#include "packet/headers.h"

namespace covey::packet {

/// Of the protocol for groups of this family.
[[nodiscard]] constexpr std::uint8_t newest_group_version(base::Family family) noexcept {
  return family == base::Family::ipv4 ? 3 : 2;
}

/// A message of either protocol, whatever it says. `view` must be ok.
[[nodiscard]] bool is_group_message(const FrameView& view) noexcept;

struct GroupQuery {
  base::Family family = base::Family::none;
  std::uint8_t version = 0;
  base::Duration response_time{};  // within which the answer should come
  base::IpAddress group;           // of family none: asks about all groups
};
/// Nothing if the frame is no query, or one that must be ignored: a wrong checksum, a length that
/// no version has; an MLD query that did not come from this link (RFC 3810 section 6.2).
[[nodiscard]] std::optional<GroupQuery> read_group_query(std::span<const std::uint8_t> frame,
                                                         const FrameView& view) noexcept;

/// Numbers of the record types of IGMPv3 and MLDv2, which have no list of sources here.
enum class Listening : std::uint8_t {
  goes_on = 2,  // "mode is exclude": the answer to a query
  ends = 3,     // "change to include"
  begins = 4,   // "change to exclude"
};

inline constexpr std::size_t kMaxGroupRecords = 32;  // of one message: far below any MTU
struct GroupReport {
  std::uint8_t version = 0;
  Listening listening = Listening::goes_on;
  std::span<const base::IpAddress> groups;  // 1..kMaxGroupRecords, of one family
};

/// The host that reports. The source of MLD is the link-local address that belongs to `mac`.
struct GroupListener {
  base::MacAddress mac;
  base::IpAddress ipv4;  // of family none: 0.0.0.0, as RFC 3376 section 4.2.13 allows
};

inline constexpr std::size_t kRouterAlertIpv6 = 8;  // a hop-by-hop header with that option
inline constexpr std::size_t kGroupReportRoom =
    kEthernetHeader + kIpv6Header + kRouterAlertIpv6 + 8 + kMaxGroupRecords * 20;

/// Writes the frame; returns its length, 0 if there is no such message: IGMPv1 knows no end, and
/// versions older than the newest have one group in each message.
[[nodiscard]] std::size_t build_group_report(const GroupReport& report,
                                             const GroupListener& listener,
                                             std::span<std::uint8_t> out) noexcept;

}  // namespace covey::packet
