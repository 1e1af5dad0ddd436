// SPDX-License-Identifier: BSD-3-Clause
#include "process/last_words.h"

#include <sys/mman.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cerrno>
#include <memory>

namespace covey::process {

/// Two slots: one is written while the other stays valid.
struct LastWords::Page {
  struct Slot {
    std::size_t length = 0;
    std::array<std::uint8_t, kMaxLastWords> bytes{};
  };
  std::array<Slot, 2> slots;
  std::atomic<unsigned> valid{0};
};

base::Result<std::unique_ptr<LastWords>> LastWords::make() {
  void* memory =
      ::mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return base::fail_errno("shared memory for last words", errno);
  return std::make_unique<LastWords>(std::construct_at(static_cast<Page*>(memory)));
}

LastWords::~LastWords() {
  ::munmap(page_, sizeof(Page));
}

void LastWords::keep(std::span<const std::uint8_t> frame) {
  const unsigned next = 1 - page_->valid.load(std::memory_order_relaxed);
  Page::Slot& slot = page_->slots[next];
  slot.length = frame.size() <= kMaxLastWords ? frame.size() : 0;
  std::copy_n(frame.begin(), slot.length, slot.bytes.begin());
  page_->valid.store(next, std::memory_order_release);
}

std::span<const std::uint8_t> LastWords::frame() const {
  const Page::Slot& slot = page_->slots[page_->valid.load(std::memory_order_acquire)];
  return {slot.bytes.data(), std::min(slot.length, kMaxLastWords)};
}

}  // namespace covey::process
