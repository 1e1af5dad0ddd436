// SPDX-License-Identifier: BSD-3-Clause
// Segment: drivers of the convergence core that hear each other, for tests.
//
// Owner: test. Thread: one; run_until() runs all hosts. Time is the real monotonic clock.
#pragma once

#include <algorithm>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "control/convergence_driver.h"
#include "fakes.h"

namespace covey::control::test {

/// Drivers on one segment and one io_context.
class Segment {
 public:
  struct Host {
    Host(boost::asio::io_context& io, const convergence::NodeConfig& config)
        : events(quiet_logger()),
          driver(io, config, cluster_keys(), {data_plane, link, data_plane}, events) {
      driver.on_stopped([this] { ++stops; });
    }
    FakeLink link;
    FakeDataPlane data_plane;
    EventLog events;
    ConvergenceDriver driver;
    int stops = 0;
  };

  using Configure = std::function<void(convergence::NodeConfig&)>;
  explicit Segment(std::uint8_t hosts, const Configure& configure = {}) {
    for (std::uint8_t id = 1; id <= hosts; ++id) {
      convergence::NodeConfig config = host_config(id);
      if (configure) configure(config);
      hosts_.push_back(std::make_unique<Host>(io_, config));
    }
    for (const auto& from : hosts_) {
      for (const auto& to : hosts_) {
        if (from != to) from->link.peers.push_back(&to->link);
      }
    }
  }

  boost::asio::io_context& io() { return io_; }
  Host& host(std::size_t id) { return *hosts_[id - 1]; }
  void start(std::size_t id) {
    host(id).driver.start([this](const std::string& why) { failures.push_back(why); });
  }
  /// Runs until the condition holds; false if it does not in time.
  bool run_until(const std::function<bool()>& condition) {
    const auto deadline = std::chrono::steady_clock::now() + kDeadline;
    while (!condition()) {
      if (io_.run_one_until(deadline) == 0) return false;
    }
    return true;
  }
  /// Closes all; true if nothing is left to run.
  bool close() {
    for (const auto& host : hosts_)
      host->driver.close();
    io_.run_for(kDeadline);
    return io_.stopped();
  }
  std::uint32_t owned(std::size_t id) {
    return host(id).driver.node().claims(base::ClassIndex{2}).count();
  }
  /// Refused payloads of that host, by reason.
  std::uint64_t refused(std::size_t id, const std::string& reason) {
    for (const auto& [name, count] : host(id).driver.heartbeats().refused) {
      if (name == reason) return count;
    }
    return 0;
  }
  bool has_event(std::size_t id, const std::string& name) {
    const auto events = host(id).events.after(0);
    return std::ranges::find(events, name, &api::EventRow::event) != events.end();
  }

  std::vector<std::string> failures;

 private:
  boost::asio::io_context io_;
  std::vector<std::unique_ptr<Host>> hosts_;
};

}  // namespace covey::control::test
