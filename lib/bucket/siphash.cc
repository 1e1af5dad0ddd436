// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/siphash.h"

namespace covey::bucket {

std::uint64_t siphash13(const SipKey& key, std::span<const std::uint8_t> bytes) noexcept {
  return detail::siphash<1, 3>(key, bytes.data(), bytes.size());
}

std::uint64_t siphash13(const SipKey& key, std::string_view text) noexcept {
  return siphash13(key, {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()});
}

}  // namespace covey::bucket
