// SPDX-License-Identifier: BSD-3-Clause
#include "support/tunnels.h"

#include <bit>
#include <vector>

#include "base/endian.h"

namespace covey::test {

namespace {

using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kSomeBytes = 16;  // of what is encrypted

void put32(Bytes& bytes, std::size_t at, std::uint32_t value) {
  base::store_be32(&bytes[at], value);
}

Bytes ike_message(const IkeText& text) {
  constexpr std::size_t kHeader = 28;
  constexpr std::uint8_t kVersion2 = 0x20;
  Bytes message(kHeader + kSomeBytes, 0);
  put32(message, 4, text.initiator);
  put32(message, 12, text.responder);
  message[16] = 33;  // next payload: security association
  message[17] = kVersion2;
  message[18] = text.exchange;
  message[19] = text.flags;
  put32(message, 24, static_cast<std::uint32_t>(message.size()));
  return message;
}

// CRC32c, the checksum of SCTP, bit by bit (RFC 9260, appendix A).
std::uint32_t crc32c(const Bytes& bytes) {
  constexpr std::uint32_t kPolynomial = 0x82f63b78;
  std::uint32_t crc = 0xffffffff;
  for (const std::uint8_t byte : bytes) {
    crc ^= byte;
    for (int bit = 0; bit < 8; ++bit)
      crc = (crc >> 1U) ^ ((crc & 1U) != 0 ? kPolynomial : 0);
  }
  return ~crc;
}

Bytes esp_packet() {
  Bytes packet(8 + kSomeBytes, 0xe5);
  put32(packet, 0, 0xc0ffee01);
  put32(packet, 4, 1);
  return packet;
}

}  // namespace

FrameBuilder ike(FrameBuilder addresses, const IkeText& text) {
  return addresses.udp(packet::kPortIke, packet::kPortIke).data(ike_message(text));
}

FrameBuilder ike_nat(FrameBuilder addresses, const IkeText& text) {
  Bytes marked(4, 0);
  const Bytes message = ike_message(text);
  marked.insert(marked.end(), message.begin(), message.end());
  return addresses.udp(packet::kPortIkeNat, packet::kPortIkeNat).data(marked);
}

FrameBuilder esp_nat(FrameBuilder addresses) {
  return addresses.udp(packet::kPortIkeNat, packet::kPortIkeNat).data(esp_packet());
}

FrameBuilder esp(FrameBuilder addresses) {
  return addresses.protocol(packet::kProtocolEsp, esp_packet());
}

FrameBuilder ah(FrameBuilder addresses) {
  // Next header, length, reserved, SPI, sequence, 12 bytes of check value; then a TCP header.
  Bytes packet(24 + 20, 0);
  packet[0] = packet::kProtocolTcp;
  packet[1] = 4;
  put32(packet, 4, 0xc0ffee02);
  put32(packet, 8, 1);
  return addresses.protocol(packet::kProtocolAh, packet);
}

FrameBuilder gre(FrameBuilder addresses) {
  // Enhanced GRE of PPTP: key and sequence number, protocol PPP.
  Bytes packet = {0x30, 0x01, 0x88, 0x0b, 0, 4, 0, 9, 0, 0, 0, 1, 0xff, 0x03, 0xc0, 0x21};
  return addresses.protocol(packet::kProtocolGre, packet);
}

FrameBuilder l2tp(FrameBuilder addresses, std::uint16_t message) {
  const auto type = static_cast<std::uint8_t>(message);
  return addresses.udp(packet::kPortL2tp, packet::kPortL2tp).data({0xc8, 0x02, 0, 20, 0, 0,    0,
                                                                   0,    0,    0, 0,  0, 0x80, 0x08,
                                                                   0,    0,    0, 0,  0, type});
}

FrameBuilder sctp(FrameBuilder addresses, const SctpText& text) {
  constexpr std::size_t kChunk = 12;
  constexpr std::uint8_t kChunkLength = 20;
  constexpr std::uint8_t kInit = 1;
  constexpr std::uint8_t kInitAck = 2;
  Bytes packet(kChunk + kChunkLength, 0);
  // One number for both ends, as is the custom: so a frame of either end can be built alike.
  base::store_be16(&packet[0], 36412);
  base::store_be16(&packet[2], 36412);
  put32(packet, 4, text.verification_tag);
  packet[kChunk] = text.chunk;
  packet[kChunk + 3] = kChunkLength;
  if (text.chunk == kInit || text.chunk == kInitAck) put32(packet, kChunk + 4, text.initiate_tag);
  put32(packet, 8, std::byteswap(crc32c(packet)));
  return addresses.protocol(packet::kProtocolSctp, packet);
}

}  // namespace covey::test
