// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/connections.h"

#include <algorithm>
#include <array>

#include <libmnl/libmnl.h>
#include <linux/inet_diag.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "base/endian.h"
#include "localstack/netlink.h"

namespace covey::localstack {

namespace {

constexpr unsigned kWantedStates = 1U << TCP_ESTABLISHED | 1U << TCP_FIN_WAIT1 |
                                   1U << TCP_FIN_WAIT2 | 1U << TCP_CLOSE_WAIT | 1U << TCP_LAST_ACK |
                                   1U << TCP_CLOSING;
constexpr std::size_t kMappedAt = 12;  // ::ffff:a.b.c.d

struct Found {
  std::span<const base::IpAddress> own;
  std::vector<packet::FlowKey> keys;
};

/// A socket for IPv6 may hold connections over IPv4.
bool is_mapped(const std::uint8_t* address) {
  constexpr std::array<std::uint8_t, kMappedAt> kPrefix = {0, 0, 0, 0, 0,    0,
                                                           0, 0, 0, 0, 0xff, 0xff};
  return std::equal(kPrefix.begin(), kPrefix.end(), address);
}

base::IpAddress address_of(const __be32 (&words)[4], std::uint8_t family) {
  std::array<std::uint8_t, 16> bytes{};
  const auto* from = static_cast<const std::uint8_t*>(static_cast<const void*>(words));
  std::copy_n(from, bytes.size(), bytes.begin());
  if (family == AF_INET) return base::IpAddress::from_ipv4(bytes.data());
  if (is_mapped(bytes.data())) return base::IpAddress::from_ipv4(bytes.data() + kMappedAt);
  return base::IpAddress::from_ipv6(bytes.data());
}

int read_socket(const nlmsghdr* message, void* context) {
  auto* found = static_cast<Found*>(context);
  if (mnl_nlmsg_get_payload_len(message) < sizeof(inet_diag_msg)) return MNL_CB_OK;
  const auto* about = static_cast<const inet_diag_msg*>(mnl_nlmsg_get_payload(message));
  const base::IpAddress own = address_of(about->id.idiag_src, about->idiag_family);
  if (std::ranges::find(found->own, own) == found->own.end()) return MNL_CB_OK;
  packet::FlowKey key;
  key.source = address_of(about->id.idiag_dst, about->idiag_family).bytes;
  key.destination = own.bytes;
  key.source_port = ntohs(about->id.idiag_dport);
  key.destination_port = ntohs(about->id.idiag_sport);
  key.protocol = IPPROTO_TCP;
  key.family = own.family;
  found->keys.push_back(key);
  return MNL_CB_OK;
}

}  // namespace

base::Result<std::vector<packet::FlowKey>> list_connections(std::span<const base::IpAddress> own) {
  Found found{own, {}};
  for (const std::uint8_t family : std::array<std::uint8_t, 2>{AF_INET, AF_INET6}) {
    base::Result<Netlink> netlink = Netlink::open(NETLINK_SOCK_DIAG);
    if (!netlink) return std::unexpected(netlink.error());
    alignas(nlmsghdr) std::array<char, 128> bytes{};
    nlmsghdr* header = mnl_nlmsg_put_header(bytes.data());
    header->nlmsg_type = SOCK_DIAG_BY_FAMILY;
    header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
    header->nlmsg_seq = 1;
    auto* wanted = static_cast<inet_diag_req_v2*>(
        mnl_nlmsg_put_extra_header(header, sizeof(inet_diag_req_v2)));
    wanted->sdiag_family = family;
    wanted->sdiag_protocol = IPPROTO_TCP;
    wanted->idiag_states = kWantedStates;
    const base::Result<void> done =
        netlink->dump(header, read_socket, &found, "list the TCP connections of this machine");
    if (!done) return std::unexpected(done.error());
  }
  return std::move(found.keys);
}

}  // namespace covey::localstack
