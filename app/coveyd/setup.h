// SPDX-License-Identifier: BSD-3-Clause
// Setup: one configuration in the terms of the libraries that follow it.
//
// Owner: app/coveyd. Threads: built by any, then read-only and shared.
#pragma once

#include <memory>

#include "base/address.h"
#include "bucket/siphash.h"
#include "config/config.h"
#include "convergence/staging.h"
#include "forwarding/policy.h"
#include "options.h"

namespace covey::app {

struct Setup {
  std::shared_ptr<const config::Config> config;
  std::shared_ptr<const forwarding::Policy> policy;
  convergence::Configuration configuration;
};

/// The file, with what the command line overrides; or all mistakes in it.
[[nodiscard]] config::Loaded load(const DaemonOptions& options);

/// Takes milliseconds and more, depending on the number of rules and virtual IPs. The keys are
/// those of the cluster.
[[nodiscard]] Setup make_setup(config::Config config, const bucket::SipKey& bucket_hash);

/// The local stack listens on the cluster MAC in unicast mode, so that its own address resolution
/// offers it to others; a multicast address cannot be an interface's own, there the host MAC stands
/// in.
[[nodiscard]] base::MacAddress local_stack_mac(const forwarding::Settings& settings);

}  // namespace covey::app
