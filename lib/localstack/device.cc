// SPDX-License-Identifier: BSD-3-Clause
#include "localstack/device.h"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include <rte_alarm.h>
#include <rte_dev.h>
#include <rte_errno.h>
#include <rte_ethdev.h>

namespace covey::localstack {

namespace {

constexpr int kMostLooks = 1000;  // at the thread for interrupts, a millisecond apart

std::unexpected<base::Error> failed(const Device& device, const std::string& doing, int error) {
  return base::fail(base::ErrorCode::unavailable,
                    "device " + device.name + ": " + doing + ": " + describe_error(error));
}

}  // namespace

void settle_interrupts() {
  std::atomic<bool> done = false;
  const auto mark = [](void* argument) { static_cast<std::atomic<bool>*>(argument)->store(true); };
  if (rte_eal_alarm_set(1, mark, &done) != 0) return;
  for (int look = 0; look < kMostLooks && !done; ++look)
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  static_cast<void>(rte_eal_alarm_cancel(mark, &done));  // it is not there any more, mostly
}

std::string describe_error(int error) {
  return rte_strerror(error < 0 ? -error : error);
}

base::Result<Device> make_device(const std::string& name, const std::string& arguments) {
  const int made = rte_eal_hotplug_add("vdev", name.c_str(), arguments.c_str());
  if (made == 0) return find_device(name);
  return base::fail(base::ErrorCode::unavailable,
                    "make device " + name + " (" + arguments + "): " + describe_error(made));
}

base::Result<Device> find_device(const std::string& name) {
  Device device{name, 0};
  if (rte_eth_dev_get_port_by_name(name.c_str(), &device.id) == 0) return device;
  return base::fail(base::ErrorCode::not_found, "device " + name + " is not an Ethernet device");
}

base::Result<rte_eth_dev_info> read_abilities(const Device& device, std::uint16_t queues,
                                              const std::string& key) {
  rte_eth_dev_info info{};
  const int error = rte_eth_dev_info_get(device.id, &info);
  if (error != 0) return failed(device, "read its abilities", error);
  const std::uint16_t most = std::min(info.max_rx_queues, info.max_tx_queues);
  if (queues <= most) return info;
  return base::fail(base::ErrorCode::unsupported, "device " + device.name + " has " +
                                                      std::to_string(most) + " queues, " + key +
                                                      " is " + std::to_string(queues));
}

base::Result<void> configure_device(const Device& device, const rte_eth_conf& settings,
                                    std::uint16_t queues, rte_mempool* pool) {
  int error = rte_eth_dev_configure(device.id, queues, queues, &settings);
  if (error != 0) return failed(device, "configure", error);
  std::uint16_t receive = kDescriptors;
  std::uint16_t transmit = kDescriptors;
  error = rte_eth_dev_adjust_nb_rx_tx_desc(device.id, &receive, &transmit);
  if (error != 0) return failed(device, "choose descriptors", error);
  const auto socket = static_cast<unsigned>(rte_eth_dev_socket_id(device.id));
  for (std::uint16_t queue = 0; queue < queues; ++queue) {
    error = rte_eth_rx_queue_setup(device.id, queue, receive, socket, nullptr, pool);
    if (error != 0) return failed(device, "set up receive queue " + std::to_string(queue), error);
    error = rte_eth_tx_queue_setup(device.id, queue, transmit, socket, nullptr);
    if (error != 0) return failed(device, "set up transmit queue " + std::to_string(queue), error);
  }
  return {};
}

base::Result<void> start_device(const Device& device) {
  const int error = rte_eth_dev_start(device.id);
  if (error == 0) return {};
  return base::fail(base::ErrorCode::unavailable,
                    "start device " + device.name + ": " + describe_error(error));
}

}  // namespace covey::localstack
