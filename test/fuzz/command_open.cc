// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: bytes as the payload of a command, and the same bytes as the text of a rightly
// sealed one.
//
// Owner: test/fuzz. Thread: one. The first bytes of the second way choose the header. Whatever is
// accepted must survive sealing and opening again unchanged.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "heartbeat/command.h"
#include "support.h"

namespace {

using namespace covey;
using fuzz::require;

void check_round_trip(const heartbeat::DerivedKeys& keys, const heartbeat::CommandFrame& frame) {
  const auto payload = heartbeat::seal_command(keys.seals.front(), keys.cluster_id, frame);
  require(heartbeat::is_command(payload) && payload.size() <= heartbeat::kMaxPayload);
  const auto again = heartbeat::open_command(keys.seals, keys.cluster_id, payload);
  require(again.status == heartbeat::OpenStatus::complete && again.frame == frame);
}

void open_raw(const heartbeat::DerivedKeys& keys, std::span<const std::uint8_t> payload) {
  const auto opened = heartbeat::open_command(keys.seals, keys.cluster_id, payload);
  if (opened.status != heartbeat::OpenStatus::complete) return;
  require(heartbeat::is_command(payload));
  check_round_trip(keys, opened.frame);
}

/// Also what only a member could send: kinds and targets that do not exist.
void open_sealed(const heartbeat::DerivedKeys& keys, std::span<const std::uint8_t> bytes) {
  heartbeat::CommandFrame frame;
  frame.kind = static_cast<heartbeat::CommandKind>(bytes[0] % 5);
  frame.from = base::HostId{static_cast<std::uint8_t>(bytes[1] % base::kMaxHosts + 1)};
  frame.to = base::HostId{bytes[2]};
  frame.challenge = bytes[3];
  const auto text = bytes.subspan(4, std::min(bytes.size() - 4, heartbeat::kMaxCommandText));
  frame.text.assign(text.begin(), text.end());
  const auto payload = heartbeat::seal_command(keys.seals.front(), keys.cluster_id, frame);
  const auto opened = heartbeat::open_command(keys.seals, keys.cluster_id, payload);
  const bool is_good = bytes[0] % 5 >= 1 && bytes[0] % 5 <= 3 && bytes[2] <= base::kMaxHosts;
  require(opened.status ==
          (is_good ? heartbeat::OpenStatus::complete : heartbeat::OpenStatus::malformed));
  if (is_good) require(opened.frame == frame);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto key = fuzz::counting_key<heartbeat::ClusterKey>();
  const auto keys = heartbeat::derive_keys(key, "web");
  require(keys.has_value());
  open_raw(*keys, {data, size});
  if (size >= 4) open_sealed(*keys, {data, size});
  return 0;
}
