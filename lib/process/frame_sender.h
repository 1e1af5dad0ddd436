// SPDX-License-Identifier: BSD-3-Clause
// FrameSender: puts whole Ethernet frames on a kernel interface; receives nothing.
//
// Owner: process. Thread: any, one at a time. Needs CAP_NET_RAW when it is opened, none later. Does
// not wait: a full queue loses the frame.
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "base/result.h"

namespace covey::process {

class FrameSender {
 public:
  [[nodiscard]] static base::Result<FrameSender> open(const std::string& interface_name);
  ~FrameSender();
  FrameSender(FrameSender&& other) noexcept;
  FrameSender(const FrameSender&) = delete;
  FrameSender& operator=(const FrameSender&) = delete;

  /// Whether the kernel took the frame.
  [[nodiscard]] bool send(std::span<const std::uint8_t> frame) const;

 private:
  explicit FrameSender(int socket) : socket_(socket) {}
  int socket_;
};

}  // namespace covey::process
