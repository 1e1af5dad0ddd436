// SPDX-License-Identifier: BSD-3-Clause
// Story: hosts on the simulated segment whose conversation is compared with its golden file.
//
// Owner: test/golden. Thread: the test's.
#pragma once

#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>
#include <fstream>
#include <functional>
#include <initializer_list>
#include <sstream>
#include <string>

#include "support/segment.h"

namespace covey::test {

class Story {
 public:
  explicit Story(const std::string& name, const SegmentOptions& options = {})
      : name_(name), segment(options) {}

  /// Boots hosts 1..count and waits, unrecorded, until they share out the buckets.
  void begin_with(std::uint8_t count) {
    for (std::uint8_t host = 1; host <= count; ++host)
      segment.boot(test_config(host, host));
    segment.run_for(std::chrono::seconds(1));
    for (std::uint8_t host = 1; host <= count; ++host) {
      REQUIRE(segment.node(base::HostId{host}).status(segment.now()).converged);
    }
    record();
  }
  /// The same with a configuration of their own.
  void begin_with(std::uint8_t count,
                  const std::function<void(convergence::NodeConfig&)>& configure) {
    for (std::uint8_t host = 1; host <= count; ++host) {
      convergence::NodeConfig config = test_config(host, host);
      configure(config);
      segment.boot(config);
    }
    segment.run_for(std::chrono::seconds(1));
    record();
  }
  void split(std::initializer_list<base::HostId> left, std::initializer_list<base::HostId> right,
             bool cut = true) {
    test::split(segment, left, right, cut);
  }
  /// Buckets of the spread class that somebody takes new flows of, by host.
  [[nodiscard]] std::uint32_t share(base::HostId host) const {
    return segment.buckets_of(host, base::ClassIndex{1});
  }
  /// Whoever owns a bucket of the spread class has that many flows there; who that is.
  base::HostId give_flows(base::BucketIndex bucket, std::uint32_t flows) {
    const base::HostId holder = segment.owner({1}, bucket);
    segment.set_flows(holder, bucket, flows);
    return holder;
  }
  void record() { transcript.follow(segment); }
  void note(const std::string& what) { transcript.note(segment, what); }
  void obey(base::HostId host, convergence::Verb verb, bool comes_back = false) {
    convergence::OperatorCommand command;
    command.verb = verb;
    command.comes_back = comes_back;
    segment.command(host, command);
  }

  void compare() const {
    CHECK(segment.violations().empty());
    const std::string path = std::string(COVEY_GOLDEN_CONVERSATIONS) + "/" + name_ + ".txt";
    if (std::getenv("COVEY_REWRITE_GOLDEN") != nullptr) {
      std::ofstream(path) << transcript.text();
      return;
    }
    std::ifstream file(path);
    REQUIRE(file.good());
    std::stringstream golden;
    golden << file.rdbuf();
    CHECK(transcript.text() == golden.str());
  }

 private:
  std::string name_;

 public:
  Segment segment;
  Transcript transcript;
};

}  // namespace covey::test
