// SPDX-License-Identifier: BSD-3-Clause
// The file of the cluster keys: refused if others may read it, replaced whole when a key changes.
//
// Owner: control. Thread: the main thread at start, the control thread later; a few hundred bytes.
// What the bytes mean is in heartbeat/key_ring.h.
#pragma once

#include <string>

#include "base/result.h"
#include "heartbeat/key_ring.h"

namespace covey::control {

/// The mode must give group and others nothing. Errors name the file, and the line in it.
[[nodiscard]] base::Result<heartbeat::KeyRing> read_key_file(const std::string& path);

/// Writes a new file beside the old one (mode 0600, same owner) and renames it, so that a crash
/// leaves the old or the new keys. A symbolic link stays one: what it points to is replaced. Not
/// synced: a slow disk must never hold up heartbeats.
[[nodiscard]] base::Result<void> write_key_file(const std::string& path,
                                                const heartbeat::KeyRing& ring);

}  // namespace covey::control
