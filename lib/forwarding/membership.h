// SPDX-License-Identifier: BSD-3-Clause
// Membership: when a host says which multicast groups it listens to, and in which version of the
// protocol.
//
// Owner: forwarding. Thread: the worker that speaks for the host. Pure: time and chance are
// arguments; nothing is allocated after the constructor. For the sake of switches that snoop it is
// not quite an ordinary host: it holds nothing back because another has said the same (as IGMPv2
// and MLDv1 would); it says it every minute, asked or not; while nobody asks, in the newest version
// and the one before, since it is not known which one the switch understands; and a question about
// one group is answered for all groups of the family.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "base/address.h"
#include "base/time.h"
#include "forwarding/settings.h"
#include "forwarding/verdict.h"
#include "packet/group_message.h"

namespace covey::forwarding {

/// The groups whose frames this host must get: in mode igmp the one that the cluster MAC belongs
/// to; in every mode those in which neighbours ask for the IPv6 addresses. Each once.
[[nodiscard]] std::vector<base::IpAddress> listened_groups(const Settings& settings,
                                                           const base::MacAddress& cluster_mac);

/// What becomes of a message of group membership. Who listens to what, and who wants to know, is
/// between hosts, switches and routers: no message reaches the local stack, which would answer a
/// query for all the groups it has, as would the stack of every other host. Queries about `groups`
/// are noted; not those with a VLAN tag, since our own frames have none.
[[nodiscard]] Verdict judge_group_message(std::span<const std::uint8_t> frame,
                                          const packet::FrameView& view,
                                          std::span<const base::IpAddress> groups) noexcept;

class Membership {
 public:
  static constexpr base::Duration kUnasked = std::chrono::seconds(60);  // between two rounds
  static constexpr base::Duration kFirstAgain = std::chrono::seconds(1);
  /// A flood of questions makes no flood of answers: not more than one round in this time.
  static constexpr base::Duration kShortest = std::chrono::milliseconds(100);
  /// How long a question is remembered, and with it that its asker is there and speaks an older
  /// version: twice the usual 125 s between questions, and 10 s (RFC 3376 section 8.12).
  static constexpr base::Duration kAskerPresent = std::chrono::seconds(260);

  /// `seed` makes the delays of two hosts different.
  Membership(std::span<const base::IpAddress> groups, std::uint64_t seed);

  /// A query was heard; its group does not matter.
  void note_query(const packet::GroupQuery& query, base::TimePoint now) noexcept;
  /// From now on next() says once that nothing is listened to any more, and then no more.
  void leave() noexcept;
  /// What is to be said now: call it until it says nothing. The groups are of this object.
  [[nodiscard]] std::optional<packet::GroupReport> next(base::TimePoint now) noexcept;

 private:
  static constexpr std::uint8_t kNewest = 3;
  /// One family.
  struct Side {
    std::vector<base::IpAddress> groups;
    std::uint8_t newest = 0;
    base::TimePoint due = base::TimePoint::distant_past();  // of the next round
    base::TimePoint began = base::TimePoint::distant_past();
    std::uint8_t firsts = 2;  // rounds that are news; each may be lost on its way
    /// By version: until then an asker is taken to be there who speaks it.
    std::array<base::TimePoint, kNewest + 1> asker_until{};
    // The round under way, if `version` is not 0.
    std::uint8_t version = 0;
    std::uint8_t last_version = 0;
    std::size_t at = 0;  // of the groups, said in `version`
    packet::Listening listening = packet::Listening::begins;
  };

  [[nodiscard]] static std::optional<packet::GroupReport> next_of(Side& side,
                                                                  base::TimePoint now) noexcept;
  static void begin_round(Side& side, base::TimePoint now) noexcept;
  [[nodiscard]] std::uint32_t chance() noexcept;

  std::array<Side, 2> sides_;  // IPv4, IPv6
  std::uint64_t chance_;
};

}  // namespace covey::forwarding
