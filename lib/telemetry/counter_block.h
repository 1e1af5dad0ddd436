// SPDX-License-Identifier: BSD-3-Clause
// CounterBlock: a fixed row of 64-bit counters that one thread writes and any thread reads.
//
// Owner: telemetry. Threads: add() and set() only from the one writer; read() from anywhere, a
// moment's value. No read-modify-write on shared memory: the single writer loads and stores
// relaxed, which compiles to a plain add. Blocks start on their own cache line, so that two workers
// never share one. Readers sum over workers.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>

namespace covey::telemetry {

class CounterBlock {
 public:
  explicit CounterBlock(std::size_t count)
      : lines_(std::make_unique<Line[]>((count + kPerLine - 1) / kPerLine)), count_(count) {}

  void add(std::size_t index, std::uint64_t amount = 1) noexcept {
    std::atomic<std::uint64_t>& cell = at(index);
    cell.store(cell.load(std::memory_order_relaxed) + amount, std::memory_order_relaxed);
  }
  void set(std::size_t index, std::uint64_t value) noexcept {
    at(index).store(value, std::memory_order_relaxed);
  }
  [[nodiscard]] std::uint64_t read(std::size_t index) const noexcept {
    return at(index).load(std::memory_order_relaxed);
  }
  [[nodiscard]] std::size_t size() const { return count_; }

 private:
  static constexpr std::size_t kPerLine = 8;
  struct alignas(64) Line {
    std::atomic<std::uint64_t> cells[kPerLine]{};
  };
  [[nodiscard]] std::atomic<std::uint64_t>& at(std::size_t index) const noexcept {
    return lines_[index / kPerLine].cells[index % kPerLine];
  }

  std::unique_ptr<Line[]> lines_;
  std::size_t count_;
};

}  // namespace covey::telemetry
