// SPDX-License-Identifier: BSD-3-Clause
// Scenes: kinds of frames in kinds of state, and the pool in which the frames of one lie.
//
// Owner: test/bench. Thread: one. Foreign: another host's bucket, by far the most frequent; owned:
// a SYN in our own bucket; tracked: a segment of a connection in the cache; dirty: a segment of
// nobody's in an own bucket where others hold some; fragment: a foreign one that has ports. Of
// frames there are 4,096, which stay in the caches, or more (`/64k`, `/1M`), which come from
// memory. Sources differ from frame to frame, so that neither hash nor look-up is predictable.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "bucket/bucket_table.h"
#include "forwarding/screen.h"
#include "forwarding/verdict.h"
#include "packet/parse.h"

namespace covey::bench {

inline constexpr std::size_t kBurst = forwarding::Screen::kMostFrames;
inline constexpr std::size_t kFewFrames = 4096;
inline constexpr std::size_t kLine = 64;  // of a cache

struct Scene {
  std::string name;
  bool is_ipv6 = false;
  std::uint8_t flags = packet::TcpFlags::kAck;
  bucket::BucketState buckets = bucket::BucketState::foreign;
  bool tracked = false;
  bool fragment = false;  // the first of a datagram
  forwarding::Verdict expected = forwarding::Verdict::drop_not_owner;
  std::size_t frames = kFewFrames;
  std::uint32_t flows = 0;  // in the cache, besides those of tracked frames
  unsigned rules = 1;
  unsigned virtual_ips = 1;  // IPv4
};

[[nodiscard]] std::vector<Scene> all_scenes();

/// In huge pages where the system has them, as DPDK's is.
class Memory {
 public:
  explicit Memory(std::size_t bytes);
  Memory(const Memory&) = delete;
  Memory& operator=(const Memory&) = delete;
  ~Memory();

  [[nodiscard]] std::uint8_t* at(std::size_t offset) const { return at_ + offset; }
  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  std::uint8_t* at_ = nullptr;
  std::size_t size_;
};

/// Frames in a buffer pool.
class Pool {
 public:
  explicit Pool(const Scene& scene);

  [[nodiscard]] std::span<std::uint8_t> frame(std::size_t i) const {
    return {memory_.at(i * kStride), length_};
  }
  /// As many frames as there is room for, from that one on.
  void take(std::size_t first, std::span<std::span<std::uint8_t>> frames) const {
    std::uint8_t* at = memory_.at(first * kStride);
    const std::size_t length = length_;
    for (std::span<std::uint8_t>& frame : frames) {
      frame = {at, length};
      at += kStride;
    }
  }
  [[nodiscard]] std::size_t count() const { return memory_.size() / kStride; }

 private:
  // As DPDK lays out buffers of 2,048 bytes, an odd number of cache lines: so they use all sets of
  // the caches.
  static constexpr std::size_t kStride = 2368;

  void fill(const Scene& scene);

  Memory memory_;
  std::size_t length_ = 0;
};

}  // namespace covey::bench
