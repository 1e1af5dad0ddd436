// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: any bytes as a configuration, for what hosts must have in common.
//
// Owner: test/fuzz. Thread: one. The shared settings, which hosts compare and from which the
// configuration digest is made, must be the same for a configuration and its own dump, and may not
// depend on what each host has for itself; another number of buckets changes them.
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>

#include "config/config.h"
#include "forwarding/policy.h"
#include "support.h"

namespace {

using namespace covey;
using fuzz::require;

/// The same cluster, seen from another host of it.
forwarding::Settings of_another_host(forwarding::Settings settings) {
  settings.self =
      base::HostId{static_cast<std::uint8_t>(settings.self.value % base::kMaxHosts + 1)};
  settings.dedicated_ip.reset();
  for (forwarding::PortRule& rule : settings.rules) {
    rule.weight = static_cast<std::uint8_t>(100 - rule.weight % 101);
    if (rule.priority != 0) rule.priority = settings.self.value;
  }
  return settings;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const config::Loaded loaded = config::load_text(text, "file");
  const auto* config = std::get_if<config::Config>(&loaded);
  if (config == nullptr) return 0;
  const base::Settings shared = forwarding::shared_settings(config->forwarding);
  require(!shared.empty());
  const config::Loaded again = config::load_text(config::dump(*config), "dump");
  require(forwarding::shared_settings(std::get<config::Config>(again).forwarding) == shared);
  require(forwarding::shared_settings(of_another_host(config->forwarding)) == shared);
  forwarding::Settings other = config->forwarding;
  other.buckets = other.buckets == 64 ? 128 : 64;
  require(forwarding::shared_settings(other) != shared);
  return 0;
}
