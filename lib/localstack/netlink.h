// SPDX-License-Identifier: BSD-3-Clause
// Netlink: the few things we ask of the kernel about network interfaces, each answered before the
// call returns.
//
// Owner: localstack. Thread: the control thread, at start and stop only; calls block for the
// kernel's answer. Interfaces are named as the operator names them, in the network namespace of the
// calling thread. Errors name the interface and what was wanted. Watching for changes is not its
// business.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/result.h"

struct mnl_socket;
struct nlmsghdr;

namespace covey::localstack {

/// One netlink conversation of a given protocol (NETLINK_ROUTE, NETLINK_NETFILTER).
class Netlink {
 public:
  [[nodiscard]] static base::Result<Netlink> open(int protocol);

  /// Sends `length` bytes of messages and waits until each of `answers` of them was acknowledged.
  /// The sequence numbers of the messages are 1, 2, 3... in the order they stand.
  [[nodiscard]] base::Result<void> request(const void* messages, std::size_t length,
                                           unsigned answers, const std::string& doing);
  /// Sends a dump request and calls `each` with the context for each message of the answer.
  using Visit = int (*)(const nlmsghdr* message, void* context);
  [[nodiscard]] base::Result<void> dump(nlmsghdr* message, Visit each, void* context,
                                        const std::string& doing);

 private:
  struct Closer {
    void operator()(mnl_socket* socket) const;
  };
  explicit Netlink(mnl_socket* socket) : socket_(socket) {}
  std::unique_ptr<mnl_socket, Closer> socket_;
};

/// What to change of an interface; an empty member stays as it is.
struct LinkChange {
  std::optional<base::MacAddress> mac;
  std::optional<std::uint32_t> mtu;
  std::optional<std::uint32_t> transmit_queue;  // frames
  std::optional<bool> up;
  std::optional<bool> promiscuous;
};

struct LinkState {
  std::uint32_t mtu = 0;
  bool up = false;       // administratively
  bool running = false;  // carrier
  bool promiscuous = false;
};

[[nodiscard]] base::Result<void> change_link(const std::string& name, const LinkChange& change);
[[nodiscard]] base::Result<LinkState> read_link(const std::string& name);
/// Whether it is there, up and has carrier.
[[nodiscard]] bool is_running(const std::string& name);

/// Adds an address without duplicate address detection.
[[nodiscard]] base::Result<void> add_address(const std::string& name,
                                             const base::IpPrefix& address);
[[nodiscard]] base::Result<std::vector<base::IpPrefix>> list_addresses(const std::string& name);

}  // namespace covey::localstack
