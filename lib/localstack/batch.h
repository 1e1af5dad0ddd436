// SPDX-License-Identifier: BSD-3-Clause
// Batch: several reads or writes of one descriptor for one system call, by io_uring.
//
// Owner: localstack. Thread: one at a time; made by the control thread, used by the worker. Nothing
// is under way between two calls of run(), so that the descriptor can be polled as ever.
#pragma once

#include <sys/uio.h>

#include <array>
#include <cstddef>
#include <memory>
#include <span>

struct io_uring;

namespace covey::localstack {

class Batch {
 public:
  static constexpr unsigned kMost = 64;

  /// `file` is non-blocking. nullptr where the kernel has no io_uring, does not let us use it, or
  /// would hand such a descriptor to threads of its own, in any order.
  [[nodiscard]] static std::unique_ptr<Batch> open(int file);
  explicit Batch(int file);  // use open()
  ~Batch();
  Batch(const Batch&) = delete;
  Batch& operator=(const Batch&) = delete;

  /// Adds one to what run() will do, at most kMost. The pieces are lent until then.
  void read(std::span<const iovec> pieces) noexcept;
  void write(std::span<const iovec> pieces) noexcept;
  /// Does all of them in their order. For each the bytes moved, or an error number, negative.
  std::span<const int> run() noexcept;

 private:
  int file_;
  std::unique_ptr<io_uring> ring_;
  bool is_usable_ = false;
  unsigned count_ = 0;
  std::array<int, kMost> results_;
};

}  // namespace covey::localstack
