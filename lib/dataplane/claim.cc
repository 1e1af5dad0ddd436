// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/claim.h"

#include <utility>

namespace covey::dataplane {

base::Result<std::unique_ptr<UplinkClaim>> UplinkClaim::take(const Uplink& uplink,
                                                             bool leaves_offloads) {
  const std::string doing = "ports.uplink.device";
  const base::Result<localstack::LinkState> before = localstack::read_link(uplink.argument);
  if (!before) return base::wrap(doing, before.error());
  auto claim = std::make_unique<UplinkClaim>(uplink.argument, *before);
  base::Result<void> done = claim->apply(uplink, leaves_offloads);
  if (!done) return base::wrap(doing, done.error());
  return claim;
}

UplinkClaim::UplinkClaim(std::string interface_name, localstack::LinkState before)
    : interface_name_(std::move(interface_name)), before_(before) {}

base::Result<void> UplinkClaim::apply(const Uplink& uplink, bool leaves_offloads) {
  look_for_addresses();
  if (uplink.kind == DeviceKind::af_packet) {
    base::Result<localstack::IngressBlock> block =
        localstack::IngressBlock::create(interface_name_);
    if (!block) return std::unexpected(block.error());
    block_.emplace(std::move(*block));
  }
  const std::vector<std::pair<std::string, std::string>> wanted = {
      {"ipv4/conf/" + interface_name_ + "/arp_ignore", "8"},
      {"ipv6/conf/" + interface_name_ + "/disable_ipv6", "1"},
  };
  for (const auto& [name, value] : wanted) {
    const base::Result<void> done = switches_.set(name, value);
    // Without IPv6 in the kernel there is nothing to switch off. Where /proc/sys is read-only the
    // ingress block still keeps the kernel quiet, except for what it sends unasked.
    if (done || done.error().code == base::ErrorCode::not_found) continue;
    warnings_.push_back("uplink " + interface_name_ + ": " + done.error().context);
  }
  if (!leaves_offloads) turn_offloads_off();
  localstack::LinkChange change;
  if (before_.mtu != uplink.mtu) change.mtu = uplink.mtu;
  change.up = true;
  return localstack::change_link(interface_name_, change);
}

void UplinkClaim::turn_offloads_off() {
  offloads_.emplace(interface_name_);
  for (const std::string& offload : offloads_->still_on()) {
    warnings_.push_back("uplink " + interface_name_ + ": offload \"" + offload +
                        "\" cannot be turned off: expect broken or oversized frames");
  }
}

void UplinkClaim::look_for_addresses() {
  const base::Result<std::vector<base::IpPrefix>> addresses =
      localstack::list_addresses(interface_name_);
  if (!addresses) return;
  for (const base::IpPrefix& prefix : *addresses) {
    const bool link_local = prefix.address.family == base::Family::ipv6 &&
                            prefix.address.bytes[0] == 0xfe &&
                            (prefix.address.bytes[1] & 0xc0) == 0x80;
    if (link_local) continue;  // made by the kernel, and gone as soon as IPv6 is off
    warnings_.push_back("uplink " + interface_name_ + " has address " + prefix.to_string() +
                        ": it is cut off while coveyd runs; use host.dedicated_ip instead");
  }
}

UplinkClaim::~UplinkClaim() {
  localstack::LinkChange back;
  const base::Result<localstack::LinkState> now = localstack::read_link(interface_name_);
  if (!now) return;  // the interface is gone, and with it all we did to it
  if (now->mtu != before_.mtu) back.mtu = before_.mtu;
  if (!before_.up) back.up = false;
  if (!before_.promiscuous) back.promiscuous = false;  // drivers set it and leave it
  static_cast<void>(localstack::change_link(interface_name_, back));
}

}  // namespace covey::dataplane
