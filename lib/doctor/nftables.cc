// SPDX-License-Identifier: BSD-3-Clause
#include "doctor/nftables.h"

#include <arpa/inet.h>

#include <array>
#include <cstdint>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

#include "localstack/netlink.h"

namespace covey::doctor {
namespace {

constexpr std::size_t kRequestRoom = 256;

std::string family_name(std::uint8_t family) {
  switch (family) {
    case NFPROTO_INET:
      return "inet";
    case NFPROTO_IPV4:
      return "ip";
    case NFPROTO_IPV6:
      return "ip6";
    case NFPROTO_NETDEV:
      return "netdev";
    case NFPROTO_BRIDGE:
      return "bridge";
    case NFPROTO_ARP:
      return "arp";
    default:
      return "other";
  }
}

/// On the way in; the others do not matter here.
std::string hook_name(std::uint8_t family, std::uint32_t hook) {
  if (family == NFPROTO_NETDEV) return hook == NF_NETDEV_INGRESS ? "ingress" : "";
  if (family != NFPROTO_INET && family != NFPROTO_IPV4 && family != NFPROTO_IPV6) return "";
  if (hook == NF_INET_PRE_ROUTING) return "prerouting";
  return hook == NF_INET_LOCAL_IN ? "input" : "";
}

std::uint8_t family_of(const nlmsghdr* message) {
  return static_cast<const nfgenmsg*>(mnl_nlmsg_get_payload(message))->nfgen_family;
}

int read_table_attribute(const nlattr* attribute, void* context) {
  auto* table = static_cast<Table*>(context);
  const std::uint16_t type = mnl_attr_get_type(attribute);
  if (type == NFTA_TABLE_NAME) table->name = mnl_attr_get_str(attribute);
  if (type == NFTA_TABLE_OWNER) table->has_owner = true;
  return MNL_CB_OK;
}

int read_table(const nlmsghdr* message, void* context) {
  Table table{family_name(family_of(message)), "", false};
  const int parsed = mnl_attr_parse(message, sizeof(nfgenmsg), read_table_attribute, &table);
  static_cast<std::vector<Table>*>(context)->push_back(std::move(table));
  return parsed;
}

/// A chain, and of which family it is.
struct ChainOf {
  std::uint8_t family = 0;
  Chain chain;
};

int read_hook_attribute(const nlattr* attribute, void* context) {
  auto* found = static_cast<ChainOf*>(context);
  const std::uint16_t type = mnl_attr_get_type(attribute);
  if (type == NFTA_HOOK_HOOKNUM)
    found->chain.hook = hook_name(found->family, ntohl(mnl_attr_get_u32(attribute)));
  if (type == NFTA_HOOK_DEV) found->chain.device = mnl_attr_get_str(attribute);
  return MNL_CB_OK;
}

int read_chain_attribute(const nlattr* attribute, void* context) {
  Chain& chain = static_cast<ChainOf*>(context)->chain;
  const std::uint16_t type = mnl_attr_get_type(attribute);
  if (type == NFTA_CHAIN_TABLE) chain.table = mnl_attr_get_str(attribute);
  if (type == NFTA_CHAIN_NAME) chain.name = mnl_attr_get_str(attribute);
  if (type == NFTA_CHAIN_POLICY) chain.drops = ntohl(mnl_attr_get_u32(attribute)) == NF_DROP;
  if (type != NFTA_CHAIN_HOOK) return MNL_CB_OK;
  return mnl_attr_parse_nested(attribute, read_hook_attribute, context);
}

int read_chain(const nlmsghdr* message, void* context) {
  ChainOf found{family_of(message), {}};
  found.chain.family = family_name(found.family);
  const int parsed = mnl_attr_parse(message, sizeof(nfgenmsg), read_chain_attribute, &found);
  static_cast<std::vector<Chain>*>(context)->push_back(std::move(found.chain));
  return parsed;
}

base::Result<void> dump(int what, localstack::Netlink::Visit each, void* context) {
  auto netlink = localstack::Netlink::open(NETLINK_NETFILTER);
  if (!netlink) return std::unexpected(netlink.error());
  alignas(nlmsghdr) std::array<char, kRequestRoom> room{};
  nlmsghdr* header = mnl_nlmsg_put_header(room.data());
  header->nlmsg_type = static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | what);
  header->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  header->nlmsg_seq = 1;
  auto* about = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  about->nfgen_family = NFPROTO_UNSPEC;
  about->version = NFNETLINK_V0;
  return netlink->dump(header, each, context, "list the packet filter");
}

}  // namespace

base::Result<Nftables> read_nftables() {
  Nftables found;
  if (const auto done = dump(NFT_MSG_GETTABLE, read_table, &found.tables); !done)
    return std::unexpected(done.error());
  if (const auto done = dump(NFT_MSG_GETCHAIN, read_chain, &found.chains); !done)
    return std::unexpected(done.error());
  return found;
}

}  // namespace covey::doctor
