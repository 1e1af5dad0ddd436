// SPDX-License-Identifier: BSD-3-Clause
#include "appliance.h"

#include <fmt/format.h>
#include <sched.h>
#include <sys/random.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bucket/siphash.h"
#include "control/figures.h"
#include "control/key_file.h"
#include "control/runtime.h"
#include "convergence/node.h"
#include "dataplane/data_plane.h"
#include "dataplane/telemetry_socket.h"
#include "heartbeat/keys.h"
#include "localstack/connections.h"
#include "process/priority.h"
#include "process/privileges.h"
#include "setup.h"
#include "wiring.h"

namespace covey::app {
namespace {

// Above ordinary threads, below the kernel's own real-time threads (50 and up).
constexpr int kControlPriority = 10;

base::Result<std::uint64_t> random_number() {
  std::uint64_t value = 0;
  if (getrandom(&value, sizeof(value), 0) != sizeof(value))
    return base::fail_errno("getrandom", errno);
  return value;
}

convergence::NodeConfig node_config(const Setup& setup, const heartbeat::DerivedKeys& keys,
                                    std::uint64_t nonce) {
  const config::Config& config = *setup.config;
  convergence::NodeConfig node;
  node.self = config.forwarding.self;
  node.host_name = config.host_name;
  node.cluster_id = keys.cluster_id;
  node.nonce = nonce;
  node.shared_settings = setup.configuration.shared_settings;
  node.config_digest = setup.configuration.digest;
  node.timing = config.timing;
  node.partition = config.partition;
  node.voters = config.hosts;
  node.hold_down = config.hold_down;
  node.map_key = bucket::SipKey::from(keys.map_score);
  node.classes = setup.configuration.classes;
  return node;
}

dataplane::Options data_plane_options(const config::Config& config, const DaemonOptions& options,
                                      std::uint64_t flow_seed) {
  dataplane::Options data_plane;
  data_plane.uplink = config.uplink;
  data_plane.local = config.local;
  data_plane.local_interface = {local_stack_mac(config.forwarding), config.uplink.mtu, {}};
  // The first address of a subnet becomes the source of what this machine sends of its own accord,
  // and answers to that must come back here and not to the owner of a bucket.
  std::vector<base::IpPrefix>& addresses = data_plane.local_interface.addresses;
  if (config.forwarding.dedicated_ip) addresses.push_back(*config.forwarding.dedicated_ip);
  addresses.insert(addresses.end(), config.forwarding.virtual_ips.begin(),
                   config.forwarding.virtual_ips.end());
  data_plane.workers = config.workers;
  data_plane.flows = config.flows;
  data_plane.flow_seed = flow_seed;
  data_plane.test_memory = options.test_memory;
  data_plane.instance = fmt::format("covey-{}", getpid());
  data_plane.eal_arguments = options.eal_arguments;
  return data_plane;
}

/// A table in which nothing is ours yet: what workers follow until the first convergence.
bucket::BucketTable empty_table(const forwarding::ClassPlan& plan) {
  bucket::BucketTable table;
  for (const std::uint32_t size : plan.class_sizes) {
    table.classes.add(std::vector(size, bucket::BucketState::foreign),
                      std::vector(size, base::kNobody));
  }
  return table;
}

/// What is needed from the start on, by the kind of uplink: the devices are still to be opened.
base::Result<void> prepare_privileges(const dataplane::Uplink& uplink) {
  using process::Capability;
  std::vector<Capability> kept = {Capability::net_admin, Capability::net_raw,
                                  Capability::sys_nice,  Capability::ipc_lock,
                                  Capability::chown,     Capability::file_access};
  if (uplink.kind != dataplane::DeviceKind::af_packet) {
    kept.insert(kept.end(), {Capability::bpf, Capability::sys_admin, Capability::sys_rawio,
                             Capability::sys_resource});
  }
  return process::keep_only(kept);
}

/// Connections that this machine's stack holds since an earlier start: they go on, whoever owns
/// their buckets now. To be known before this host says its first word.
void take_over_connections(const Setup& setup, dataplane::DataPlane& data_plane,
                           control::Logger& logger) {
  std::vector<base::IpAddress> addresses;
  for (const base::IpPrefix& prefix : setup.config->forwarding.virtual_ips)
    addresses.push_back(prefix.address);
  const auto connections = localstack::list_connections(addresses);
  if (!connections) {
    logger.log(control::LogLevel::warning, "connections_unknown",
               {{"reason", connections.error().context}});
    return;
  }
  if (connections->empty()) return;
  logger.log(control::LogLevel::info, "connections_taken_over",
             {{"count", std::to_string(data_plane.take_over(*connections))}});
}

/// For the control thread and the workers, which do not exist yet. What remains undoes, at the end,
/// what was done to interfaces, and rewrites the key and state files wherever they are.
base::Result<void> drop_privileges() {
  using process::Capability;
  return process::keep_only(
      std::array{Capability::net_admin, Capability::chown, Capability::file_access});
}

/// A host that is late with its heartbeats for want of a CPU would be taken for dead.
void raise_control_thread(const dataplane::Workers& workers) {
  if (workers.realtime == dataplane::Realtime::automatic) process::be_urgent(kControlPriority);
}

/// After the workers were made, which would inherit it.
base::Result<void> place_control_thread(const dataplane::Workers& workers) {
  if (workers.control_cpu) {
    cpu_set_t cpus;
    CPU_ZERO(&cpus);
    CPU_SET(*workers.control_cpu, &cpus);
    if (sched_setaffinity(0, sizeof(cpus), &cpus) != 0) {
      return base::fail_errno(fmt::format("workers.control_cpu: {}", *workers.control_cpu), errno);
    }
  }
  return {};
}

}  // namespace

base::Result<void> run_appliance(const config::Config& config, const DaemonOptions& options,
                                 const Legacy& legacy) {
  const auto ring = control::read_key_file(config.key_file);
  if (!ring) return std::unexpected(ring.error());
  if (const auto prepared = prepare_privileges(config.uplink); !prepared) return prepared;
  const auto keys = heartbeat::derive_keys(*ring, config.cluster_name);
  if (!keys) return std::unexpected(keys.error());
  const auto nonce = random_number();
  const auto flow_seed = random_number();
  const auto secret = random_number();
  const auto more_secret = random_number();
  for (const auto* chance : {&nonce, &flow_seed, &secret, &more_secret}) {
    if (!*chance) return std::unexpected(chance->error());
  }

  const bucket::SipKey bucket_hash = bucket::SipKey::from(keys->bucket_hash);
  const Setup setup = make_setup(config, bucket_hash);
  dataplane::Options data_plane_setup = data_plane_options(config, options, *flow_seed);
  if (legacy.pulse) data_plane_setup.alive = [&legacy] { return legacy.pulse->hold(); };
  auto data_plane = dataplane::DataPlane::open(
      data_plane_setup, {setup.policy, empty_table(setup.policy->classes())});
  if (!data_plane) return std::unexpected(data_plane.error());

  control::Logger logger(config.control.log_level, config.control.log_format, stderr);
  Wiring wiring(setup, {options, bucket_hash, **data_plane, legacy.last_words.get(), logger});
  auto runtime = control::Runtime::open({config.control,
                                         node_config(setup, *keys, *nonce),
                                         *ring,
                                         config.key_file,
                                         {*secret, *more_secret},
                                         supervisor(legacy),
                                         config.health},
                                        wiring, wiring, wiring, wiring, logger);
  if (!runtime) return std::unexpected(runtime.error());
  for (const std::string& warning : (*data_plane)->warnings()) {
    logger.log(control::LogLevel::warning, "data_plane_warning", {{"detail", warning}});
  }
  control::outlive_signals();
  if (const auto added = dataplane::TelemetrySocket::add(control::figure_commands()); !added)
    return added;
  const dataplane::TelemetrySocket telemetry(
      [&](std::string_view path, std::string_view parameter) {
        return (*runtime)->figures(std::string(path), std::string(parameter));
      });
  raise_control_thread(config.workers);
  take_over_connections(setup, **data_plane, logger);
  if (const auto dropped = drop_privileges(); !dropped) return dropped;
  if (const auto started = (*data_plane)->start_workers(); !started) return started;
  if (legacy.pulse) legacy.pulse->expect((*data_plane)->workers());
  if (const auto placed = place_control_thread(config.workers); !placed) return placed;
  const int left = (*runtime)->run();
  process::be_ordinary();  // tidying up is not urgent
  if (left != 0) {
    return base::fail(base::ErrorCode::refused, "stopped without leaving the cluster properly");
  }
  return {};
}

}  // namespace covey::app
