// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/batch.h"

#include <cerrno>
#include <utility>

#include <liburing.h>

namespace covey::localstack {

namespace {

/// Whether a read can be tried without waiting: only then is it done at once, in this thread.
bool knows_no_wait(int file) {
  std::byte nothing{};
  const iovec piece{&nothing, 0};
  return ::preadv2(file, &piece, 1, -1, RWF_NOWAIT) >= 0 || errno != EOPNOTSUPP;
}

}  // namespace

std::unique_ptr<Batch> Batch::open(int file) {
  if (!knows_no_wait(file)) return nullptr;
  auto made = std::make_unique<Batch>(file);
  return made->is_usable_ ? std::move(made) : nullptr;
}

Batch::Batch(int file) : file_(file), ring_(std::make_unique<io_uring>()) {
  is_usable_ = ::io_uring_queue_init(kMost, ring_.get(), 0) == 0;
}

Batch::~Batch() {
  if (is_usable_) ::io_uring_queue_exit(ring_.get());
}

void Batch::read(std::span<const iovec> pieces) noexcept {
  io_uring_sqe* entry = ::io_uring_get_sqe(ring_.get());
  ::io_uring_prep_readv2(entry, file_, pieces.data(), static_cast<unsigned>(pieces.size()), 0,
                         RWF_NOWAIT);
  ::io_uring_sqe_set_data64(entry, count_++);
}

void Batch::write(std::span<const iovec> pieces) noexcept {
  io_uring_sqe* entry = ::io_uring_get_sqe(ring_.get());
  ::io_uring_prep_writev2(entry, file_, pieces.data(), static_cast<unsigned>(pieces.size()), 0,
                          RWF_NOWAIT);
  ::io_uring_sqe_set_data64(entry, count_++);
}

std::span<const int> Batch::run() noexcept {
  // With RWF_NOWAIT (that the descriptor does not block is not enough) all is done when the call
  // comes back; it is asked again only where the kernel was short of memory for a moment.
  for (unsigned done = 0; done < count_;) {
    static_cast<void>(::io_uring_submit_and_wait(ring_.get(), count_ - done));
    io_uring_cqe* entry = nullptr;
    while (::io_uring_peek_cqe(ring_.get(), &entry) == 0) {
      results_[entry->user_data] = entry->res;
      ::io_uring_cqe_seen(ring_.get(), entry);
      ++done;
    }
  }
  return std::span(results_).first(std::exchange(count_, 0U));
}

}  // namespace covey::localstack
