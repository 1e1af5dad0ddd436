// SPDX-License-Identifier: BSD-3-Clause
// IngressBlock: the kernel's own stack hears nothing that arrives on an interface; packet sockets
// still do.
//
// Owner: localstack. Thread: made and destroyed by the control thread.
// Without it the kernel would answer beside us: ARP for a virtual IP that lives on the TAP (the
// weak host model), and connections that then bypass the data plane. It is an nftables table of
// family netdev with one ingress chain of policy drop. The table is *owned* by our netlink socket:
// the kernel removes it when the socket closes, so it is gone even after SIGKILL, and nobody else
// can change it meanwhile. AF_XDP needs none: it takes frames away.
#pragma once

#include <string>

#include "base/result.h"
#include "localstack/netlink.h"

namespace covey::localstack {

class IngressBlock {
 public:
  [[nodiscard]] static base::Result<IngressBlock> create(const std::string& interface_name);

 private:
  explicit IngressBlock(Netlink netlink) : netlink_(std::move(netlink)) {}
  Netlink netlink_;
};

/// "covey_" and the interface's name, with "_" for what a table's name may not contain.
[[nodiscard]] std::string ingress_table_name(const std::string& interface_name);

}  // namespace covey::localstack
