// SPDX-License-Identifier: BSD-3-Clause
#include "process/frame_sender.h"

#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

namespace covey::process {

base::Result<FrameSender> FrameSender::open(const std::string& interface_name) {
  const std::string doing = "send on interface \"" + interface_name + "\"";
  const unsigned index = ::if_nametoindex(interface_name.c_str());
  if (index == 0) return base::fail_errno(doing, errno);
  // Protocol 0: no frame is ever given to this socket.
  FrameSender sender(::socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
  if (sender.socket_ < 0) return base::fail_errno(doing, errno);
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(index);
  if (::bind(sender.socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0)
    return base::fail_errno(doing, errno);
  return sender;
}

FrameSender::~FrameSender() {
  if (socket_ >= 0) ::close(socket_);
}

FrameSender::FrameSender(FrameSender&& other) noexcept
    : socket_(std::exchange(other.socket_, -1)) {}

bool FrameSender::send(std::span<const std::uint8_t> frame) const {
  return ::send(socket_, frame.data(), frame.size(), 0) == std::ssize(frame);
}

}  // namespace covey::process
