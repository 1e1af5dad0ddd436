// SPDX-License-Identifier: BSD-3-Clause
#include "process/shared_page.h"

#include <sys/mman.h>

#include <cerrno>

namespace covey::process {

base::Result<void*> map_shared(std::size_t size, const std::string& what) {
  void* memory = ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) return base::fail_errno("shared memory for " + what, errno);
  return memory;
}

void unmap(void* memory, std::size_t size) {
  ::munmap(memory, size);
}

}  // namespace covey::process
