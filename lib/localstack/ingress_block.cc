// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/ingress_block.h"

#include <arpa/inet.h>

#include <array>
#include <cctype>
#include <cerrno>
#include <cstdint>

#include <libmnl/libmnl.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>

namespace covey::localstack {

namespace {

constexpr std::size_t kBatchRoom = 2048;
constexpr std::int32_t kPriority = -300;  // before any other filter of the machine

nlmsghdr* put_message(mnl_nlmsg_batch* batch, std::uint16_t type, std::uint16_t flags,
                      std::uint32_t sequence) {
  nlmsghdr* header = mnl_nlmsg_put_header(mnl_nlmsg_batch_current(batch));
  header->nlmsg_type = type;
  header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
  header->nlmsg_seq = sequence;
  auto* about = static_cast<nfgenmsg*>(mnl_nlmsg_put_extra_header(header, sizeof(nfgenmsg)));
  about->version = NFNETLINK_V0;
  if (type == NFNL_MSG_BATCH_BEGIN || type == NFNL_MSG_BATCH_END) {
    about->nfgen_family = AF_UNSPEC;
    about->res_id = htons(NFNL_SUBSYS_NFTABLES);
  } else {
    about->nfgen_family = NFPROTO_NETDEV;
  }
  return header;
}

constexpr std::uint16_t nft(int message) {
  return static_cast<std::uint16_t>((NFNL_SUBSYS_NFTABLES << 8) | message);
}

void put_chain(nlmsghdr* header, const std::string& table, const std::string& interface_name) {
  mnl_attr_put_strz(header, NFTA_CHAIN_TABLE, table.c_str());
  mnl_attr_put_strz(header, NFTA_CHAIN_NAME, "ingress");
  nlattr* hook = mnl_attr_nest_start(header, NFTA_CHAIN_HOOK);
  mnl_attr_put_u32(header, NFTA_HOOK_HOOKNUM, htonl(NF_NETDEV_INGRESS));
  mnl_attr_put_u32(header, NFTA_HOOK_PRIORITY, htonl(static_cast<std::uint32_t>(kPriority)));
  mnl_attr_put_strz(header, NFTA_HOOK_DEV, interface_name.c_str());
  mnl_attr_nest_end(header, hook);
  mnl_attr_put_u32(header, NFTA_CHAIN_POLICY, htonl(NF_DROP));
  mnl_attr_put_strz(header, NFTA_CHAIN_TYPE, "filter");
}

}  // namespace

std::string ingress_table_name(const std::string& interface_name) {
  std::string name = "covey_";
  for (const char c : interface_name) {
    name += std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
  }
  return name;
}

base::Result<IngressBlock> IngressBlock::create(const std::string& interface_name) {
  base::Result<Netlink> netlink = Netlink::open(NETLINK_NETFILTER);
  if (!netlink) return std::unexpected(netlink.error());
  const std::string table = ingress_table_name(interface_name);

  std::array<char, kBatchRoom> room{};
  const std::unique_ptr<mnl_nlmsg_batch, decltype(&mnl_nlmsg_batch_stop)> batch(
      mnl_nlmsg_batch_start(room.data(), room.size()), &mnl_nlmsg_batch_stop);
  put_message(batch.get(), NFNL_MSG_BATCH_BEGIN, 0, 1);
  mnl_nlmsg_batch_next(batch.get());
  nlmsghdr* header =
      put_message(batch.get(), nft(NFT_MSG_NEWTABLE), NLM_F_CREATE | NLM_F_EXCL | NLM_F_ACK, 2);
  mnl_attr_put_strz(header, NFTA_TABLE_NAME, table.c_str());
  mnl_attr_put_u32(header, NFTA_TABLE_FLAGS, htonl(NFT_TABLE_F_OWNER));
  mnl_nlmsg_batch_next(batch.get());
  header = put_message(batch.get(), nft(NFT_MSG_NEWCHAIN), NLM_F_CREATE | NLM_F_ACK, 3);
  put_chain(header, table, interface_name);
  mnl_nlmsg_batch_next(batch.get());
  put_message(batch.get(), NFNL_MSG_BATCH_END, 0, 4);
  mnl_nlmsg_batch_next(batch.get());

  const base::Result<void> done = netlink->request(
      mnl_nlmsg_batch_head(batch.get()), mnl_nlmsg_batch_size(batch.get()), 2,
      "take interface \"" + interface_name + "\" from the kernel (nftables table netdev " + table +
          "; is another coveyd using the interface?)");
  if (!done) return std::unexpected(done.error());
  return IngressBlock(std::move(*netlink));
}

}  // namespace covey::localstack
