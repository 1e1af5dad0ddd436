// SPDX-License-Identifier: BSD-3-Clause
#include "packet/heartbeat_frame.h"

#include "base/assert.h"
#include "base/endian.h"

namespace covey::packet {

void build_heartbeat_frame(std::span<const std::uint8_t> payload, const base::MacAddress& source,
                           std::span<std::uint8_t> out) noexcept {
  COVEY_ASSERT(out.size() == heartbeat_frame_length(payload.size()));
  const auto& target = base::MacAddress::broadcast().bytes;
  auto end = std::copy(target.begin(), target.end(), out.begin());
  std::copy(source.bytes.begin(), source.bytes.end(), end);
  base::store_be16(out.data() + kEtherTypeOffset, kEtherTypeHeartbeat);
  end = std::copy(payload.begin(), payload.end(), out.begin() + kEthernetHeader);
  std::fill(end, out.end(), std::uint8_t{0});
}

}  // namespace covey::packet
