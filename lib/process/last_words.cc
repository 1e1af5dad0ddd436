// SPDX-License-Identifier: BSD-3-Clause
#include "process/last_words.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <utility>

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
  base::Result<SharedPage<Page>> page = make_shared_page<Page>("last words");
  if (!page) return std::unexpected(page.error());
  return std::make_unique<LastWords>(std::move(*page));
}

LastWords::LastWords(SharedPage<Page> page) : page_(std::move(page)) {}

LastWords::~LastWords() = default;

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
