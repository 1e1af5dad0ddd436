// SPDX-License-Identifier: BSD-3-Clause
// ObservedCluster: hosts on the simulated segment, with what they raised and leased on record.
//
// Owner: test support. Thread: the test's.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <initializer_list>
#include <map>
#include <utility>
#include <vector>

#include "support/segment.h"

namespace covey::test {

struct ObservedCluster {
  using Configure = std::function<void(convergence::NodeConfig&)>;

  /// Boots hosts 1..hosts, changed by `configure`, and lets them have a second.
  explicit ObservedCluster(std::uint8_t hosts = 0, const Configure& configure = {})
      : segment(SegmentOptions{}) {
    segment.observe([this](base::TimePoint, base::HostId host, const convergence::Effect& effect) {
      if (const auto* raised = std::get_if<convergence::RaiseEvent>(&effect)) {
        events.push_back({host, raised->event});
      }
      if (const auto* lease = std::get_if<convergence::PublishLease>(&effect)) {
        leases[host.value] = lease->valid_until;
      }
    });
    for (std::uint8_t host = 1; host <= hosts; ++host)
      boot(base::HostId{host}, host, configure);
    segment.run_for(std::chrono::seconds(1));
  }
  void boot(base::HostId host, std::uint64_t nonce, const Configure& configure) {
    convergence::NodeConfig config = test_config(host.value, nonce);
    if (configure) configure(config);
    segment.boot(config);
  }
  void split(std::initializer_list<base::HostId> left, std::initializer_list<base::HostId> right,
             bool cut = true) {
    test::split(segment, left, right, cut);
  }
  void obey(base::HostId host, convergence::Verb verb, base::Duration timeout = {}) {
    convergence::OperatorCommand command;
    command.verb = verb;
    command.drain_timeout = timeout;
    segment.command(host, command);
  }
  [[nodiscard]] convergence::HostState state(base::HostId host) const {
    return segment.node(host).status(segment.now()).state;
  }
  [[nodiscard]] std::uint32_t generation(base::HostId host) const {
    return segment.node(host).status(segment.now()).generation;
  }
  [[nodiscard]] int count(convergence::EventKind kind, base::HostId by) const {
    int count = 0;
    for (const auto& [host, event] : events) {
      if (host == by && event.kind == kind) ++count;
    }
    return count;
  }
  /// Everything owned, nothing twice, everybody content.
  void check_whole(std::initializer_list<base::HostId> hosts) const {
    CHECK_THAT(segment.violations(), Catch::Matchers::Equals(std::vector<std::string>{}));
    CHECK(segment.owned_buckets(base::ClassIndex{0}) == 1);
    CHECK(segment.owned_buckets(base::ClassIndex{1}) == 64);
    for (const base::HostId host : hosts) {
      INFO("host " << int{host.value});
      CHECK(segment.node(host).status(segment.now()).converged);
    }
  }

  Segment segment;
  std::vector<std::pair<base::HostId, convergence::Event>> events;
  std::map<std::uint8_t, base::TimePoint> leases;
};

}  // namespace covey::test
