// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/tag.h"

#include <sodium.h>

#include <array>

#include "base/assert.h"

namespace covey::heartbeat {
namespace {

using Tag = std::array<std::uint8_t, kTagBytes>;

static_assert(kTagBytes >= crypto_generichash_BYTES_MIN);
static_assert(kKeyBytes == crypto_generichash_KEYBYTES);

Tag tag_of(const ClusterKey& key, std::span<const std::uint8_t> sealed) {
  Tag tag{};
  const int failed = crypto_generichash(tag.data(), tag.size(), sealed.data(), sealed.size(),
                                        key.data(), key.size());
  COVEY_ASSERT(failed == 0);  // only wrong lengths can fail, and they are constants
  return tag;
}

}  // namespace

void append_tag(base::ByteWriter& out, const ClusterKey& key) {
  out.bytes(tag_of(key, out.view()));
}

bool tag_is_right(const ClusterKey& key, std::span<const std::uint8_t> sealed,
                  std::span<const std::uint8_t> tag) {
  COVEY_ASSERT(tag.size() == kTagBytes);
  return sodium_memcmp(tag_of(key, sealed).data(), tag.data(), kTagBytes) == 0;
}

}  // namespace covey::heartbeat
