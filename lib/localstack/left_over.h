// SPDX-License-Identifier: BSD-3-Clause
// What a stack left over of a frame, in the words that DPDK's devices have for it.
//
// Owner: localstack. Thread: the worker that holds the mbuf; pure.
#pragma once

#include <cstdint>

#include "packet/parse.h"
#include "packet/segment.h"

struct rte_mbuf;

namespace covey::localstack {

/// Tells the device that will send `frame` to complete its checksum, to cut it if there is a
/// segment length, and where its headers are, which lie in its first buffer. False, and nothing
/// told, if there is no word for this kind of checksum.
bool leave_to_device(rte_mbuf* frame, const packet::FrameView& view,
                     const packet::LeftOver& left) noexcept;

/// Whether the device that received it found something left over of a frame.
[[nodiscard]] bool has_left_over(const rte_mbuf* frame) noexcept;
/// What; `view` is of the flat frame.
[[nodiscard]] packet::LeftOver left_over_of(const rte_mbuf* frame,
                                            const packet::FrameView& view) noexcept;
/// The same, and the mbuf forgets it, since the same members mean something else on the way out.
[[nodiscard]] packet::LeftOver take_left_over(rte_mbuf* frame) noexcept;
/// Does it here, for want of somebody to leave it to.
void finish_left_over(rte_mbuf* frame) noexcept;

}  // namespace covey::localstack
