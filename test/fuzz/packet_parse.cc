// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: one frame through the parser, the rare-frame readers and the reply builders.
//
// Owner: test/fuzz. Thread: one. Besides what sanitizers find, it stops where the parser breaks its
// own promises.
#include <array>
#include <cstddef>
#include <cstdint>
#include <span>

#include "packet/group_message.h"
#include "packet/parse.h"
#include "packet/reply.h"
#include "support.h"

namespace {

using namespace covey;
using fuzz::require;

void check_view(std::span<const std::uint8_t> frame, const packet::FrameView& view) {
  require(view.l3_offset <= frame.size());
  require(view.l4_offset <= frame.size());
  require(view.key.reserved == 0);
  if (view.has_ports) require(view.status == packet::ParseStatus::ok && view.l4_offset != 0);
  if (view.is_later_fragment) require(view.is_fragment && !view.has_ports);
  if (view.status == packet::ParseStatus::ok) {
    require(view.l4_offset + std::size_t{view.payload_length} <= frame.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::span<const std::uint8_t> frame(data, size);
  const packet::FrameView view = packet::parse(frame);
  check_view(frame, view);
  static_cast<void>(packet::embedded_flow(frame, view));
  static_cast<void>(packet::read_arp(frame, view));
  static_cast<void>(packet::read_neighbor_solicitation(frame, view));
  if (const auto query = packet::read_group_query(frame, view)) {
    require(query->version >= 1 && query->version <= packet::newest_group_version(query->family));
    require(query->group.family == base::Family::none || query->group.is_multicast());
    require(query->response_time >= base::Duration{});
  }

  const packet::ReplyMacs macs{{{2, 1, 10, 77, 0, 50}}, {{2, 0xbf, 10, 77, 0, 50}}};
  std::array<std::uint8_t, 128> out{};
  require(packet::build_arp_reply(frame, view, macs, out) <= out.size());
  require(packet::build_neighbor_advertisement(frame, view, macs, out) <= out.size());
  return 0;
}
