// SPDX-License-Identifier: BSD-3-Clause
// Doorbell: one thread tells another, which waits for files, that there is something for it.
//
// Owner: dataplane. Threads: ring() from any; fd() and silence() belong to the one that waits. It
// carries nothing and nobody waits to ring it. A ring is never lost: who silences it first and
// looks then sees what was there before the ring.
#pragma once

#include <memory>

#include "base/result.h"

namespace covey::dataplane {

class Doorbell {
 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Doorbell>> create();
  explicit Doorbell(int event_fd) : event_fd_(event_fd) {}  // use create()
  ~Doorbell();
  Doorbell(const Doorbell&) = delete;
  Doorbell& operator=(const Doorbell&) = delete;

  void ring() noexcept;
  void silence() noexcept;
  /// Readable from ring() until silence().
  [[nodiscard]] int fd() const { return event_fd_; }

 private:
  int event_fd_;
};

}  // namespace covey::dataplane
