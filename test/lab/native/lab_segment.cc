// SPDX-License-Identifier: BSD-3-Clause
// lab-segment: a segment without a kernel, for hosts whose uplinks are virtio devices. Each of its
// sockets is a port for one host (vhost-user), and a TAP is the port of an ordinary client. Every
// frame goes to all other ports: a hub is all that clusters ask of a switch. Hosts may come, vanish
// and come back in any order. Runs until SIGTERM or SIGINT, then prints one line of JSON with what
// it did.
#include <poll.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <iostream>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/processors.h"
#include "dataplane/eal.h"
#include "dataplane/idle.h"
#include "localstack/device.h"
#include "system.h"

namespace {

using namespace covey;
using namespace covey::lab;

constexpr std::uint16_t kBurst = 32;
constexpr unsigned kMemoryMb = 64;
constexpr unsigned kBuffers = 8191;  // the TAP holds a thousand, a burst lives until it was copied
constexpr std::size_t kMostHosts = RTE_MAX_ETHPORTS - 1;

struct Asked {
  std::string tap;
  std::vector<std::string> sockets;
};

struct Counts {
  std::uint64_t received = 0;
  std::uint64_t sent = 0;
  std::uint64_t refused = 0;  // by a port that has no host, or one that does not keep up
};

struct Outlet {
  std::string name;
  localstack::Device device;
  Counts counts;
};

template <typename Value>
Value must_have(base::Result<Value> result) {
  if (result) return std::move(*result);
  std::cerr << result.error().context << "\n";
  std::exit(EXIT_FAILURE);
}

void must_have(const base::Result<void>& result) {
  if (!result) must_have<int>(std::unexpected(result.error()));
}

class Segment {
 public:
  explicit Segment(const Asked& asked) {
    if (pool_ == nullptr) give_up("make packet buffers");
    for (const std::string& path : asked.sockets)
      remove_left_over(path);
    if (!asked.tap.empty()) add(asked.tap, "net_tap", "iface=" + asked.tap);
    for (const std::string& path : asked.sockets)
      add(path, "net_vhost", "iface=" + path);
  }
  ~Segment() {
    for (const Outlet& outlet : outlets_)
      static_cast<void>(rte_eth_dev_stop(outlet.device.id));
    for (const Outlet& outlet : outlets_)
      static_cast<void>(rte_eal_hotplug_remove("vdev", outlet.device.name.c_str()));
    rte_mempool_free(pool_);
  }
  Segment(const Segment&) = delete;
  Segment& operator=(const Segment&) = delete;

  /// One look at every port; whether there was anything.
  bool pass_on() {
    bool found = false;
    for (Outlet& from : outlets_) {
      std::array<rte_mbuf*, kBurst> burst;
      const std::uint16_t count = rte_eth_rx_burst(from.device.id, 0, burst.data(), kBurst);
      from.counts.received += count;
      if (count != 0) flood(from, std::span(burst.data(), count));
      found = found || count != 0;
    }
    return found;
  }

  [[nodiscard]] const std::vector<Outlet>& outlets() const { return outlets_; }

 private:
  /// A server that was killed leaves its socket, and the next one could not have the name.
  static void remove_left_over(const std::string& path) {
    if (std::filesystem::is_socket(path)) std::filesystem::remove(path);
  }

  /// A device without offloads: net_vhost then computes the checksums that a host has left open.
  void add(const std::string& name, const std::string& driver, const std::string& arguments) {
    Outlet outlet{name, {}, {}};
    outlet.device =
        must_have(localstack::make_device(driver + std::to_string(outlets_.size()), arguments));
    must_have(localstack::configure_device(outlet.device, {}, 1, pool_));
    must_have(localstack::start_device(outlet.device));
    outlets_.push_back(outlet);
  }

  /// All ports share the buffers of a burst: their drivers copy, and change nothing.
  void flood(const Outlet& from, std::span<rte_mbuf*> burst) {
    for (Outlet& to : outlets_) {
      if (&to == &from) continue;
      std::array<rte_mbuf*, kBurst> given;
      for (std::size_t i = 0; i < burst.size(); ++i) {
        rte_pktmbuf_refcnt_update(burst[i], 1);
        given[i] = burst[i];
      }
      const auto count = static_cast<std::uint16_t>(burst.size());
      const std::uint16_t taken = rte_eth_tx_burst(to.device.id, 0, given.data(), count);
      to.counts.sent += taken;
      to.counts.refused += count - taken;
      rte_pktmbuf_free_bulk(given.data() + taken, count - taken);
    }
    rte_pktmbuf_free_bulk(burst.data(), static_cast<unsigned>(burst.size()));
  }

  rte_mempool* pool_ =
      rte_pktmbuf_pool_create("segment", kBuffers, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
  std::vector<Outlet> outlets_;
};

/// Sleeps as long as that, or looks only; whether the end was asked for.
bool is_over(const Descriptor& signals, std::int64_t sleep_ns) {
  pollfd wait{signals.get(), POLLIN, 0};
  const timespec longest{0, sleep_ns};
  return ppoll(&wait, 1, &longest, nullptr) > 0;
}

void print(const std::vector<Outlet>& outlets) {
  std::string separator;
  std::cout << "{";
  for (const Outlet& outlet : outlets) {
    const std::string name = std::filesystem::path(outlet.name).filename();
    std::cout << separator << "\"" << name << "\": {\"received\": " << outlet.counts.received
              << ", \"sent\": " << outlet.counts.sent << ", \"refused\": " << outlet.counts.refused
              << "}";
    separator = ", ";
  }
  std::cout << "}\n";
}

int run(const Asked& asked) {
  const Descriptor signals = end_signals();
  dataplane::EalPlan plan;
  plan.memory_mb = kMemoryMb;
  plan.instance = "covey-" + std::to_string(getpid());
  plan.cpus = base::inherited_processors();
  // It complains of what the kernel lacks and nobody here asks for. Failures are told all the same.
  plan.more_arguments = {"--log-level=pmd.net.tap:critical"};
  const std::unique_ptr<dataplane::Eal> eal = must_have(dataplane::Eal::start(plan));
  Segment segment(asked);
  std::cout << "ready" << std::endl;
  dataplane::IdlePolicy idle(dataplane::Idle::adaptive, /*can_be_woken=*/false);
  std::int64_t sleep_ns = 0;
  while (!is_over(signals, sleep_ns))
    sleep_ns = idle.after_look(segment.pass_on(), now_ns()).ns;
  print(segment.outlets());
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("a segment for hosts with virtio devices, and a client behind a TAP");
  Asked asked;
  app.add_option("--tap", asked.tap, "interface of the client, made unless it is there");
  app.add_option("sockets", asked.sockets, "a socket to be made for each host")
      ->required()
      ->expected(1, static_cast<int>(kMostHosts));
  CLI11_PARSE(app, argc, argv);
  return run(asked);
}
