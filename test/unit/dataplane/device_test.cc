// SPDX-License-Identifier: BSD-3-Clause
// How settings become DPDK's arguments and devices.
#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <string>

#include "dataplane/eal.h"
#include "dataplane/port.h"

using namespace covey::dataplane;

namespace {

bool has(const std::vector<std::string>& arguments, const std::string& wanted) {
  return std::find(arguments.begin(), arguments.end(), wanted) != arguments.end();
}

EalPlan plan_of(bool huge_pages) {
  EalPlan plan;
  plan.huge_pages = huge_pages;
  plan.memory_mb = 123;
  plan.instance = "covey-7";
  plan.cpus = {0, 1};
  return plan;
}

Uplink uplink(DeviceKind kind, std::string argument, std::uint16_t mtu = 1500) {
  Uplink made;
  made.kind = kind;
  made.argument = std::move(argument);
  made.mtu = mtu;
  return made;
}

}  // namespace

TEST_CASE("without huge pages EAL gets ordinary memory and shares no configuration file") {
  const auto arguments = eal_arguments(plan_of(false));
  CHECK(has(arguments, "--no-huge"));
  CHECK(has(arguments, "--no-shconf"));
  CHECK_FALSE(has(arguments, "--in-memory"));  // refused together with --no-huge
  CHECK(has(arguments, "123"));
}

TEST_CASE("with huge pages EAL leaves no files behind") {
  const auto arguments = eal_arguments(plan_of(true));
  CHECK(has(arguments, "--in-memory"));
  CHECK(has(arguments, "--single-file-segments"));  // a vhost-user takes eight files at most
  CHECK_FALSE(has(arguments, "--no-huge"));
}

TEST_CASE("an instance has its own prefix and EAL may run where the process may") {
  const auto arguments = eal_arguments(plan_of(false));
  CHECK(has(arguments, "--file-prefix=covey-7"));
  CHECK(has(arguments, "--lcores=0@(0,1)"));
  CHECK(has(arguments, "--iova-mode=va"));
}

TEST_CASE("no PCI device is touched unless it is the uplink") {
  EalPlan plan = plan_of(false);
  CHECK(has(eal_arguments(plan), "--no-pci"));
  plan.pci_address = "0000:03:00.0";
  const auto arguments = eal_arguments(plan);
  CHECK_FALSE(has(arguments, "--no-pci"));
  CHECK(has(arguments, "0000:03:00.0"));
}

TEST_CASE("the operator's own EAL arguments come last") {
  EalPlan plan = plan_of(false);
  plan.more_arguments = {"--log-level=8"};
  CHECK(eal_arguments(plan).back() == "--log-level=8");
}

TEST_CASE("an af_packet buffer holds a frame of the MTU with two tags") {
  for (const std::uint16_t mtu : std::array<std::uint16_t, 6>{576, 1500, 1900, 4000, 9000, 9200}) {
    const auto plan = plan_device(uplink(DeviceKind::af_packet, "eth0", mtu));
    REQUIRE(plan.has_value());
    CHECK(plan->buffer_room >= mtu + 22U);
    CHECK(plan->uses_packet_sockets());
    CHECK(plan->interface == "eth0");
  }
}

TEST_CASE("af_xdp refuses an MTU that does not fit its buffers, and says how large it may be") {
  CHECK(plan_device(uplink(DeviceKind::af_xdp, "eth0", 1500)).has_value());
  const auto refused = plan_device(uplink(DeviceKind::af_xdp, "eth0", 9000));
  REQUIRE_FALSE(refused.has_value());
  CHECK(refused.error().context.find("9000") != std::string::npos);
  CHECK(refused.error().context.find("1900") != std::string::npos);
}

TEST_CASE("a PCI device has no kernel interface under it") {
  const auto plan = plan_device(uplink(DeviceKind::pci, "0000:03:00.0"));
  REQUIRE(plan.has_value());
  CHECK(plan->name == "0000:03:00.0");
  CHECK(plan->pci_address == "0000:03:00.0");
  CHECK(plan->interface.empty());
}

TEST_CASE("a vdev string is split into the device's name and its arguments") {
  const auto plan =
      plan_device(uplink(DeviceKind::vdev, "net_pcap0,rx_pcap=a.pcap,tx_pcap=b.pcap"));
  REQUIRE(plan.has_value());
  CHECK(plan->name == "net_pcap0");
  CHECK(plan->arguments == "rx_pcap=a.pcap,tx_pcap=b.pcap");
  const auto bare = plan_device(uplink(DeviceKind::vdev, "net_null0"));
  REQUIRE(bare.has_value());
  CHECK(bare->name == "net_null0");
  CHECK(bare->arguments.empty());
}
