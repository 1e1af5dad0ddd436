// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/secret.h"

#include <sodium.h>

#include "base/assert.h"

namespace covey::heartbeat {

void* allocate_secret(std::size_t bytes) {
  void* memory = sodium_init() < 0 ? nullptr : sodium_malloc(bytes);
  COVEY_ASSERT(memory != nullptr);
  return memory;
}

void free_secret(void* memory) noexcept {
  sodium_free(memory);
}

}  // namespace covey::heartbeat
