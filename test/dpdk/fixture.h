// SPDX-License-Identifier: BSD-3-Clause
// Bench: a DataPlane between two capture files instead of a network.
//
// Owner: test/dpdk. Thread: the test's. Frames of the input file arrive at the uplink (once, or for
// ever), what the uplink sends is found in the output file after close(). EAL starts once per
// process, so each test case is run in a process of its own (see meson.build) and makes one Bench.
// The cluster is that of support/world.h.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dataplane/data_plane.h"
#include "dataplane/eal.h"
#include "support/frames.h"
#include "support/world.h"

struct rte_mbuf;
struct rte_mempool;

namespace covey::test {

/// Looks until it is so; the test fails when that takes longer than ten seconds.
void wait_until(const std::function<bool()>& look);

/// Files of one test, removed with the object.
class Scratch {
 public:
  Scratch();
  ~Scratch();
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;
  [[nodiscard]] std::string path(const std::string& name) const { return directory_ + "/" + name; }

 private:
  std::string directory_;
};

void write_capture(const std::string& path, const std::vector<Frame>& frames);
[[nodiscard]] std::vector<Frame> read_capture(const std::string& path);

/// Goes into a network namespace of its own. False, with a word why, without the right to do so or
/// to make a TAP there: then the test is to end.
[[nodiscard]] bool may_make_a_stack();

/// DPDK's environment alone, as a Bench starts it.
[[nodiscard]] std::unique_ptr<dataplane::Eal> start_eal();

struct PoolFree {
  void operator()(rte_mempool* pool) const;
};
using Pool = std::unique_ptr<rte_mempool, PoolFree>;
/// Buffers of the usual size, unless `room` says otherwise.
[[nodiscard]] Pool make_pool(const char* name, unsigned buffers, std::uint16_t room = 2048);
/// Whether there is something to read, now or within that time.
[[nodiscard]] bool is_readable(int file, int wait_ms);
/// The frame in one buffer.
[[nodiscard]] rte_mbuf* mbuf_of(rte_mempool* pool, const Frame& frame);

/// An IPv4 frame with that identification, and the checksum that belongs to it.
[[nodiscard]] Frame with_id(Frame frame, std::uint16_t id);

struct BenchSettings {
  std::vector<std::vector<Frame>> arriving = {{}};  // by queue
  bool for_ever = false;                            // the files are repeated without end
  dataplane::Idle idle = dataplane::Idle::adaptive;
  bool with_stack = false;  // a TAP named covey0 with the world's addresses, in this namespace
};

/// The TAP of a host of the world.
[[nodiscard]] localstack::Interface world_interface();

class Bench {
 public:
  explicit Bench(const BenchSettings& settings, const World& first = World());
  ~Bench();

  [[nodiscard]] dataplane::DataPlane& data_plane() { return *data_plane_; }
  [[nodiscard]] forwarding::Snapshot snapshot(const World& world) const;
  void start(bool with_lease = true);
  /// Waits until the condition holds; the test fails when it does not within ten seconds.
  void wait_until(const std::function<bool()>& condition);
  void wait_for_frames(std::uint64_t frames);
  [[nodiscard]] std::uint64_t verdict(forwarding::Verdict verdict) const;
  [[nodiscard]] std::uint64_t verdicts_of_arrivals() const;
  /// Stops everything and returns what the uplink sent, all queues; not what the host says of
  /// multicast groups, which it does in every test.
  [[nodiscard]] std::vector<Frame> close();
  /// What close() left out.
  [[nodiscard]] const std::vector<Frame>& group_messages() const { return group_messages_; }

 private:
  Scratch scratch_;
  std::size_t queues_;
  std::shared_ptr<const forwarding::Policy> policy_;
  std::unique_ptr<dataplane::DataPlane> data_plane_;
  std::vector<Frame> group_messages_;
};

}  // namespace covey::test
