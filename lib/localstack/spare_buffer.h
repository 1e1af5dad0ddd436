// SPDX-License-Identifier: BSD-3-Clause
// SpareBuffer: room for the next frame of a file, ready before it is read, so that an empty look
// allocates nothing.
//
// Owner: localstack. Thread: the worker of the queue. Most frames fit an ordinary buffer; the rest
// of one that does not goes to where it has to be in a long one.
#pragma once

#include <array>
#include <cstddef>
#include <span>

struct rte_mbuf;
struct rte_mempool;

namespace covey::localstack {

class SpareBuffer {
 public:
  SpareBuffer() = default;
  ~SpareBuffer();
  SpareBuffer(const SpareBuffer&) = delete;
  SpareBuffer& operator=(const SpareBuffer&) = delete;

  /// Buffers for what take() gave away. Without `long_buffers` there is room for an ordinary frame
  /// only. False if there are none left.
  bool fill(rte_mempool* pool, rte_mempool* long_buffers) noexcept;
  /// Where to read to, one after the other; valid until take().
  [[nodiscard]] std::span<const std::span<std::byte>> pieces() const {
    return std::span(pieces_).first(count_);
  }
  /// The frame of `length` bytes, no more than there was room for, that was read; flat.
  [[nodiscard]] rte_mbuf* take(std::size_t length) noexcept;

 private:
  rte_mbuf* ordinary_ = nullptr;
  rte_mbuf* rest_ = nullptr;
  std::array<std::span<std::byte>, 2> pieces_;
  std::size_t count_ = 0;
};

}  // namespace covey::localstack
