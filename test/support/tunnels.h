// SPDX-License-Identifier: BSD-3-Clause
// Frames of IPsec, GRE, L2TP and SCTP: what FrameBuilder has no words for.
//
// Owner: test/support. Thread: any; plain values. Each takes a builder that has its addresses.
#pragma once

#include <cstdint>

#include "support/frames.h"

namespace covey::test {

struct IkeText {
  std::uint32_t initiator = 11;  // the lower halves of the SPIs; the upper ones are zero
  std::uint32_t responder = 22;  // 0: a first message
  std::uint8_t exchange = 34;    // 34 IKE_SA_INIT, 35 IKE_AUTH
  std::uint8_t flags = 0x08;     // 0x08 from the initiator, 0x20 a response
};
[[nodiscard]] FrameBuilder ike(FrameBuilder addresses, const IkeText& text);
/// On port 4500.
[[nodiscard]] FrameBuilder ike_nat(FrameBuilder addresses, const IkeText& text);
[[nodiscard]] FrameBuilder esp_nat(FrameBuilder addresses);
[[nodiscard]] FrameBuilder esp(FrameBuilder addresses);
/// Transport mode, around TCP.
[[nodiscard]] FrameBuilder ah(FrameBuilder addresses);
[[nodiscard]] FrameBuilder gre(FrameBuilder addresses);

/// A control message: 1 SCCRQ, 2 SCCRP, 6 HELLO.
[[nodiscard]] FrameBuilder l2tp(FrameBuilder addresses, std::uint16_t message);

struct SctpText {
  std::uint8_t chunk = 0;  // its type
  std::uint32_t verification_tag = 0;
  std::uint32_t initiate_tag = 1;  // of INIT and INIT-ACK
};
[[nodiscard]] FrameBuilder sctp(FrameBuilder addresses, const SctpText& text);

}  // namespace covey::test
