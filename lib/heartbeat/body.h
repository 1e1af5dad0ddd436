// SPDX-License-Identifier: BSD-3-Clause
// Body: a message as a list of sections (type, length, value), before it is cut into fragments and
// sealed.
//
// Owner: heartbeat. Thread: any; pure functions. Source of the format: docs/wire-format.md.
// There is one right way to write a message: section types never descend and only claims repeat. A
// reader skips types it does not know, so a newer minor version may add sections at the end. Equal
// claims of several classes are sent once and referred to. What does not decode is refused as a
// whole: half a message is worse than none.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "heartbeat/message.h"

namespace covey::heartbeat {

/// One class per rule, and the two that every cluster has.
inline constexpr std::size_t kMaxClasses = base::kMaxRules + 2;

enum class Section : std::uint16_t {
  state = 1,
  host_name = 2,
  acknowledgements = 3,
  classes = 4,
  claims = 5,  // of one class; repeated
  residual = 6,
  flap_counts = 7,
  excerpt = 8,
  keys = 9,
  staged_classes = 10,
};

/// Errors (invalid_argument): a field beyond its limit, acknowledgements out of order.
[[nodiscard]] base::Result<std::vector<std::uint8_t>> encode_body(const Message& message);
/// Fills all of `message` but cluster_id, host, nonce and sequence, which travel in the header of
/// every fragment. Errors (corrupt) name the section.
[[nodiscard]] base::Result<void> decode_body(std::span<const std::uint8_t> body, Message& message);

}  // namespace covey::heartbeat
