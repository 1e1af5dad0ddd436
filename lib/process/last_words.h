// SPDX-License-Identifier: BSD-3-Clause
// LastWords: one frame that outlives the process that wrote it.
//
// Owner: process. Thread: one of the child writes; the parent reads when the child has ended. A
// page of memory shared by a parent and the child it forks after make(); however the child ended,
// half a write is never seen.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>

#include "base/result.h"
#include "process/shared_page.h"

namespace covey::process {

inline constexpr std::size_t kMaxLastWords = 1514;  // an Ethernet frame without its check sequence

class LastWords {
  struct Page;

 public:
  [[nodiscard]] static base::Result<std::unique_ptr<LastWords>> make();
  explicit LastWords(SharedPage<Page> page);  // use make()
  ~LastWords();
  LastWords(const LastWords&) = delete;
  LastWords& operator=(const LastWords&) = delete;

  /// Replaces what was there; a frame longer than kMaxLastWords (never ours) counts as none.
  void keep(std::span<const std::uint8_t> frame);
  /// Empty: nothing to say.
  [[nodiscard]] std::span<const std::uint8_t> frame() const;

 private:
  SharedPage<Page> page_;
};

}  // namespace covey::process
