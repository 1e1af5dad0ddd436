// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/siphash.h"

namespace covey::bucket {

std::uint64_t siphash13(const SipKey& key, std::span<const std::uint8_t> bytes) noexcept {
  return detail::siphash<1, 3>(key, bytes.data(), bytes.size());
}

}  // namespace covey::bucket
