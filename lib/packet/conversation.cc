// SPDX-License-Identifier: BSD-3-Clause
#include "packet/conversation.h"

#include "base/endian.h"
#include "packet/headers.h"

namespace covey::packet {

namespace {

using Bytes = std::span<const std::uint8_t>;
using base::load_be16;
using base::load_be32;

constexpr std::uint32_t kBeforeZero = 0xffffffff;  // the number whose successor is 0

void read_ike(Bytes message, FrameView& view) {
  constexpr std::size_t kIkeHeader = 28;
  constexpr std::uint8_t kIkeSaInit = 34;
  constexpr std::uint8_t kResponse = 0x20;
  if (message.size() < kIkeHeader) return;
  // The lower halves tell SPIs apart well enough.
  const std::uint32_t initiator = load_be32(&message[4]);
  const std::uint32_t responder = load_be32(&message[12]);
  const bool is_first = responder == 0 && load_be32(&message[8]) == 0;
  const bool is_answer_to_first =
      message[18] == kIkeSaInit && (message[19] & kResponse) != 0;  // exchange type, flags
  if (is_answer_to_first) {
    view.tcp_flags = TcpFlags::kSyn | TcpFlags::kAck;
    view.tcp_sequence = responder - 1;
  } else if (is_first) {
    view.tcp_flags = TcpFlags::kSyn;
    view.tcp_sequence = initiator - 1;
  } else {
    view.tcp_flags = TcpFlags::kAck;
    view.tcp_sequence = initiator;
    view.tcp_acknowledgement = responder;
  }
}

// On port 4500 IKE follows four zero bytes, where ESP has an SPI; a single byte keeps a NAT open.
void read_ike_behind_nat(Bytes payload, FrameView& view) {
  constexpr std::size_t kMarker = 4;
  if (payload.size() < kMarker || load_be32(payload.data()) != 0) return;
  read_ike(payload.subspan(kMarker), view);
}

void read_l2tp(Bytes message, FrameView& view) {
  constexpr std::uint16_t kControl = 0xc800;  // with length and numbers, as all control messages
  constexpr std::uint16_t kControlBits = 0xcb0f;
  constexpr std::uint16_t kVersion2 = 2;
  constexpr std::size_t kMessageType = 18;  // the first attribute
  constexpr std::uint16_t kStartRequest = 1;
  constexpr std::uint16_t kStartReply = 2;
  view.tcp_flags = TcpFlags::kAck;
  if (message.size() < kMessageType + 2) return;
  if ((load_be16(message.data()) & kControlBits) != (kControl | kVersion2)) return;
  const std::uint16_t type = load_be16(&message[kMessageType]);
  if (type != kStartRequest && type != kStartReply) return;
  view.tcp_flags = TcpFlags::kSyn;
  if (type == kStartReply) view.tcp_flags |= TcpFlags::kAck;
  view.tcp_sequence = kBeforeZero;
}

}  // namespace

ParseStatus read_sctp(Bytes l4, FrameView& view) noexcept {
  constexpr std::size_t kCommonHeader = 12;
  constexpr std::size_t kInitiateTag = 16;
  enum Chunk : std::uint8_t {
    init = 1,
    init_ack = 2,
    abort = 6,
    shutdown = 7,
    shutdown_ack = 8,
    shutdown_complete = 14
  };
  if (l4.size() < kCommonHeader + 4) return ParseStatus::truncated;
  const std::uint8_t chunk = l4[kCommonHeader];
  const bool begins = chunk == Chunk::init || chunk == Chunk::init_ack;
  if (begins && l4.size() < kInitiateTag + 4) return ParseStatus::truncated;
  view.key.source_port = load_be16(&l4[0]);
  view.key.destination_port = load_be16(&l4[2]);
  view.has_ports = true;
  view.tcp_acknowledgement = load_be32(&l4[4]);
  view.tcp_flags = TcpFlags::kAck;
  switch (chunk) {
    case Chunk::init:
      view.tcp_flags = TcpFlags::kSyn;
      break;
    case Chunk::init_ack:
      view.tcp_flags = TcpFlags::kSyn | TcpFlags::kAck;
      break;
    case Chunk::abort:
      view.tcp_flags = TcpFlags::kRst;
      break;
    case Chunk::shutdown:
    case Chunk::shutdown_ack:
    case Chunk::shutdown_complete:
      view.tcp_flags = TcpFlags::kFin | TcpFlags::kAck;
      break;
    default:
      break;
  }
  if (begins) view.tcp_sequence = load_be32(&l4[kInitiateTag]) - 1;
  return ParseStatus::ok;
}

void read_tunnel_message(Bytes l4, FrameView& view) noexcept {
  const Bytes payload = l4.subspan(kUdpHeader);
  const auto is = [&view](std::uint16_t port) {
    return view.key.destination_port == port || view.key.source_port == port;
  };
  if (is(kPortIke)) {
    read_ike(payload, view);
  } else if (is(kPortIkeNat)) {
    read_ike_behind_nat(payload, view);
  } else {
    read_l2tp(payload, view);
  }
}

}  // namespace covey::packet
