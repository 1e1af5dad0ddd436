// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/tap.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

#include <linux/if.h>
#include <linux/if_tun.h>

#include <rte_mbuf.h>

#include "localstack/netlink.h"
#include "localstack/sysctl.h"

namespace covey::localstack {

namespace {

constexpr std::size_t kMaxSegments = 16;         // mbufs one frame may consist of; ours have one
constexpr std::uint32_t kTransmitQueue = 1000;   // frames the kernel keeps for us while we are busy
constexpr std::uint32_t kEthernetOverhead = 22;  // header and two VLAN tags

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

base::Result<void> configure(const std::string& name, const Interface& interface) {
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

/// False when the kernel cannot take the frame now.
bool write_frame(int file, const rte_mbuf* frame) {
  std::array<iovec, kMaxSegments> parts;
  int count = 0;
  for (const rte_mbuf* part = frame; part != nullptr; part = part->next) {
    if (static_cast<std::size_t>(count) == kMaxSegments) return true;
    parts[static_cast<std::size_t>(count++)] = {rte_pktmbuf_mtod(part, void*), part->data_len};
  }
  if (::writev(file, parts.data(), count) >= 0) return true;
  // EIO: the interface was taken down; EAGAIN, ENOBUFS: full. Anything else means this one frame is
  // not to the kernel's liking (too short, say): it is used up, so that it does not stop those
  // behind it.
  return errno != EAGAIN && errno != ENOBUFS && errno != EIO && errno != EBADFD;
}

}  // namespace

base::Result<std::unique_ptr<LocalStack>> Tap::create(const std::string& name,
                                                      const Interface& interface,
                                                      std::uint16_t queues, rte_mempool* pool) {
  const std::uint32_t room = rte_pktmbuf_data_room_size(pool) - RTE_PKTMBUF_HEADROOM;
  if (interface.mtu + kEthernetOverhead > room) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "interface \"" + name + "\": MTU " + std::to_string(interface.mtu) +
                          " does not fit buffers of " + std::to_string(room) + " bytes");
  }
  auto tap = std::make_unique<Tap>(pool);
  const base::Result<void> opened = tap->open_queues(name, queues);
  if (!opened) return std::unexpected(opened.error());
  const base::Result<void> configured = configure(name, interface);
  if (!configured) return std::unexpected(configured.error());
  return tap;
}

base::Result<void> Tap::open_queues(const std::string& name, std::uint16_t queues) {
  if (name.empty() || name.size() >= IFNAMSIZ) {
    return base::fail(base::ErrorCode::invalid_argument,
                      "interface name \"" + name + "\" must have 1 to 15 characters");
  }
  for (std::uint16_t i = 0; i < queues; ++i) {
    const int file = ::open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (file < 0) return base::fail_errno("open /dev/net/tun (kernel module tun)", errno);
    queues_.push_back({file, nullptr});
    ifreq request{};
    std::memcpy(request.ifr_name, name.data(), name.size());
    unsigned flags = IFF_TAP | IFF_NO_PI;
    if (queues > 1) flags |= IFF_MULTI_QUEUE;
    // The first must make the interface: we would not know how to undo changes to somebody else's.
    if (i == 0) flags |= IFF_TUN_EXCL;
    request.ifr_flags = static_cast<short>(flags);
    if (::ioctl(file, TUNSETIFF, &request) < 0) {
      return base::fail_errno(
          "create TAP interface \"" + name + "\"" + (errno == EBUSY ? " (it exists already)" : ""),
          errno);
    }
  }
  return {};
}

Tap::~Tap() {
  for (const Queue& queue : queues_) {
    if (queue.file >= 0) ::close(queue.file);
    rte_pktmbuf_free(queue.spare);
  }
}

std::uint16_t Tap::deliver(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept {
  const int file = queues_[queue].file;
  std::uint16_t taken = 0;
  while (taken < frames.size() && write_frame(file, frames[taken]))
    ++taken;
  rte_pktmbuf_free_bulk(frames.data(), taken);
  return taken;
}

std::uint16_t Tap::collect(std::uint16_t queue, std::span<rte_mbuf*> frames) noexcept {
  Queue& own = queues_[queue];
  std::uint16_t got = 0;
  while (got < frames.size()) {
    if (own.spare == nullptr) own.spare = rte_pktmbuf_alloc(pool_);
    if (own.spare == nullptr) break;  // the frames wait in the kernel until buffers come back
    const ssize_t length =
        ::read(own.file, rte_pktmbuf_mtod(own.spare, void*), rte_pktmbuf_tailroom(own.spare));
    if (length <= 0) break;
    own.spare->data_len = static_cast<std::uint16_t>(length);
    own.spare->pkt_len = static_cast<std::uint32_t>(length);
    frames[got++] = own.spare;
    own.spare = nullptr;
  }
  return got;
}

int Tap::readable_fd(std::uint16_t queue) const noexcept {
  return queues_[queue].file;
}

}  // namespace covey::localstack
