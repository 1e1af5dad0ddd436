// SPDX-License-Identifier: BSD-3-Clause
// advise_huge_pages(): asks the system for huge pages where memory is large and looked up at
// random.
//
// Owner: dataplane. Thread: any; best before the memory is touched. These are the transparent huge
// pages, which a system has without being set up for them (`enabled`: madvise or always).
#pragma once

#include <sys/mman.h>

#include <cstddef>
#include <memory>
#include <span>

namespace covey::dataplane {

/// A hint, for the whole huge pages among these bytes. What is smaller stays as it is.
inline void advise_huge_pages(std::span<std::byte> memory) noexcept {
  constexpr std::size_t kHugePage = std::size_t{2} << 20U;
  void* first = memory.data();
  std::size_t bytes = memory.size();
  if (std::align(kHugePage, kHugePage, first, bytes) == nullptr) return;
  static_cast<void>(::madvise(first, bytes / kHugePage * kHugePage, MADV_HUGEPAGE));
}

}  // namespace covey::dataplane
