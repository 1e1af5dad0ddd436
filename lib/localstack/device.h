// SPDX-License-Identifier: BSD-3-Clause
// A device of DPDK, as far as all of them are made and set up alike.
//
// Owner: localstack. Thread: the control thread. What is peculiar to one, its offloads and its
// start among it, is the caller's business. Errors name the device.
#pragma once

#include <cstdint>
#include <string>

#include "base/result.h"

struct rte_eth_conf;
struct rte_eth_dev_info;
struct rte_mempool;

namespace covey::localstack {

inline constexpr std::uint16_t kDescriptors = 1024;  // per queue; drivers round as they must

struct Device {
  std::string name;  // DPDK's name for it
  std::uint16_t id = 0;
};

/// Makes a virtual device; DPDK's own words about a failure are in its log.
[[nodiscard]] base::Result<Device> make_device(const std::string& name,
                                               const std::string& arguments);
/// The device of that name, which is there.
[[nodiscard]] base::Result<Device> find_device(const std::string& name);

/// What it can do. Error unsupported if it has less than `queues` each way; `key` says who wants
/// them.
[[nodiscard]] base::Result<rte_eth_dev_info> read_abilities(const Device& device,
                                                            std::uint16_t queues,
                                                            const std::string& key);
/// Configures it with `queues` each way, which receive into buffers of `pool`.
[[nodiscard]] base::Result<void> configure_device(const Device& device,
                                                  const rte_eth_conf& settings,
                                                  std::uint16_t queues, rte_mempool* pool);
[[nodiscard]] base::Result<void> start_device(const Device& device);

/// Waits, for a second at most, until DPDK's thread for interrupts has done all that drivers have
/// told it to. A device whose driver uses it is closed after that: drivers do not wait.
void settle_interrupts();

/// For people, of a number that DPDK returned.
[[nodiscard]] std::string describe_error(int error);

}  // namespace covey::localstack
