// SPDX-License-Identifier: BSD-3-Clause
// Codec: Message <-> sealed frame payloads. Nothing is believed before its tag has been verified.
//
// Owner: heartbeat. Thread: the control thread owns a Codec. Source of the format:
// docs/wire-format.md. A message travels in 1..kMaxFragments fragments, each sealed by itself
// (keyed BLAKE2b-128 under a sub-key of a cluster key), so that a forged fragment never enters
// reassembly. It opens under every key it holds, and seals under one of them. Unknown trailing
// sections are skipped (newer minor versions); an unknown major version, cluster or key is refused
// and counted by reason. Replay is judged by the receiver of messages (nonce and sequence), not
// here.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "heartbeat/keys.h"
#include "heartbeat/message.h"
#include "heartbeat/tag.h"

namespace covey::heartbeat {

inline constexpr std::size_t kMaxPayload = 1400;  // header and tag included; fits any usual MTU
inline constexpr unsigned kMaxFragments = 64;

enum class OpenStatus : std::uint8_t {
  complete,    // a whole message
  incomplete,  // a good fragment; more are to come
  not_ours,    // another cluster on this segment
  bad_version,
  unknown_key,  // sealed with a key that this host does not hold (any more, or yet)
  bad_tag,      // forged, damaged or under another key of that number
  malformed,    // cut off, or sealed rightly but not decodable: a bug of the sender
};
inline constexpr std::size_t kOpenStatusCount = 7;
[[nodiscard]] std::string_view name(OpenStatus status);

struct Opened {
  OpenStatus status = OpenStatus::malformed;
  Message message;          // status complete only
  std::uint8_t key_id = 0;  // of the key that sealed it
};

struct CommandFrame;
struct OpenedCommand;

class Codec {
 public:
  explicit Codec(const DerivedKeys& keys);
  ~Codec();
  Codec(const Codec&) = delete;
  Codec& operator=(const Codec&) = delete;

  /// Takes other keys from now on; sends with the oldest of them until told otherwise.
  void set_keys(const DerivedKeys& keys);
  /// Which key seals; it is held (asserted).
  void send_with(std::uint8_t key_id);
  [[nodiscard]] std::uint8_t sends_with() const;

  /// A command frame under the key of that number, or the one that seals heartbeats.
  [[nodiscard]] std::vector<std::uint8_t> seal_command(const CommandFrame& frame,
                                                       std::optional<std::uint8_t> key_id) const;
  [[nodiscard]] OpenedCommand open_command(std::span<const std::uint8_t> payload) const;

  /// The payloads (after the Ethernet header) of one message, in sending order.
  [[nodiscard]] base::Result<std::vector<std::vector<std::uint8_t>>> seal(
      const Message& message) const;
  /// Opens one payload; keeps at most one unfinished message per host.
  [[nodiscard]] Opened open(std::span<const std::uint8_t> payload);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace covey::heartbeat
