// SPDX-License-Identifier: BSD-3-Clause
// OffloadsOff: no unfinished checksums and no oversized frames on an interface that we read through
// a socket.
//
// Owner: dataplane. Thread: the control thread. Restored at destruction.
// A kernel that leaves checksums and segmentation to a device that then does not exist hands us
// frames no client accepts; receive offloads glue frames together that do not fit the ring. This
// covers our end of a link only: the other end of a veth pair has to be set by whoever owns it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace covey::dataplane {

/// Those of an interface that are on, by the names ethtool gives them.
[[nodiscard]] std::vector<std::string> offloads_on(const std::string& interface_name);

class OffloadsOff {
 public:
  explicit OffloadsOff(std::string interface_name);
  ~OffloadsOff();
  OffloadsOff(const OffloadsOff&) = delete;
  OffloadsOff& operator=(const OffloadsOff&) = delete;

  /// Offloads that are still on, by the names ethtool gives them.
  [[nodiscard]] const std::vector<std::string>& still_on() const { return still_on_; }

 private:
  std::string interface_name_;
  std::vector<std::uint32_t> turned_off_;  // the commands that turn them on again
  std::vector<std::string> still_on_;
};

}  // namespace covey::dataplane
