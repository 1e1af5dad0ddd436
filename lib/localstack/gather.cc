// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/gather.h"

#include <rte_mbuf.h>

#include "localstack/frame.h"

namespace covey::localstack {

namespace {

/// What the device that received it found out about its checksums.
bool is_known_sound(const rte_mbuf* frame, const packet::FrameView& view) noexcept {
  const std::uint64_t flags = frame->ol_flags;
  const bool ip = view.layer3 == packet::Layer3::ipv6 ||
                  (flags & RTE_MBUF_F_RX_IP_CKSUM_MASK) == RTE_MBUF_F_RX_IP_CKSUM_GOOD;
  const std::uint64_t layer4 = flags & RTE_MBUF_F_RX_L4_CKSUM_MASK;
  // None: a stack next to us left it open, so nothing can have happened to it.
  return ip && (layer4 == RTE_MBUF_F_RX_L4_CKSUM_GOOD || layer4 == RTE_MBUF_F_RX_L4_CKSUM_NONE);
}

bool is_sound(rte_mbuf* frame, const packet::FrameView& view) noexcept {
  return is_known_sound(frame, view) || packet::has_good_checksums(bytes_of(frame), view);
}

/// Any spread will do: a slot that is shared costs a longer segment, nothing else.
std::size_t mix(const packet::FlowKey& key) noexcept {
  return key.source_port ^ key.destination_port ^ key.source[3] ^ key.source[15];
}

}  // namespace

void Gathering::take(std::span<rte_mbuf* const> frames,
                     std::span<const packet::FrameView* const> views) noexcept {
  frames_ = frames;
  views_ = views;
  count_ = 0;
  latest_.fill(kNone);
  for (std::size_t i = 0; i < frames.size(); ++i)
    take(static_cast<std::uint8_t>(i), frames[i], *views[i]);
}

void Gathering::take_each(std::span<rte_mbuf* const> frames) noexcept {
  count_ = 0;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    const auto position = static_cast<std::uint8_t>(i);
    runs_[count_++] = {{}, false, false, position, position};
  }
}

void Gathering::take(std::uint8_t position, rte_mbuf* frame,
                     const packet::FrameView& view) noexcept {
  std::uint8_t& latest = latest_[mix(view.key) % kSlots];
  const bool is_long = (frame->ol_flags & RTE_MBUF_F_RX_LRO) != 0;
  const bool is_plain =
      frame->nb_segs == 1 && !is_long && packet::is_mergeable(bytes_of(frame), view);
  if (is_plain && latest != kNone && append(position, frame, view, latest)) return;
  // Whatever else the conversation has to say (a bare acknowledgement, its end) must not be
  // overtaken by what comes after.
  latest = is_plain ? static_cast<std::uint8_t>(count_) : kNone;
  Run& run = runs_[count_++];
  run = {{}, is_plain, is_plain && is_known_sound(frame, view), position, position};
  if (is_plain) run.segments = packet::SegmentRun(bytes_of(frame), view);
}

bool Gathering::append(std::uint8_t position, rte_mbuf* frame, const packet::FrameView& view,
                       std::uint8_t number) noexcept {
  Run& run = runs_[number];
  if (!run.segments.is_followed_by(bytes_of(frame), view)) return false;
  if (!run.is_verified) run.is_verified = is_sound(frames_[run.first], *views_[run.first]);
  if (!run.is_verified || !is_sound(frame, view)) return false;
  run.segments.add(view);
  next_[run.last] = position;
  run.last = position;
  return true;
}

}  // namespace covey::localstack
