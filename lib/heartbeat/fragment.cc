// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/fragment.h"

#include <sodium.h>

#include "base/assert.h"
#include "base/byte_reader.h"

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

std::vector<std::uint8_t> seal_fragment(const ClusterKey& key, const FragmentHeader& header,
                                        std::span<const std::uint8_t> body) {
  COVEY_ASSERT(!body.empty() && body.size() <= kMaxFragmentBody);
  base::ByteWriter out;
  out.be32(kMagic);
  out.u8(kMajorVersion);
  out.u8(kMinorVersion);
  out.u8(kKeyId);
  out.u8(header.host.value);
  out.be64(header.cluster_id);
  out.be64(header.nonce);
  out.be32(header.sequence);
  out.u8(header.index);
  out.u8(header.count);
  out.be16(static_cast<std::uint16_t>(body.size()));
  COVEY_ASSERT(out.size() == kHeaderBytes);
  out.bytes(body);
  out.bytes(tag_of(key, out.view()));
  return out.take();
}

OpenedFragment open_fragment(const ClusterKey& key, std::uint64_t cluster_id,
                             std::span<const std::uint8_t> payload) {
  const auto refuse = [](OpenStatus status) { return OpenedFragment{status, {}, {}}; };
  base::ByteReader in(payload);
  if (in.be32() != kMagic) return refuse(in.ok() ? OpenStatus::not_ours : OpenStatus::malformed);
  const std::uint8_t major = in.u8();
  in.skip(1);  // the minor version changes nothing for a reader that skips unknown sections
  const std::uint8_t key_id = in.u8();
  FragmentHeader header;
  header.host = base::HostId{in.u8()};
  header.cluster_id = in.be64();
  header.nonce = in.be64();
  header.sequence = in.be32();
  header.index = in.u8();
  header.count = in.u8();
  const std::uint16_t length = in.be16();
  if (!in.ok()) return refuse(OpenStatus::malformed);
  if (major != kMajorVersion) return refuse(OpenStatus::bad_version);
  if (header.cluster_id != cluster_id) return refuse(OpenStatus::not_ours);
  if (key_id != kKeyId) return refuse(OpenStatus::bad_tag);

  const auto body = in.bytes(length);
  const auto tag = in.bytes(kTagBytes);
  if (!in.ok() || length == 0 || length > kMaxFragmentBody) return refuse(OpenStatus::malformed);
  const Tag expected = tag_of(key, payload.first(kHeaderBytes + length));
  if (sodium_memcmp(expected.data(), tag.data(), kTagBytes) != 0)
    return refuse(OpenStatus::bad_tag);
  if (!header.host.is_valid() || header.count == 0 || header.count > kMaxFragments ||
      header.index >= header.count) {
    return refuse(OpenStatus::malformed);
  }
  return {OpenStatus::complete, header, body};
}

}  // namespace covey::heartbeat
