// SPDX-License-Identifier: BSD-3-Clause
// Secrets: a vector in memory that is never written to swap or a core dump, and wiped when freed.
//
// Owner: heartbeat. Thread: as any vector. The memory is locked as far as RLIMIT_MEMLOCK lets us; a
// page lies in front of and behind it that nobody may touch.
#pragma once

#include <cstddef>
#include <vector>

namespace covey::heartbeat {

/// Never null: without memory for a key nothing can go on (asserted).
[[nodiscard]] void* allocate_secret(std::size_t bytes);
void free_secret(void* memory) noexcept;

template <typename T>
struct SecretAllocator {
  using value_type = T;

  SecretAllocator() = default;
  template <typename U>
  SecretAllocator(const SecretAllocator<U>& /*other*/) noexcept {}
  [[nodiscard]] T* allocate(std::size_t count) {
    return static_cast<T*>(allocate_secret(count * sizeof(T)));
  }
  void deallocate(T* memory, std::size_t /*count*/) noexcept { free_secret(memory); }
  friend bool operator==(const SecretAllocator&, const SecretAllocator&) = default;
};

template <typename T>
using Secrets = std::vector<T, SecretAllocator<T>>;

}  // namespace covey::heartbeat
