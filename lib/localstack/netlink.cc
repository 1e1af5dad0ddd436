// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/netlink.h"

#include <array>
#include <cerrno>
#include <cstring>

#include <libmnl/libmnl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>

namespace covey::localstack {

namespace {

constexpr std::size_t kMessageRoom = 1024;  // our requests carry a handful of short attributes
constexpr std::size_t kAnswerRoom = 32768;  // what the kernel fills per answer of a dump

struct Message {
  alignas(nlmsghdr) std::array<char, kMessageRoom> bytes{};
  nlmsghdr* header = nullptr;

  Message(std::uint16_t type, unsigned flags) : header(mnl_nlmsg_put_header(bytes.data())) {
    header->nlmsg_type = type;
    header->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | flags);
    header->nlmsg_seq = 1;
  }
  Message(const Message&) = delete;
  Message& operator=(const Message&) = delete;
};

base::Result<unsigned> index_of(const std::string& name) {
  const unsigned index = if_nametoindex(name.c_str());
  if (index == 0) {
    return base::fail(base::ErrorCode::not_found,
                      "no network interface \"" + name + "\" in this network namespace");
  }
  return index;
}

base::Result<void> ask(Message& message, const std::string& doing) {
  base::Result<Netlink> netlink = Netlink::open(NETLINK_ROUTE);
  if (!netlink) return std::unexpected(netlink.error());
  return netlink->request(message.header, message.header->nlmsg_len, 1, doing);
}

struct AddressesOf {
  unsigned index = 0;
  const ifaddrmsg* about = nullptr;  // of the message being read
  std::vector<base::IpPrefix> found;
};

int read_address_attribute(const nlattr* attribute, void* context) {
  auto* wanted = static_cast<AddressesOf*>(context);
  if (mnl_attr_get_type(attribute) != IFA_ADDRESS) return MNL_CB_OK;
  const auto* bytes = static_cast<const std::uint8_t*>(mnl_attr_get_payload(attribute));
  const std::uint16_t length = mnl_attr_get_payload_len(attribute);
  const std::uint8_t prefix = wanted->about->ifa_prefixlen;
  if (wanted->about->ifa_family == AF_INET && length == 4) {
    wanted->found.push_back({base::IpAddress::from_ipv4(bytes), prefix});
  } else if (wanted->about->ifa_family == AF_INET6 && length == 16) {
    wanted->found.push_back({base::IpAddress::from_ipv6(bytes), prefix});
  }
  return MNL_CB_OK;
}

int read_address(const nlmsghdr* message, void* context) {
  auto* wanted = static_cast<AddressesOf*>(context);
  wanted->about = static_cast<const ifaddrmsg*>(mnl_nlmsg_get_payload(message));
  if (wanted->about->ifa_index != wanted->index) return MNL_CB_OK;
  return mnl_attr_parse(message, sizeof(ifaddrmsg), read_address_attribute, context);
}

int read_state_attribute(const nlattr* attribute, void* context) {
  auto* state = static_cast<LinkState*>(context);
  if (mnl_attr_get_type(attribute) == IFLA_MTU) state->mtu = mnl_attr_get_u32(attribute);
  return MNL_CB_OK;
}

int read_state(const nlmsghdr* message, void* context) {
  auto* state = static_cast<LinkState*>(context);
  const auto* about = static_cast<const ifinfomsg*>(mnl_nlmsg_get_payload(message));
  state->up = (about->ifi_flags & IFF_UP) != 0;
  state->running = (about->ifi_flags & IFF_RUNNING) != 0;
  state->promiscuous = (about->ifi_flags & IFF_PROMISC) != 0;
  return mnl_attr_parse(message, sizeof(ifinfomsg), read_state_attribute, context);
}

}  // namespace

void Netlink::Closer::operator()(mnl_socket* socket) const {
  mnl_socket_close(socket);
}

base::Result<Netlink> Netlink::open(int protocol) {
  mnl_socket* socket = mnl_socket_open2(protocol, SOCK_CLOEXEC);
  if (socket == nullptr) return base::fail_errno("open a netlink socket", errno);
  Netlink netlink(socket);
  if (mnl_socket_bind(socket, 0, MNL_SOCKET_AUTOPID) < 0) {
    return base::fail_errno("bind a netlink socket", errno);
  }
  return netlink;
}

base::Result<void> Netlink::request(const void* messages, std::size_t length, unsigned answers,
                                    const std::string& doing) {
  if (mnl_socket_sendto(socket_.get(), messages, length) < 0) return base::fail_errno(doing, errno);
  std::array<char, kAnswerRoom> answer{};
  for (unsigned acknowledged = 0; acknowledged < answers;) {
    const ssize_t received = mnl_socket_recvfrom(socket_.get(), answer.data(), answer.size());
    if (received < 0) return base::fail_errno(doing, errno);
    int rest = static_cast<int>(received);
    const auto* header = static_cast<const nlmsghdr*>(static_cast<const void*>(answer.data()));
    for (; mnl_nlmsg_ok(header, rest); header = mnl_nlmsg_next(header, &rest)) {
      if (header->nlmsg_type != NLMSG_ERROR) continue;
      const auto* error = static_cast<const nlmsgerr*>(mnl_nlmsg_get_payload(header));
      if (error->error != 0) return base::fail_errno(doing, -error->error);
      ++acknowledged;
    }
  }
  return {};
}

base::Result<void> Netlink::dump(nlmsghdr* message, Visit each, void* context,
                                 const std::string& doing) {
  if (mnl_socket_sendto(socket_.get(), message, message->nlmsg_len) < 0) {
    return base::fail_errno(doing, errno);
  }
  const unsigned port = mnl_socket_get_portid(socket_.get());
  std::array<char, kAnswerRoom> answer{};
  int more = MNL_CB_OK;
  while (more > MNL_CB_STOP) {
    const ssize_t received = mnl_socket_recvfrom(socket_.get(), answer.data(), answer.size());
    if (received < 0) return base::fail_errno(doing, errno);
    more = mnl_cb_run(answer.data(), static_cast<std::size_t>(received), message->nlmsg_seq, port,
                      each, context);
    if (more == MNL_CB_ERROR) return base::fail_errno(doing, errno);
  }
  return {};
}

base::Result<void> change_link(const std::string& name, const LinkChange& change) {
  const base::Result<unsigned> index = index_of(name);
  if (!index) return std::unexpected(index.error());
  Message message(RTM_NEWLINK, NLM_F_ACK);
  auto* about =
      static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message.header, sizeof(ifinfomsg)));
  about->ifi_family = AF_UNSPEC;
  about->ifi_index = static_cast<int>(*index);
  const auto flag = [about](const std::optional<bool>& wanted, unsigned bit) {
    if (!wanted) return;
    about->ifi_change |= bit;
    if (*wanted) about->ifi_flags |= bit;
  };
  flag(change.up, IFF_UP);
  flag(change.promiscuous, IFF_PROMISC);
  if (change.mac) mnl_attr_put(message.header, IFLA_ADDRESS, 6, change.mac->bytes.data());
  if (change.mtu) mnl_attr_put_u32(message.header, IFLA_MTU, *change.mtu);
  if (change.transmit_queue) mnl_attr_put_u32(message.header, IFLA_TXQLEN, *change.transmit_queue);
  return ask(message, "set up network interface \"" + name + "\"");
}

base::Result<LinkState> read_link(const std::string& name) {
  const base::Result<unsigned> index = index_of(name);
  if (!index) return std::unexpected(index.error());
  base::Result<Netlink> netlink = Netlink::open(NETLINK_ROUTE);
  if (!netlink) return std::unexpected(netlink.error());
  Message message(RTM_GETLINK, NLM_F_ACK);
  auto* about =
      static_cast<ifinfomsg*>(mnl_nlmsg_put_extra_header(message.header, sizeof(ifinfomsg)));
  about->ifi_family = AF_UNSPEC;
  about->ifi_index = static_cast<int>(*index);
  LinkState state;
  const base::Result<void> done =
      netlink->dump(message.header, read_state, &state, "read network interface \"" + name + "\"");
  if (!done) return std::unexpected(done.error());
  return state;
}

bool is_running(const std::string& name) {
  const base::Result<LinkState> state = read_link(name);
  return state && state->up && state->running;
}

base::Result<void> add_address(const std::string& name, const base::IpPrefix& address) {
  const base::Result<unsigned> index = index_of(name);
  if (!index) return std::unexpected(index.error());
  const bool ipv6 = address.address.family == base::Family::ipv6;
  Message message(RTM_NEWADDR, NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL);
  auto* about =
      static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message.header, sizeof(ifaddrmsg)));
  about->ifa_family = static_cast<std::uint8_t>(ipv6 ? AF_INET6 : AF_INET);
  about->ifa_prefixlen = address.length;
  if (ipv6) about->ifa_flags = IFA_F_NODAD;
  about->ifa_scope = RT_SCOPE_UNIVERSE;
  about->ifa_index = *index;
  const std::size_t length = address.address.byte_length();
  mnl_attr_put(message.header, IFA_LOCAL, length, address.address.bytes.data());
  mnl_attr_put(message.header, IFA_ADDRESS, length, address.address.bytes.data());
  return ask(message, "add address " + address.to_string() + " to \"" + name + "\"");
}

base::Result<std::vector<base::IpPrefix>> list_addresses(const std::string& name) {
  const base::Result<unsigned> index = index_of(name);
  if (!index) return std::unexpected(index.error());
  base::Result<Netlink> netlink = Netlink::open(NETLINK_ROUTE);
  if (!netlink) return std::unexpected(netlink.error());
  Message message(RTM_GETADDR, NLM_F_DUMP);
  auto* about =
      static_cast<ifaddrmsg*>(mnl_nlmsg_put_extra_header(message.header, sizeof(ifaddrmsg)));
  about->ifa_family = AF_UNSPEC;
  AddressesOf wanted;
  wanted.index = *index;
  const base::Result<void> done = netlink->dump(message.header, read_address, &wanted,
                                                "list the addresses of \"" + name + "\"");
  if (!done) return std::unexpected(done.error());
  return std::move(wanted.found);
}

}  // namespace covey::localstack
