// SPDX-License-Identifier: BSD-3-Clause
#include "packet/headers.h"

#include <algorithm>

#include "base/endian.h"

namespace covey::packet {

namespace {

constexpr std::uint8_t kHopByHop = 0;
constexpr std::uint8_t kRouting = 43;
constexpr std::uint8_t kFragment = 44;
constexpr std::uint8_t kDestinationOptions = 60;
constexpr std::size_t kExtensionUnit = 8;  // extension headers are multiples of this

// AH ends the walk on purpose: to us it is a protocol of its own (as in IPv4), so that all IPsec
// traffic of a client is treated alike, whatever lies behind it.
constexpr bool is_extension(std::uint8_t protocol) {
  return protocol == kHopByHop || protocol == kRouting || protocol == kFragment ||
         protocol == kDestinationOptions;
}

void read_fragment_header(std::span<const std::uint8_t> header, ExtensionWalk& walk) {
  const std::uint16_t word = base::load_be16(&header[2]);
  const bool more = (word & 1U) != 0;
  walk.fragment_offset = (word >> 3U) * kFragmentUnit;
  walk.is_later_fragment = walk.fragment_offset != 0;
  // Neither offset nor more: an "atomic fragment" (RFC 6946), whole in spite of its header.
  walk.is_fragment = more || walk.is_later_fragment;
  if (walk.is_fragment) walk.fragment_id = base::load_be32(&header[4]);
}

}  // namespace

ExtensionWalk walk_extensions(std::span<const std::uint8_t> payload,
                              std::uint8_t protocol) noexcept {
  ExtensionWalk walk;
  walk.protocol = protocol;
  for (unsigned headers = 0; is_extension(walk.protocol); ++headers) {
    if (headers == kMaxExtensionHeaders) {
      walk.status = ParseStatus::too_many_extensions;
      return walk;
    }
    const std::span<const std::uint8_t> rest = payload.subspan(walk.length);
    const bool is_fragment_header = walk.protocol == kFragment;
    if (rest.size() < kExtensionUnit) {
      walk.status = ParseStatus::truncated;
      return walk;
    }
    const std::size_t length =
        is_fragment_header ? kExtensionUnit : (rest[1] + 1U) * kExtensionUnit;
    if (length > rest.size()) {
      walk.status = ParseStatus::truncated;
      return walk;
    }
    if (walk.length + length > kMaxExtensionBytes) {
      walk.status = ParseStatus::too_many_extensions;
      return walk;
    }
    if (is_fragment_header) read_fragment_header(rest, walk);
    walk.protocol = rest[0];
    walk.length += length;
    if (walk.is_later_fragment) return walk;
  }
  return walk;
}

bool is_extension_header(const FrameView& view) noexcept {
  return view.layer3 == Layer3::ipv6 && is_extension(view.key.protocol);
}

std::size_t packet_end(std::span<const std::uint8_t> frame, const FrameView& view) noexcept {
  std::size_t end = frame.size();
  const std::size_t at = view.l3_offset;
  if (view.layer3 == Layer3::ipv4) end = at + base::load_be16(&frame[at + 2]);
  if (view.layer3 == Layer3::ipv6) end = at + kIpv6Header + base::load_be16(&frame[at + 4]);
  return std::min(end, frame.size());
}

std::size_t find_link_layer_option(std::span<const std::uint8_t> frame, const FrameView& view,
                                   std::uint8_t option_type) noexcept {
  constexpr std::size_t kOptionUnit = 8;
  const std::size_t end = packet_end(frame, view);
  std::size_t at = view.l4_offset + kNeighborOptions;
  while (at + kOptionUnit <= end) {
    const std::size_t length = frame[at + 1] * kOptionUnit;
    if (length == 0) return 0;
    if (frame[at] == option_type && length == kLinkLayerOption) return at;
    at += length;
  }
  return 0;
}

}  // namespace covey::packet
