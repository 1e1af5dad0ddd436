// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/fragment.h"

#include "base/assert.h"
#include "base/byte_reader.h"
#include "heartbeat/tag.h"
#include "heartbeat/version.h"

namespace covey::heartbeat {

std::vector<std::uint8_t> seal_fragment(const SealKey& key, const FragmentHeader& header,
                                        std::span<const std::uint8_t> body) {
  COVEY_ASSERT(!body.empty() && body.size() <= kMaxFragmentBody);
  base::ByteWriter out;
  out.be32(kMagic);
  out.u8(kMajorVersion);
  out.u8(kMinorVersion);
  out.u8(key.held.id);
  out.u8(header.host.value);
  out.be64(header.cluster_id);
  out.be64(header.nonce);
  out.be32(header.sequence);
  out.u8(header.index);
  out.u8(header.count);
  out.be16(static_cast<std::uint16_t>(body.size()));
  COVEY_ASSERT(out.size() == kHeaderBytes);
  out.bytes(body);
  append_tag(out, key.heartbeat);
  return out.take();
}

namespace {

/// The fixed part of a frame as it stands there.
struct Preamble {
  OpenStatus status = OpenStatus::complete;  // ... or why it is not for us
  std::uint8_t key_id = 0;
  std::uint16_t length = 0;  // of the body
  FragmentHeader header;
};

Preamble read_preamble(base::ByteReader& in, std::uint64_t cluster_id) {
  Preamble read;
  if (in.be32() != kMagic) {
    read.status = in.ok() ? OpenStatus::not_ours : OpenStatus::malformed;
    return read;
  }
  const std::uint8_t major = in.u8();
  in.skip(1);  // the minor version changes nothing for a reader that skips unknown sections
  read.key_id = in.u8();
  read.header.host = base::HostId{in.u8()};
  read.header.cluster_id = in.be64();
  read.header.nonce = in.be64();
  read.header.sequence = in.be32();
  read.header.index = in.u8();
  read.header.count = in.u8();
  read.length = in.be16();
  if (!in.ok()) {
    read.status = OpenStatus::malformed;
  } else if (major != kMajorVersion) {
    read.status = OpenStatus::bad_version;
  } else if (read.header.cluster_id != cluster_id) {
    read.status = OpenStatus::not_ours;
  }
  return read;
}

}  // namespace

std::optional<FragmentHeader> peek(std::uint64_t cluster_id,
                                   std::span<const std::uint8_t> payload) {
  base::ByteReader in(payload);
  const Preamble read = read_preamble(in, cluster_id);
  if (read.status != OpenStatus::complete) return std::nullopt;
  return read.header;
}

OpenedFragment open_fragment(std::span<const SealKey> keys, std::uint64_t cluster_id,
                             std::span<const std::uint8_t> payload) {
  const auto refuse = [](OpenStatus status) { return OpenedFragment{status, 0, {}, {}}; };
  base::ByteReader in(payload);
  const auto [status, key_id, length, header] = read_preamble(in, cluster_id);
  if (status != OpenStatus::complete) return refuse(status);
  const SealKey* key = find_key(keys, key_id);
  if (key == nullptr) return refuse(OpenStatus::unknown_key);

  const auto body = in.bytes(length);
  const auto tag = in.bytes(kTagBytes);
  if (!in.ok() || length == 0 || length > kMaxFragmentBody) return refuse(OpenStatus::malformed);
  if (!tag_is_right(key->heartbeat, payload.first(kHeaderBytes + length), tag))
    return refuse(OpenStatus::bad_tag);
  if (!header.host.is_valid() || header.count == 0 || header.count > kMaxFragments ||
      header.index >= header.count) {
    return refuse(OpenStatus::malformed);
  }
  return {OpenStatus::complete, key_id, header, body};
}

}  // namespace covey::heartbeat
