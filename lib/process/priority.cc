// SPDX-License-Identifier: BSD-3-Clause
#include "process/priority.h"

#include <sched.h>

namespace covey::process {

void be_urgent(int level) {
  const sched_param priority{level};
  static_cast<void>(::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &priority));
}

void be_ordinary() {
  // Whoever has lost CAP_SYS_NICE may not take the second flag back.
  const sched_param priority{0};
  static_cast<void>(::sched_setscheduler(0, SCHED_OTHER | SCHED_RESET_ON_FORK, &priority));
}

}  // namespace covey::process
