// SPDX-License-Identifier: BSD-3-Clause
#include "sim/cluster.h"

#include <string>

namespace covey::sim {

convergence::NodeConfig node_config(const Cluster& cluster, base::HostId host,
                                    std::uint64_t nonce) {
  convergence::NodeConfig config;
  config.self = host;
  config.host_name = std::string("h").append(std::to_string(host.value));
  config.cluster_id = 77;
  config.nonce = nonce;
  config.config_digest = 0xc0ffee;
  config.shared_settings = {{.name = "rule web: affinity", .value = "none"}};
  config.timing = cluster.timing;
  config.partition = cluster.partition;
  for (std::uint8_t id = 1; cluster.listed && id <= cluster.hosts; ++id)
    config.voters.insert(base::HostId{id});
  config.map_key = {.k0 = 1, .k1 = 2};
  config.classes = {
      {.buckets = 1, .weight = 0, .priority = host.value},
      {.buckets = cluster.buckets, .weight = kFullWeight, .priority = 0},
      {.buckets = 1, .weight = 0, .priority = static_cast<std::uint16_t>(100 - host.value)},
  };
  return config;
}

convergence::OperatorCommand command(convergence::Verb verb) {
  convergence::OperatorCommand command;
  command.verb = verb;
  return command;
}

convergence::OperatorCommand weight_command(std::uint16_t weight) {
  convergence::OperatorCommand set = command(convergence::Verb::set_weight);
  set.map_class = kSpread;
  set.weight = weight;
  return set;
}

base::Duration calm_span(const convergence::Timing& timing) {
  return timing.lease() * 3 + timing.silence() * 7 / 2 + timing.interval * 10;
}

}  // namespace covey::sim
