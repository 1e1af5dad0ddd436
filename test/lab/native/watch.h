// SPDX-License-Identifier: BSD-3-Clause
// What a client's device receives from a TCP service over IPv4, as values: every SYN-ACK and RST,
// or every segment. The kernel filters (classic BPF), so nothing else costs anything. Owned by the
// one thread of its program. What is sent by the client itself is not reported.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "endpoint.h"
#include "system.h"

namespace covey::lab {

enum class Watched { beginnings_and_ends, everything };

/// A segment as it arrived; numbers in host order.
struct Answer {
  bool reset = false;
  Endpoint to;
  std::uint32_t seq = 0;
  std::uint32_t ack = 0;
  std::array<std::uint8_t, 6> mac{};
};

class Watch {
 public:
  /// Watches `device` for answers from `service`.
  Watch(const std::string& device, Endpoint service, Watched watched);

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
