// SPDX-License-Identifier: BSD-3-Clause
// UnixListener: the daemon's UNIX socket in the file system, mode 0660, group `covey` where there
// is one.
//
// Owner: control. Thread: the control thread.
// A socket somebody listens on is never taken over, and nothing that is not a socket is ever
// removed. Modes are set between bind and listen, when nobody can connect yet. The file is removed
// with the object, if it is ours still.
#pragma once

#include <sys/types.h>

#include <string>

#include "base/result.h"

namespace covey::control {

class UnixListener {
 public:
  /// Makes the parent directory if it is missing (not its parents).
  [[nodiscard]] static base::Result<UnixListener> open(const std::string& path);
  UnixListener(UnixListener&& other) noexcept;
  UnixListener& operator=(UnixListener&&) = delete;
  ~UnixListener();

  /// The listening descriptor, now the caller's; the file stays this object's.
  [[nodiscard]] int release();

 private:
  UnixListener(std::string path, int descriptor, dev_t device, ino_t inode)
      : path_(std::move(path)), descriptor_(descriptor), device_(device), inode_(inode) {}

  std::string path_;  // empty: moved from
  int descriptor_ = -1;
  dev_t device_ = 0;
  ino_t inode_ = 0;
};

}  // namespace covey::control
