// SPDX-License-Identifier: BSD-3-Clause
#include "setup.h"

#include <fmt/format.h>

#include <string>
#include <utility>
#include <vector>

#include "base/setting.h"
#include "base/text.h"
#include "config/values.h"
#include "forwarding/class_identity.h"

namespace covey::app {
namespace {

/// What must be equal on all hosts, besides the rules: the timing, because leases rely on it, and
/// the policy.
base::Settings shared_settings(const config::Config& config) {
  base::Settings list = forwarding::shared_settings(config.forwarding);
  list.push_back({"heartbeat: interval", base::format_duration(config.timing.interval)});
  list.push_back({"heartbeat: tolerance", std::to_string(config.timing.tolerance)});
  list.push_back({"partition", std::string(convergence::name(config.partition))});
  list.push_back({"hosts", config::format_hosts(config.hosts)});
  for (base::Setting& setting : list) {
    if (setting.value.size() <= base::kMaxSettingText) continue;
    const std::string mark = fmt::format("... ({:016x})", bucket::siphash13({}, setting.value));
    setting.value.resize(base::kMaxSettingText - mark.size());
    setting.value += mark;
  }
  return list;
}

std::uint64_t digest_of(const base::Settings& settings) {
  std::string text;
  for (const base::Setting& setting : settings)
    text += setting.name + '=' + setting.value + '\n';
  return bucket::siphash13({}, text);
}

std::vector<convergence::ClassConfig> class_configs(const forwarding::Policy& policy) {
  const forwarding::ClassPlan& plan = policy.classes();
  const std::vector<std::uint64_t> identities = forwarding::class_identities(policy);
  const std::vector<forwarding::ClassShare> shares =
      forwarding::class_shares(policy.settings(), plan);
  std::vector<convergence::ClassConfig> classes;
  for (std::size_t i = 0; i < shares.size(); ++i)
    classes.push_back({plan.class_sizes[i], shares[i].weight, shares[i].priority, identities[i]});
  return classes;
}

void apply(const DaemonOptions& options, control::Settings& settings) {
  if (options.socket) settings.socket = *options.socket;
  if (options.log_format) {
    settings.log_format =
        *options.log_format == "json" ? control::LogFormat::json : control::LogFormat::text;
  }
  if (options.verbose) settings.log_level = control::LogLevel::debug;
}

}  // namespace

config::Loaded load(const DaemonOptions& options) {
  config::Loaded loaded = config::load_file(options.file);
  if (auto* config = std::get_if<config::Config>(&loaded)) apply(options, config->control);
  return loaded;
}

Setup make_setup(config::Config config, const bucket::SipKey& bucket_hash) {
  Setup setup;
  setup.policy = std::make_shared<const forwarding::Policy>(config.forwarding, bucket_hash,
                                                            local_stack_mac(config.forwarding));
  setup.configuration.shared_settings = shared_settings(config);
  setup.configuration.digest = digest_of(setup.configuration.shared_settings);
  setup.configuration.classes = class_configs(*setup.policy);
  setup.config = std::make_shared<const config::Config>(std::move(config));
  return setup;
}

base::MacAddress local_stack_mac(const forwarding::Settings& settings) {
  const base::IpAddress primary = forwarding::primary_ip(settings);
  if (settings.mode != forwarding::ClusterMode::unicast) {
    return forwarding::masked_host_mac(settings.self, primary);
  }
  return settings.cluster_mac.value_or(forwarding::cluster_mac(settings.mode, primary));
}

}  // namespace covey::app
