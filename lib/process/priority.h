// SPDX-License-Identifier: BSD-3-Clause
// Priority: real-time scheduling of the calling thread.
//
// Owner: process. Thread: the one it is for; threads it makes do not inherit it.
#pragma once

namespace covey::process {

/// Before all ordinary threads, where the system lets us (CAP_SYS_NICE); an unprivileged container
/// goes on without. `level`: 1..99; the kernel's own threads have 50 and up.
void be_urgent(int level);
/// For what may take its time: the kernel, clearing a process away, may wait for an ordinary thread
/// without giving the processor up.
void be_ordinary();

}  // namespace covey::process
