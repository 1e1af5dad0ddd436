// SPDX-License-Identifier: BSD-3-Clause
// Privileges: what of root's power a process goes on without.
//
// Owner: process. Thread: the caller gives them up for itself and for all threads it makes later;
// threads that exist already keep theirs. Nothing given up comes back.
#pragma once

#include <cstdint>
#include <span>

#include "base/result.h"

namespace covey::process {

enum class Capability : std::uint8_t {
  net_admin,     // interfaces, addresses, nftables
  net_raw,       // packet sockets
  sys_nice,      // real-time priority
  ipc_lock,      // locked memory
  file_access,   // files of other users
  chown,         // give a file to another user
  bpf,           // XDP programs
  sys_admin,     // the same on older kernels; user-space drivers
  sys_rawio,     // user-space drivers of NICs
  sys_resource,  // limits of memory
};

/// Only these remain, of those there are, and no program started later has more. Error: the system
/// refuses.
[[nodiscard]] base::Result<void> keep_only(std::span<const Capability> kept);

/// For the whole process: if it dies its memory, keys included, is written nowhere, and it is gone
/// at once and not after a second of writing. Debuggers of other users are kept out as well.
void forbid_core_dumps();

}  // namespace covey::process
