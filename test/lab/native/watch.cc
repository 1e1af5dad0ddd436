// SPDX-License-Identifier: BSD-3-Clause
#include "watch.h"

#include <linux/filter.h>
#include <netinet/in.h>

#include <algorithm>

#include "base/endian.h"

namespace covey::lab {
namespace {

constexpr int kReceiveBuffer = 16 << 20;
constexpr std::size_t kSnap = 128;
// Offsets in an Ethernet frame with IPv4 without options: the filter lets nothing else pass.
constexpr std::size_t kSourceMac = 6;
constexpr std::size_t kEtherType = 12;
constexpr std::size_t kIp = 14;
constexpr std::size_t kProtocol = kIp + 9;
constexpr std::size_t kSource = kIp + 12;
constexpr std::size_t kDestination = kIp + 16;
constexpr std::size_t kTcp = kIp + 20;
constexpr std::size_t kSeq = kTcp + 4;
constexpr std::size_t kAck = kTcp + 8;
constexpr std::size_t kFlags = kTcp + 13;
constexpr std::uint8_t kSyn = 0x02;
constexpr std::uint8_t kRst = 0x04;
constexpr std::uint8_t kAnyFlag = 0xff;  // a segment without any is nobody's

void set_filter(int descriptor, Endpoint service, std::uint32_t flags) {
  std::array<sock_filter, 14> code{{
      {BPF_LD | BPF_H | BPF_ABS, 0, 0, kEtherType},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 11, ETH_P_IP},
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, kIp},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 9, 0x45},
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, kProtocol},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 7, IPPROTO_TCP},
      {BPF_LD | BPF_W | BPF_ABS, 0, 0, kSource},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 5, service.address},
      {BPF_LD | BPF_H | BPF_ABS, 0, 0, kTcp},
      {BPF_JMP | BPF_JEQ | BPF_K, 0, 3, service.port},
      {BPF_LD | BPF_B | BPF_ABS, 0, 0, kFlags},
      {BPF_JMP | BPF_JSET | BPF_K, 0, 1, flags},
      {BPF_RET | BPF_K, 0, 0, kSnap},
      {BPF_RET | BPF_K, 0, 0, 0},
  }};
  const sock_fprog program{static_cast<unsigned short>(code.size()), code.data()};
  must(setsockopt(descriptor, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof program), "filter");
}

Answer read_answer(const std::uint8_t* frame) {
  Answer answer;
  answer.reset = (frame[kFlags] & kRst) != 0;
  answer.to.address = base::load_be32(frame + kDestination);
  answer.to.port = base::load_be16(frame + kTcp + 2);
  answer.seq = base::load_be32(frame + kSeq);
  answer.ack = base::load_be32(frame + kAck);
  std::copy_n(frame + kSourceMac, answer.mac.size(), answer.mac.begin());
  return answer;
}

}  // namespace

Watch::Watch(const std::string& device, Endpoint service, Watched watched)
    : socket_(packet_socket()) {
  set_filter(socket_.get(), service, watched == Watched::everything ? kAnyFlag : kSyn | kRst);
  must(
      setsockopt(socket_.get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof kReceiveBuffer),
      "receive buffer");
  bind_to_device(socket_, device);
}

void Watch::drain(const std::function<void(const Answer&)>& each) {
  std::array<std::uint8_t, kSnap> frame{};
  while (true) {
    sockaddr_ll from{};
    socklen_t size = sizeof from;
    const ssize_t length = recvfrom(socket_.get(), frame.data(), frame.size(), 0,
                                    reinterpret_cast<sockaddr*>(&from), &size);
    if (length < 0) return;
    if (static_cast<std::size_t>(length) <= kFlags) continue;
    if (from.sll_pkttype == PACKET_OUTGOING) continue;
    each(read_answer(frame.data()));
  }
}

std::uint64_t Watch::missed() {
  tpacket_stats stats{};
  socklen_t size = sizeof stats;
  must(getsockopt(socket_.get(), SOL_PACKET, PACKET_STATISTICS, &stats, &size), "statistics");
  missed_ += stats.tp_drops;  // reading resets the kernel's count
  return missed_;
}

}  // namespace covey::lab
