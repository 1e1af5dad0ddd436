// SPDX-License-Identifier: BSD-3-Clause
// HealthChecks: asks the services on this host over and over, and holds rules back by the answers.
//
// Owner: control. Thread: the control thread; nothing here waits.
// A coroutine for each check: one question at a time, the next one an interval after the last
// began. Checks begin one after the other, so that they do not all ask at once. What an answer
// means is decided in health::Check; of several checks of one rule the lowest share counts.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/time.h"
#include "control/logging.h"
#include "health/check.h"
#include "probe/probe.h"

namespace covey::control {

class HealthChecks {
 public:
  using Shares = std::map<std::string, std::uint8_t>;  // per cent, by rule

  /// The rest of the daemon, as checks see it.
  struct Host {
    std::function<base::TimePoint()> now;
    /// Names of the rules that can be held back; "default" is what no rule covers.
    std::function<std::vector<std::string>()> rules;
    /// These rules take so much of their share, all others the whole.
    std::function<void(const Shares& shares)> hold;
    /// Rules that this host holds back wholly and yet has new connections of, since nobody else
    /// takes them.
    std::function<std::set<std::string>()> last_resorts;
    std::function<void(std::string_view event, const std::string& detail, LogLevel level)> report;
  };

  struct Row {
    health::Check check;
    bool was_well = false;
    std::string last;  // empty: there was no answer yet
    base::Duration took{};
    std::uint64_t succeeded = 0;
    std::uint64_t failed = 0;
  };

  HealthChecks(boost::asio::io_context& io, Host host);
  ~HealthChecks();
  HealthChecks(const HealthChecks&) = delete;
  HealthChecks& operator=(const HealthChecks&) = delete;

  /// Before the host takes part in anything: its rules are held back until the services answer.
  void start(const std::vector<health::Settings>& checks);
  /// Other checks: those that are as they were go on, new ones are believed well until they fail.
  void adopt(const std::vector<health::Settings>& checks);
  /// Ends the coroutines; the io_context has no more work of ours soon after.
  void close();

  /// In the order of the configuration.
  [[nodiscard]] std::vector<Row> rows() const;

 private:
  struct Running;
  using Pointer = std::shared_ptr<Running>;

  [[nodiscard]] Pointer make(const health::Settings& settings, bool serves);
  void spawn(const Pointer& running, std::size_t turn, std::size_t turns);
  boost::asio::awaitable<void> loop(Pointer running, base::Duration delay);
  void take(Running& running, const health::Outcome& outcome, base::Duration took);
  static void dismiss(Running& running);
  void follow();
  [[nodiscard]] Shares shares(base::TimePoint now) const;
  void tell_last_resorts();
  void arm(base::TimePoint now);

  boost::asio::io_context& io_;
  Host host_;
  boost::asio::steady_timer step_timer_;  // when a share changes without an answer
  std::vector<Pointer> running_;
  std::vector<Pointer> leaving_;  // dismissed, but a question may be under way
  Shares held_;
  std::set<std::string> last_resorts_;
  bool closed_ = false;
};

}  // namespace covey::control
