// SPDX-License-Identifier: BSD-3-Clause
// Which conversation a packet belongs to: the key under which the flow cache knows it, and where
// what has no port rule of its own is placed.
//
// Owner: forwarding, internal. Thread: any; pure. Keys are seen from the client. A tunnel is all
// that one client and one virtual IP exchange of a kind: IKE, ESP and AH are one, whatever port or
// protocol; GRE is one, and so is L2TP.
#pragma once

#include <cstdint>
#include <optional>

#include "packet/conversation.h"
#include "packet/flow_key.h"
#include "packet/parse.h"

namespace covey::forwarding {

/// The protocol and port whose rule places a tunnel.
struct TunnelPort {
  std::uint8_t protocol = 0;
  std::uint16_t port = 0;
};

/// Nothing for what belongs to no tunnel. PPTP has a connection of its own, which must meet the
/// host of its GRE.
[[nodiscard]] constexpr std::optional<TunnelPort> tunnel_of(std::uint8_t protocol,
                                                            std::uint16_t port) {
  switch (protocol) {
    case packet::kProtocolTcp:
      if (port != packet::kPortPptp) [[likely]]
        return std::nullopt;
      return TunnelPort{packet::kProtocolTcp, packet::kPortPptp};
    case packet::kProtocolUdp:
      if (!packet::is_tunnel_port(port)) [[likely]]
        return std::nullopt;
      return TunnelPort{packet::kProtocolUdp,
                        port == packet::kPortIkeNat ? packet::kPortIke : port};
    case packet::kProtocolEsp:
    case packet::kProtocolAh:
      return TunnelPort{packet::kProtocolUdp, packet::kPortIke};
    case packet::kProtocolGre:
      return TunnelPort{packet::kProtocolTcp, packet::kPortPptp};
    default:
      return std::nullopt;
  }
}

/// The key under which the flow cache knows the conversation of a packet; nothing for what it does
/// not follow. UDP that is no tunnel is followed if so configured.
[[nodiscard]] inline std::optional<packet::FlowKey> tracked_key(const packet::FlowKey& key,
                                                                bool with_udp) {
  switch (key.protocol) {
    case packet::kProtocolTcp:
    case packet::kProtocolSctp:
      return key;
    case packet::kProtocolUdp:
      if (!packet::is_tunnel_port(key.destination_port)) [[likely]]
        return with_udp ? std::optional(key) : std::nullopt;
      break;
    case packet::kProtocolEsp:
    case packet::kProtocolAh:
    case packet::kProtocolGre:
      break;
    default:
      return std::nullopt;
  }
  packet::FlowKey tunnel = key;
  tunnel.source_port = 0;
  const bool is_l2tp =
      key.protocol == packet::kProtocolUdp && key.destination_port == packet::kPortL2tp;
  tunnel.destination_port = is_l2tp ? packet::kPortL2tp : std::uint16_t{0};
  if (!is_l2tp && key.protocol != packet::kProtocolGre) tunnel.protocol = packet::kProtocolEsp;
  return tunnel;
}

}  // namespace covey::forwarding
