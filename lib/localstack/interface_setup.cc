// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/interface_setup.h"

#include <utility>
#include <vector>

#include <linux/if.h>

#include <rte_mbuf.h>

#include "localstack/netlink.h"
#include "localstack/sysctl.h"

namespace covey::localstack {

namespace {

constexpr std::uint32_t kEthernetOverhead = 22;  // header and two VLAN tags
constexpr std::uint32_t kTransmitQueue = 1000;   // frames the kernel keeps for us while we are busy

base::Result<void> set_switches(const std::string& name, bool has_ipv6) {
  const std::string ipv4 = "ipv4/conf/" + name + "/";
  const std::string ipv6 = "ipv6/conf/" + name + "/";
  std::vector<std::pair<std::string, std::string>> wanted = {
      // Loose: clients are often reached by another route than the one they came from, and the
      // strict check of
      // "all" would win over 0.
      {ipv4 + "rp_filter", "2"},
      // Answer only for addresses of this interface; replies for virtual IPs are stopped at egress.
      {ipv4 + "arp_ignore", "1"},
  };
  if (has_ipv6) {
    wanted.insert(
        wanted.end(),
        {
            {ipv6 + "disable_ipv6", "0"},  // container runtimes like to set it
            {ipv6 + "addr_gen_mode",
             "1"},  // no link-local address of our own making: all hosts share the MAC's role
            {ipv6 + "accept_ra", "0"},
            {ipv6 + "accept_dad",
             "0"},  // every host has the virtual IP: detection would disable it
            {ipv6 + "dad_transmits", "0"},
        });
  } else {
    wanted.emplace_back(ipv6 + "disable_ipv6", "1");
  }
  for (const auto& [path, value] : wanted) {
    const base::Result<void> done = set_sysctl(path, value);
    if (done) continue;
    // A kernel without IPv6 has no switches for it, and needs none unless there is an address to
    // add.
    if (!has_ipv6 && done.error().code == base::ErrorCode::not_found) continue;
    return base::wrap("prepare interface \"" + name + "\"", done.error());
  }
  return {};
}

}  // namespace

base::Result<void> check_interface(const std::string& name, const Interface& interface,
                                   rte_mempool* pool) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "interface name \"" + name + "\" must have 1 to 15 characters");
  }
  const std::uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
  if (interface.mtu + kEthernetOverhead <= room) return {};
  return base::fail(base::ErrorCode::invalid_argument,
                    "interface \"" + name + "\": MTU " + std::to_string(interface.mtu) +
                        " does not fit buffers of " + std::to_string(room) + " bytes");
}

base::Result<void> set_up_interface(const std::string& name, const Interface& interface) {
  bool has_ipv6 = false;
  for (const base::IpPrefix& prefix : interface.addresses) {
    has_ipv6 = has_ipv6 || prefix.address.family == base::Family::ipv6;
  }
  base::Result<void> done = set_switches(name, has_ipv6);
  if (!done) return done;
  LinkChange change;
  change.mac = interface.mac;
  change.mtu = interface.mtu;
  change.transmit_queue = kTransmitQueue;
  done = change_link(name, change);
  if (!done) return done;
  for (const base::IpPrefix& prefix : interface.addresses) {
    done = add_address(name, prefix);
    if (!done) return done;
  }
  LinkChange up;
  up.up = true;
  return change_link(name, up);
}

}  // namespace covey::localstack
