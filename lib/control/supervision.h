// SPDX-License-Identifier: BSD-3-Clause
// Supervision: what a service manager is told of this daemon, in the words of sd_notify(3).
//
// Owner: control. Thread: the control thread; without a service manager nothing is done.
// READY when every worker has gone round its loop: then the devices are open, and the API has been
// listening since before. A link that is down does not keep it: a cable that is plugged in later
// needs no restart. Signs of life while this thread runs and every worker moves, STATUS with the
// state of the host, RELOADING around reloads, STOPPING from the wish to stop on. What workers do
// is the data plane's, what becomes of a daemon that gives no signs is the service manager's.
#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/time.h"
#include "control/convergence_driver.h"
#include "control/logging.h"
#include "control/ports.h"

namespace covey::control {

/// Which workers stand still, from one look at their loop counters to the next. Pure.
class Movement {
 public:
  /// The workers whose counter has not changed since the last look; at first, since the start.
  [[nodiscard]] std::vector<std::size_t> standing_still(std::span<const std::uint64_t> loops);

 private:
  std::vector<std::uint64_t> last_;
};

/// One line about a host: "converged: 3 hosts, epoch 12", "isolated: REASON".
[[nodiscard]] std::string status_line(const convergence::Status& status);

class Supervision {
 public:
  // Often enough for people who look at STATUS, and to notice in good time who stands still.
  static constexpr base::Duration kLongestGap = std::chrono::seconds(1);
  static constexpr base::Duration kFirstGaps = std::chrono::milliseconds(10);  // until READY

  struct Parts {
    ConvergenceDriver& driver;
    DataPlaneView& view;
    Logger& logger;
  };

  Supervision(boost::asio::io_context& io, Supervisor supervisor, const Parts& parts)
      : supervisor_(std::move(supervisor)), parts_(parts), timer_(io) {}

  /// When the API listens and the workers have been started.
  void start();
  void reloading();
  /// Whatever came of it.
  void reloaded();
  void stopping();
  void close() { timer_.cancel(); }

 private:
  [[nodiscard]] bool is_watched() const { return static_cast<bool>(supervisor_.tell); }
  [[nodiscard]] base::Duration gap() const;
  void look();
  void note_still(const std::vector<std::size_t>& still);

  Supervisor supervisor_;
  Parts parts_;
  boost::asio::steady_timer timer_;
  Movement movement_;
  std::vector<std::size_t> still_;  // as it was said last
  std::string status_;              // likewise
  bool ready_ = false;
  bool stopping_ = false;
};

}  // namespace covey::control
