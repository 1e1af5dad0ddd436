// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: bytes as a heartbeat payload, and the same bytes as the body of a rightly sealed
// one.
//
// Owner: test/fuzz. Thread: one. Without the second way nothing behind the tag would ever be
// reached. The first byte says how long the fragments are. Whatever is accepted must survive
// sealing and opening again unchanged.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "heartbeat/codec.h"
#include "heartbeat/fragment.h"
#include "support.h"

namespace {

using namespace covey;
using fuzz::require;

void check_round_trip(const heartbeat::DerivedKeys& keys, const heartbeat::Message& message) {
  heartbeat::Codec codec(keys);
  const auto payloads = codec.seal(message);
  require(payloads.has_value());
  heartbeat::Opened opened;
  for (const auto& payload : *payloads)
    opened = codec.open(payload);
  require(opened.status == heartbeat::OpenStatus::complete && opened.message == message);
}

void open_raw(const heartbeat::DerivedKeys& keys, std::span<const std::uint8_t> payload) {
  heartbeat::Codec codec(keys);
  const heartbeat::Opened opened = codec.open(payload);
  if (opened.status == heartbeat::OpenStatus::complete) check_round_trip(keys, opened.message);
}

void open_sealed(const heartbeat::DerivedKeys& keys, std::span<const std::uint8_t> body) {
  const std::size_t length = std::size_t{body[0]} * 4 + 16;
  body = body.subspan(1);
  const std::size_t count = (body.size() + length - 1) / length;
  if (count > heartbeat::kMaxFragments) return;
  heartbeat::Codec codec(keys);
  heartbeat::FragmentHeader header{
      keys.cluster_id, base::HostId{1}, 1, 1, 0, static_cast<std::uint8_t>(count)};
  for (std::size_t at = 0; at < body.size(); at += length) {
    const auto piece = body.subspan(at, std::min(length, body.size() - at));
    const heartbeat::Opened opened =
        codec.open(heartbeat::seal_fragment(keys.seals.front(), header, piece));
    ++header.index;
    const bool is_last = header.index == count;
    require(is_last == (opened.status != heartbeat::OpenStatus::incomplete));
    if (opened.status == heartbeat::OpenStatus::complete) check_round_trip(keys, opened.message);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto key = fuzz::counting_key<heartbeat::ClusterKey>();
  const auto keys = heartbeat::derive_keys(key, "web");
  require(keys.has_value());
  open_raw(*keys, {data, size});
  if (size > 1) open_sealed(*keys, {data, size});
  return 0;
}
