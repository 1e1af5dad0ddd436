// SPDX-License-Identifier: BSD-3-Clause
#include "base/processors.h"

#include <sched.h>

namespace covey::base {

std::vector<unsigned> inherited_processors() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return {0};
  std::vector<unsigned> processors;
  for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor) {
    if (CPU_ISSET(processor, &set)) processors.push_back(processor);
  }
  return processors;
}

std::vector<unsigned> possible_processors() {
  cpu_set_t before;
  CPU_ZERO(&before);
  cpu_set_t all;
  CPU_ZERO(&all);
  for (unsigned processor = 0; processor < CPU_SETSIZE; ++processor)
    CPU_SET(processor, &all);
  // Of those that were asked for the kernel gives those that there are, and that it may give.
  if (::sched_getaffinity(0, sizeof(before), &before) != 0 ||
      ::sched_setaffinity(0, sizeof(all), &all) != 0) {
    return inherited_processors();
  }
  const std::vector<unsigned> processors = inherited_processors();
  ::sched_setaffinity(0, sizeof(before), &before);
  return processors;
}

}  // namespace covey::base
