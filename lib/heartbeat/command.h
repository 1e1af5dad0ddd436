// SPDX-License-Identifier: BSD-3-Clause
// Command frames: what one daemon tells another to do, sealed, in one frame each way.
//
// Owner: heartbeat. Thread: any; pure functions. Source of the format: docs/wire-format.md.
// Sealed like a heartbeat but with a sub-key of its own, so that no heartbeat can ever pass for a
// command. Cheap refusals (size, magic, version, cluster, key) come before the tag, everything else
// after it. What the text says, and whether a command is fresh, is judged by the receiver.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/ids.h"
#include "heartbeat/codec.h"
#include "heartbeat/keys.h"

namespace covey::heartbeat {

inline constexpr std::uint32_t kCommandMagic = 0x4356434d;  // "CVCM"
inline constexpr std::uint8_t kCommandMajorVersion = 1;     // another one is refused
inline constexpr std::uint8_t kCommandMinorVersion = 0;     // any is read
inline constexpr std::size_t kCommandHeaderBytes = 40;
inline constexpr std::size_t kMaxCommandText = kMaxPayload - kCommandHeaderBytes - kTagBytes;

enum class CommandKind : std::uint8_t {
  command = 1,    // asker -> target: do this; to nobody in particular: who is there?
  challenge = 2,  // target -> asker: name this number in your command
  reply = 3,      // target -> asker: done, or why not
};

struct CommandFrame {
  CommandKind kind = CommandKind::command;
  base::HostId from;
  base::HostId to;              // kNobody: every host
  std::uint64_t nonce = 0;      // of the asker's start; repeated by the target
  std::uint64_t challenge = 0;  // of the target, for that start; 0: not known yet
  std::uint32_t sequence = 0;   // rises with every command of the asker's start
  std::string text;
  friend bool operator==(const CommandFrame&, const CommandFrame&) = default;
};

struct OpenedCommand {
  OpenStatus status = OpenStatus::malformed;
  CommandFrame frame;       // status complete only
  std::uint8_t key_id = 0;  // of the key that sealed it
};

/// By the magic alone: whether the payload is for open_command() rather than for a Codec.
[[nodiscard]] bool is_command(std::span<const std::uint8_t> payload);
/// `text` has at most kMaxCommandText bytes and `from` is a host (asserted).
[[nodiscard]] std::vector<std::uint8_t> seal_command(const SealKey& key, std::uint64_t cluster_id,
                                                     const CommandFrame& frame);
[[nodiscard]] OpenedCommand open_command(std::span<const SealKey> keys, std::uint64_t cluster_id,
                                         std::span<const std::uint8_t> payload);

}  // namespace covey::heartbeat
