// SPDX-License-Identifier: BSD-3-Clause
#include "sim/cluster.h"

#include <algorithm>
#include <string>
#include <utility>

namespace covey::sim {

bool share_flows(std::size_t identity, std::size_t other) {
  const auto [low, high] = std::minmax(identity, other);
  const auto are = [&](base::ClassIndex a, base::ClassIndex b) {
    return low == a.value && high == b.value;
  };
  return are(kDefaultHost, kDefaultWithoutAdded) || are(kDefaultHost, kAddedRule) ||
         are(kSingleHost, kChangedSingleHost) || are(kSpread, kDoubledSpread);
}

std::string_view name(Variant variant) {
  switch (variant) {
    case Variant::first:
      return "the first configuration";
    case Variant::rule_added:
      return "one rule more";
    case Variant::rule_changed:
      return "a changed rule";
    case Variant::buckets_doubled:
      return "twice the buckets";
  }
  return "?";
}

convergence::Configuration configuration(const Cluster& cluster, base::HostId host,
                                         Variant variant) {
  const bool added = variant == Variant::rule_added;
  const bool changed = variant == Variant::rule_changed;
  const bool doubled = variant == Variant::buckets_doubled;
  convergence::Configuration config;
  config.digest = 0xc0ffee + (std::uint64_t{static_cast<std::uint8_t>(variant)} << 24U);
  config.shared_settings = {{.name = "rule web: affinity", .value = "none"},
                            {.name = "variant", .value = std::string(name(variant))}};
  config.classes = {
      {.buckets = 1,
       .weight = 0,
       .priority = host.value,
       .identity = (added ? kDefaultWithoutAdded : kDefaultHost).value},
      {.buckets = cluster.buckets * (doubled ? 2 : 1),
       .weight = kFullWeight,
       .priority = 0,
       .identity = (doubled ? kDoubledSpread : kSpread).value},
  };
  if (added) {
    config.classes.push_back({.buckets = cluster.buckets,
                              .weight = host.value,
                              .priority = 0,
                              .identity = kAddedRule.value});
  }
  config.classes.push_back({.buckets = 1,
                            .weight = 0,
                            .priority = static_cast<std::uint16_t>(100 - host.value),
                            .identity = (changed ? kChangedSingleHost : kSingleHost).value});
  return config;
}

convergence::NodeConfig node_config(const Cluster& cluster, base::HostId host, std::uint64_t nonce,
                                    Variant variant) {
  convergence::NodeConfig config;
  config.self = host;
  config.host_name = std::string("h").append(std::to_string(host.value));
  config.cluster_id = 77;
  config.nonce = nonce;
  convergence::Configuration shared = configuration(cluster, host, variant);
  config.config_digest = shared.digest;
  config.shared_settings = std::move(shared.shared_settings);
  config.timing = cluster.timing;
  config.partition = cluster.partition;
  for (std::uint8_t id = 1; cluster.listed && id <= cluster.hosts; ++id)
    config.voters.insert(base::HostId{id});
  config.map_key = {.k0 = 1, .k1 = 2};
  config.classes = std::move(shared.classes);
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

convergence::OperatorCommand hold_command(base::ClassIndex map_class, std::uint8_t percent,
                                          bool closed, bool last_resort) {
  convergence::OperatorCommand hold = command(convergence::Verb::hold_back);
  hold.map_class = map_class;
  hold.percent = percent;
  hold.closed = closed;
  hold.last_resort = last_resort;
  return hold;
}

base::Duration calm_span(const convergence::Timing& timing) {
  return timing.lease() * 3 + timing.silence() * 7 / 2 + timing.interval * 10;
}

}  // namespace covey::sim
