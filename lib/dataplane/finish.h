// SPDX-License-Identifier: BSD-3-Clause
// What the local stack left over of a frame, done for the uplink: by its device where that can,
// else here.
//
// Owner: dataplane. Thread: the worker that holds the frame. Decisions have been made before, once
// for a long frame. The arithmetic is in packet/segment.h. Buffers that go to a device of DPDK's
// are all ordinary ones of one pool and have one owner, see port.cc.
#pragma once

#include <cstddef>
#include <cstdint>

#include "packet/segment.h"

struct rte_mbuf;
struct rte_mempool;

namespace covey::dataplane {

/// What the uplink's device does by itself to frames that it sends.
struct Abilities {
  bool checksums = false;
  bool segmentation = false;  // of TCP; then also checksums
  bool long_buffers = false;  // frames need not be in chains of ordinary buffers
};

/// Leaves an open checksum to the device or computes it.
void finish_checksum(rte_mbuf* frame, const packet::FrameView& view, const packet::LeftOver& left,
                     Abilities device) noexcept;

/// One segment of many. nullptr when there is no buffer that could hold it.
[[nodiscard]] rte_mbuf* cut_out(const packet::LongSegment& whole, std::size_t index,
                                rte_mempool* pool) noexcept;

/// The long frame in a chain of buffers, for a device to cut. nullptr when there are too few.
[[nodiscard]] rte_mbuf* chain_for_device(rte_mbuf* frame, const packet::FrameView& view,
                                         const packet::LeftOver& left, rte_mempool* pool) noexcept;

}  // namespace covey::dataplane
