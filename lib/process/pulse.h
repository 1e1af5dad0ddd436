// SPDX-License-Identifier: BSD-3-Clause
// Pulse: tells a parent process at once that threads of its child have died.
//
// Owner: process. Threads: hold() and expect() in the child, wait_for_death() in one thread of the
// parent. The kernel takes many milliseconds to clear away a process that was killed (devices,
// memory), and reports the end after that. But a thread that has died runs no code any more, and
// the robust mutex that it held is released at once: there is one for each thread in a page of
// memory that a parent shares with the child it forks after make().
#pragma once

#include <memory>
#include <stop_token>

#include "base/result.h"
#include "process/shared_page.h"

namespace covey::process {

inline constexpr unsigned kMaxPulses = 64;

class Pulse {
  struct Page;

 public:
  [[nodiscard]] static base::Result<std::unique_ptr<Pulse>> make();
  explicit Pulse(SharedPage<Page> page);  // use make()
  ~Pulse();
  Pulse(const Pulse&) = delete;
  Pulse& operator=(const Pulse&) = delete;

  /// The calling thread is one of those that count. It lets go, in order, when what is returned is
  /// destroyed, by the same thread. Null beyond kMaxPulses threads.
  [[nodiscard]] std::shared_ptr<void> hold();
  /// From now on a death is worth knowing, once that many threads hold their pulse.
  void expect(unsigned threads);

  /// Waits until all threads that are expected have let go or died. True if one has died; false if
  /// none has, or on a stop request while they are not all there yet.
  [[nodiscard]] bool wait_for_death(const std::stop_token& stop);

 private:
  SharedPage<Page> page_;
};

}  // namespace covey::process
