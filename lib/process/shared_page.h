// SPDX-License-Identifier: BSD-3-Clause
// SharedPage: an object in memory that a parent shares with the child it forks afterwards.
//
// Owner: process, internal. Thread: that of its user. Both processes unmap it by themselves; nobody
// destroys the object, for the other may still use it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>

#include "base/result.h"

namespace covey::process {

[[nodiscard]] base::Result<void*> map_shared(std::size_t size, const std::string& what);
void unmap(void* memory, std::size_t size);

struct Unmap {
  template <typename T>
  void operator()(T* page) const {
    unmap(page, sizeof(T));
  }
};

template <typename T>
using SharedPage = std::unique_ptr<T, Unmap>;

/// `what` it is for, in the error.
template <typename T>
[[nodiscard]] base::Result<SharedPage<T>> make_shared_page(const std::string& what) {
  const base::Result<void*> memory = map_shared(sizeof(T), what);
  if (!memory) return std::unexpected(memory.error());
  return SharedPage<T>(std::construct_at(static_cast<T*>(*memory)));
}

}  // namespace covey::process
