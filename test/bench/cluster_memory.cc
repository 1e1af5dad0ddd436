// SPDX-License-Identifier: BSD-3-Clause
#include <malloc.h>
#include <unistd.h>

#include <chrono>
#include <fstream>
#include <memory>
#include <utility>

#include "base/assert.h"
#include "cluster_parts.h"
#include "flow/flow_cache.h"

namespace covey::bench {

namespace {

constexpr std::uint16_t kTcp = 6;
constexpr unsigned kMoreRules = 32;
constexpr unsigned kFewHosts = 32;
constexpr unsigned kManyHosts = 64;
constexpr base::Duration kSettle = std::chrono::seconds(10);

/// Bytes that are allocated now, with what the allocator needs for itself.
double allocated() {
  const struct mallinfo2 info = mallinfo2();
  return static_cast<double>(info.uordblks + info.hblkhd);
}

/// Bytes that the process has in memory.
double resident() {
  std::ifstream file("/proc/self/statm");
  double all = 0;
  double in_memory = 0;
  file >> all >> in_memory;
  return in_memory * static_cast<double>(::sysconf(_SC_PAGESIZE));
}

packet::FlowKey flow(std::uint32_t number) {
  packet::FlowKey key;
  key.family = base::Family::ipv4;
  key.protocol = kTcp;
  key.source = {10, static_cast<std::uint8_t>(number >> 16U),
                static_cast<std::uint8_t>(number >> 8U), static_cast<std::uint8_t>(number)};
  key.destination = {10, 77, 0, 50};
  key.source_port = static_cast<std::uint16_t>(1024 + (number >> 24U));
  key.destination_port = 80;
  return key;
}

void measure_flows(std::uint32_t flows) {
  const double before = allocated();
  const double resident_before = resident();
  flow::FlowCache cache({.capacity = flows}, {1, 4096}, /*seed=*/1);
  print_figure("flows_allocated", allocated() - before);
  for (std::uint32_t i = 0; i < flows; ++i) {
    const flow::Placement place{bucket::kSpreadClass, {i % 4096}};
    const bool has_room = cache.take_over(flow(i), place, base::TimePoint{});
    COVEY_ASSERT(has_room);
  }
  print_figure("flows_resident", resident() - resident_before);
  print_figure("flow_entry", static_cast<double>(cache.tables().front().size()) / flows);
}

/// What workers follow: policy, table and the counts of one worker.
double data_plane_bytes(const ClusterShape& shape) {
  const double before = allocated();
  const app::Setup setup = setup_of(shape, kWatched);
  const std::vector<std::uint32_t>& sizes = setup.policy->classes().class_sizes;
  const flow::BucketCounts counts(sizes, /*complete=*/true);
  bucket::BucketTable table;
  for (const std::uint32_t buckets : sizes) {
    table.classes.add(std::vector<bucket::BucketState>(buckets),
                      std::vector<base::HostId>(buckets));
  }
  return allocated() - before;
}

/// Of a member that has converged and heard that everybody has.
double node_bytes(const ClusterShape& shape) {
  Rehearsal rehearsal(shape);
  rehearsal.run_for(kSettle);
  COVEY_ASSERT(rehearsal.is_settled());
  const double before = allocated();
  Shell shell(shape, cluster_keys());
  for (const Taken& taken : rehearsal.record())
    static_cast<void>(shell.take(taken));
  return allocated() - before;
}

}  // namespace

void measure_memory(std::uint32_t flows) {
  measure_flows(flows);
  const ClusterShape few{.hosts = kManyHosts, .rules = 1};
  const ClusterShape many{.hosts = kManyHosts, .rules = 1 + kMoreRules};
  print_figure("rule_data_plane", (data_plane_bytes(many) - data_plane_bytes(few)) / kMoreRules);
  const double node = node_bytes(few);
  print_figure("node", node);
  print_figure("rule_control", (node_bytes(many) - node) / kMoreRules);
  print_figure("host", (node - node_bytes({.hosts = kFewHosts})) / (kManyHosts - kFewHosts));
}

}  // namespace covey::bench
