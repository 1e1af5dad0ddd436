// SPDX-License-Identifier: BSD-3-Clause
// UplinkClaim: takes a kernel interface away from the kernel's own stack for as long as the object
// lives.
//
// Owner: dataplane. Thread: the control thread; made before the port starts, destroyed after it is
// closed. Needed by devices that share an interface with the kernel (af_packet; af_xdp takes frames
// away by itself, but wants the rest too). Sets MTU, offloads, IPv6 and ARP of the interface,
// brings it up, and puts all back at the end. It removes no address: one on the uplink is reported,
// because nobody will answer for it any more.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dataplane/offload.h"
#include "dataplane/settings.h"
#include "localstack/ingress_block.h"
#include "localstack/netlink.h"
#include "localstack/sysctl.h"

namespace covey::dataplane {

class UplinkClaim {
 public:
  /// With `leaves_offloads` those of the interface stay on: its frames may be unfinished.
  [[nodiscard]] static base::Result<std::unique_ptr<UplinkClaim>> take(const Uplink& uplink,
                                                                       bool leaves_offloads);
  ~UplinkClaim();
  UplinkClaim(const UplinkClaim&) = delete;
  UplinkClaim& operator=(const UplinkClaim&) = delete;
  UplinkClaim(std::string interface_name, localstack::LinkState before);  // use take()

  /// What the operator should know, one sentence each.
  [[nodiscard]] const std::vector<std::string>& warnings() const { return warnings_; }

 private:
  [[nodiscard]] base::Result<void> apply(const Uplink& uplink, bool leaves_offloads);
  void turn_offloads_off();
  void look_for_addresses();

  std::string interface_name_;
  localstack::LinkState before_;
  localstack::SysctlChanges switches_;
  std::optional<localstack::IngressBlock> block_;
  std::optional<OffloadsOff> offloads_;
  std::vector<std::string> warnings_;
};

}  // namespace covey::dataplane
