// SPDX-License-Identifier: BSD-3-Clause
// Every SYN-ACK and RST that a client's device receives from a TCP service over IPv4, as a value.
// The kernel filters (classic BPF), so nothing else costs anything. Owned by the one thread of
// lab-client. What is sent by the client itself is not reported.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "system.h"

namespace covey::lab {

/// A SYN-ACK or RST as it arrived; numbers in host order.
struct Answer {
  bool reset = false;
  std::uint32_t to_address = 0;
  std::uint16_t to_port = 0;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::array<std::uint8_t, 6> mac{};
};

class Watch {
 public:
  /// Watches `device` for answers from `address`:`port`, both in host order.
  Watch(const std::string& device, std::uint32_t address, std::uint16_t port);

  [[nodiscard]] int descriptor() const { return socket_.get(); }

  /// Hands out all answers that have arrived.
  void drain(const std::function<void(const Answer&)>& each);

  /// Frames that the kernel had to throw away because they were not read in time.
  [[nodiscard]] std::uint64_t missed();

 private:
  Descriptor socket_;
  std::uint64_t missed_ = 0;
};

}  // namespace covey::lab
