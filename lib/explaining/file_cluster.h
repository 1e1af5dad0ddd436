// SPDX-License-Identifier: BSD-3-Clause
// A cluster out of a configuration file: the keys, and the map that its hosts would agree on.
//
// Owner: explaining. Thread: any; reads the key file, keeps nothing. Every host is taken to be well
// and to have the weights of this one; ranks of `single` rules follow from ids, but for that of the
// host that judges. Nobody holds connections yet.
#pragma once

#include "base/ids.h"
#include "base/result.h"
#include "config/config.h"
#include "convergence/cluster_map.h"
#include "forwarding/policy.h"
#include "heartbeat/keys.h"

namespace covey::explaining {

/// Without the key, buckets and owners are not those of the cluster. Errors name the file.
[[nodiscard]] base::Result<heartbeat::DerivedKeys> keys_of(const config::Config& config,
                                                           bool without_key);

struct FileCluster {
  forwarding::Snapshot snapshot;  // of the host that judges
  convergence::ClusterMap map;    // of all `hosts`
};
/// `config.forwarding.self` judges, and is among `hosts`.
[[nodiscard]] FileCluster cluster_of(const config::Config& config,
                                     const heartbeat::DerivedKeys& keys, base::HostSet hosts);
/// That map if a host fell away.
[[nodiscard]] convergence::ClusterMap map_without(base::HostId gone, const FileCluster& cluster,
                                                  const heartbeat::DerivedKeys& keys,
                                                  base::HostSet hosts);

}  // namespace covey::explaining
