// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/membership.h"

#include <algorithm>

#include "base/split_mix.h"
#include "packet/group_address.h"

namespace covey::forwarding {

namespace {

using base::Family;
using packet::GroupReport;
using packet::Listening;

}  // namespace

std::vector<base::IpAddress> listened_groups(const Settings& settings,
                                             const base::MacAddress& cluster_mac) {
  std::vector<base::IpAddress> groups;
  if (settings.mode == ClusterMode::igmp)
    groups.push_back(packet::administrative_group(cluster_mac));
  for (const base::IpPrefix& prefix : addresses_of(settings)) {
    if (prefix.address.family != Family::ipv6) continue;
    const base::IpAddress group = packet::solicited_node_group(prefix.address);
    if (std::ranges::find(groups, group) == groups.end()) groups.push_back(group);
  }
  return groups;
}

Verdict judge_group_message(std::span<const std::uint8_t> frame, const packet::FrameView& view,
                            std::span<const base::IpAddress> groups) noexcept {
  const std::optional<packet::GroupQuery> query = packet::read_group_query(frame, view);
  if (!query || view.has_vlan) return Verdict::drop_not_for_us;
  const bool is_for_us = std::ranges::any_of(groups, [&query](const base::IpAddress& group) {
    return group.family == query->family &&
           (query->group.family == Family::none || group == query->group);
  });
  return is_for_us ? Verdict::group_query : Verdict::drop_not_for_us;
}

Membership::Membership(std::span<const base::IpAddress> groups, std::uint64_t seed)
    : chance_(seed) {
  for (const Family family : {Family::ipv4, Family::ipv6}) {
    Side& side = sides_[family == Family::ipv4 ? 0 : 1];
    side.newest = packet::newest_group_version(family);
    side.asker_until.fill(base::TimePoint::distant_past());
    std::ranges::copy_if(groups, std::back_inserter(side.groups),
                         [family](const base::IpAddress& group) { return group.family == family; });
  }
}

void Membership::note_query(const packet::GroupQuery& query, base::TimePoint now) noexcept {
  Side& side = sides_[query.family == Family::ipv4 ? 0 : 1];
  if (side.listening == Listening::ends) return;
  side.asker_until[query.version] = now + kAskerPresent;
  const std::int64_t delay_ms = (base::to_ms(query.response_time) * chance()) >> 32U;
  const base::TimePoint wanted = now + std::chrono::milliseconds(delay_ms);
  side.due = std::min(side.due, std::max(wanted, side.began + kShortest));
}

void Membership::leave() noexcept {
  for (Side& side : sides_) {
    side.listening = Listening::ends;
    side.firsts = 0;
    side.version = 0;
    side.at = 0;
    side.due = base::TimePoint::distant_past();
  }
}

std::optional<GroupReport> Membership::next(base::TimePoint now) noexcept {
  for (Side& side : sides_) {
    if (side.groups.empty()) continue;
    if (const std::optional<GroupReport> report = next_of(side, now)) return report;
  }
  return std::nullopt;
}

std::optional<GroupReport> Membership::next_of(Side& side, base::TimePoint now) noexcept {
  if (side.version == 0) {
    if (now < side.due) return std::nullopt;
    begin_round(side, now);
  }
  const std::size_t most = side.version == side.newest ? packet::kMaxGroupRecords : 1;
  const std::size_t count = std::min(most, side.groups.size() - side.at);
  const GroupReport report{side.version, side.listening,
                           std::span(side.groups).subspan(side.at, count)};
  side.at += count;
  if (side.at == side.groups.size()) {
    side.at = 0;
    side.version = side.version == side.last_version ? 0 : side.last_version;
  }
  return report;
}

// The oldest asker decides, as only that one is certain to be understood by all.
void Membership::begin_round(Side& side, base::TimePoint now) noexcept {
  side.began = now;
  side.version = side.newest;
  side.last_version = side.newest - 1;
  for (std::uint8_t version = side.newest; version > 0; --version) {
    if (now < side.asker_until[version]) side.version = side.last_version = version;
  }
  if (side.listening == Listening::ends) {
    side.due = base::TimePoint::never();
    return;
  }
  side.listening = side.firsts > 0 ? Listening::begins : Listening::goes_on;
  if (side.firsts > 0) --side.firsts;
  side.due = now + (side.firsts > 0 ? kFirstAgain : kUnasked);
}

// Enough to keep hosts from answering all at once.
std::uint32_t Membership::chance() noexcept {
  return static_cast<std::uint32_t>(base::split_mix(chance_) >> 32U);
}

}  // namespace covey::forwarding
