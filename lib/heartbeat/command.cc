// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/command.h"

#include "base/assert.h"
#include "base/byte_reader.h"
#include "heartbeat/tag.h"

namespace covey::heartbeat {
namespace {

bool is_known(std::uint8_t kind) {
  return kind >= static_cast<std::uint8_t>(CommandKind::command) &&
         kind <= static_cast<std::uint8_t>(CommandKind::reply);
}

}  // namespace

bool is_command(std::span<const std::uint8_t> payload) {
  base::ByteReader in(payload);
  return in.be32() == kCommandMagic && in.ok();
}

std::vector<std::uint8_t> seal_command(const SealKey& key, std::uint64_t cluster_id,
                                       const CommandFrame& frame) {
  COVEY_ASSERT(frame.text.size() <= kMaxCommandText && frame.from.is_valid());
  base::ByteWriter out;
  out.be32(kCommandMagic);
  out.u8(kCommandMajorVersion);
  out.u8(kCommandMinorVersion);
  out.u8(key.held.id);
  out.u8(static_cast<std::uint8_t>(frame.kind));
  out.be64(cluster_id);
  out.u8(frame.from.value);
  out.u8(frame.to.value);
  out.be16(static_cast<std::uint16_t>(frame.text.size()));
  out.be64(frame.nonce);
  out.be64(frame.challenge);
  out.be32(frame.sequence);
  COVEY_ASSERT(out.size() == kCommandHeaderBytes);
  for (const char c : frame.text)
    out.u8(static_cast<std::uint8_t>(c));
  append_tag(out, key.command);
  return out.take();
}

OpenedCommand open_command(std::span<const SealKey> keys, std::uint64_t cluster_id,
                           std::span<const std::uint8_t> payload) {
  const auto refuse = [](OpenStatus status) { return OpenedCommand{status, {}, 0}; };
  base::ByteReader in(payload);
  if (in.be32() != kCommandMagic)
    return refuse(in.ok() ? OpenStatus::not_ours : OpenStatus::malformed);
  const std::uint8_t major = in.u8();
  in.skip(1);
  const std::uint8_t key_id = in.u8();
  const std::uint8_t kind = in.u8();
  const std::uint64_t cluster = in.be64();
  CommandFrame frame;
  frame.from = base::HostId{in.u8()};
  frame.to = base::HostId{in.u8()};
  const std::uint16_t length = in.be16();
  frame.nonce = in.be64();
  frame.challenge = in.be64();
  frame.sequence = in.be32();
  if (!in.ok()) return refuse(OpenStatus::malformed);
  if (major != kCommandMajorVersion) return refuse(OpenStatus::bad_version);
  if (cluster != cluster_id) return refuse(OpenStatus::not_ours);
  const SealKey* key = find_key(keys, key_id);
  if (key == nullptr) return refuse(OpenStatus::unknown_key);

  const auto text = in.bytes(length);
  const auto tag = in.bytes(kTagBytes);
  if (!in.ok() || length > kMaxCommandText) return refuse(OpenStatus::malformed);
  if (!tag_is_right(key->command, payload.first(kCommandHeaderBytes + length), tag))
    return refuse(OpenStatus::bad_tag);
  const bool to_a_host = frame.to.is_nobody() || frame.to.is_valid();
  if (!is_known(kind) || !frame.from.is_valid() || !to_a_host) return refuse(OpenStatus::malformed);
  frame.kind = static_cast<CommandKind>(kind);
  frame.text.assign(text.begin(), text.end());
  return {OpenStatus::complete, std::move(frame), key_id};
}

}  // namespace covey::heartbeat
