// SPDX-License-Identifier: BSD-3-Clause
// Reload: the configuration file is read again, by a thread that nobody waits for, and followed if
// it is good and needs no restart; otherwise nothing changes.
//
// Owner: control. Thread: the control thread calls everything here. One reload at a time. What the
// file asks of the cluster is staged: it takes effect when all members have staged the same. Health
// checks are of this host alone and change at once.
#pragma once

#include <boost/asio/io_context.hpp>
#include <functional>
#include <string>
#include <thread>

#include "api/messages.h"
#include "control/convergence_driver.h"
#include "control/health_checks.h"
#include "control/logging.h"
#include "control/ports.h"
#include "control/rule_control.h"
#include "control/supervision.h"

namespace covey::control {

class Reload {
 public:
  using Done = std::function<void(const api::ReloadReply&)>;
  struct Parts {
    ConvergenceDriver& driver;
    HealthChecks& health;
    const RuleControl& rules;
    ConfigView& config;
    Logger& logger;
    Supervision& supervision;  // told when a reload begins and ends
  };
  Reload(boost::asio::io_context& io, const Parts& parts) : io_(io), parts_(parts) {}

  /// `done` is called later, or at once if a reload is under way already.
  void begin(Done done);

 private:
  void finish(const Reread& reread, const Done& done);
  [[nodiscard]] api::ReloadReply follow(const Reread& reread);
  void log(const api::ReloadReply& reply);

  boost::asio::io_context& io_;
  Parts parts_;
  bool busy_ = false;
  std::jthread reader_;
};

}  // namespace covey::control
