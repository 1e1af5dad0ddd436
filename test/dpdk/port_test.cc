// SPDX-License-Identifier: BSD-3-Clause
// What a port says of its own device, over a cable in a network namespace of its own; skipped (as
// passed, with a word) without the right to make one.
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <memory>
#include <string>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/port.h"
#include "fixture.h"
#include "localstack/device.h"
#include "localstack/left_over.h"
#include "packet/headers.h"

using namespace covey;
using namespace covey::test;
using dataplane::DeviceKind;

namespace {

constexpr int kPatienceMs = 10'000;

bool kernel_has(DeviceKind kind) {
  const int file = ::socket(kind == DeviceKind::af_xdp ? AF_XDP : AF_PACKET, SOCK_RAW, 0);
  if (file >= 0) ::close(file);
  return file >= 0;
}

/// One frame to the port, from the far end of its cable.
void send_from(const char* interface) {
  const int file = ::socket(AF_PACKET, SOCK_RAW, 0);
  REQUIRE(file >= 0);
  sockaddr_ll where{};
  where.sll_family = AF_PACKET;
  where.sll_ifindex = static_cast<int>(::if_nametoindex(interface));
  const Frame frame = FrameBuilder().ip("10.0.0.1", "10.0.0.2").udp(1, 2).payload(20);
  CHECK(::sendto(file, frame.data(), frame.size(), 0, reinterpret_cast<sockaddr*>(&where),
                 sizeof(where)) == static_cast<ssize_t>(frame.size()));
  ::close(file);
}

unsigned receive(dataplane::Port& port) {
  std::array<rte_mbuf*, 32> burst;
  const std::uint16_t count = port.receive(0, burst);
  rte_pktmbuf_free_bulk(burst.data(), count);
  return count;
}

void check_arrivals(DeviceKind kind, const std::string& interface, const char* far_end) {
  const dataplane::Uplink uplink{kind, interface, 1, 1500};
  const auto plan = dataplane::plan_device(uplink);
  REQUIRE(plan.has_value());
  const Pool pool =
      make_pool(interface.c_str(), 8191, static_cast<std::uint16_t>(plan->buffer_room));
  const auto opened = dataplane::Port::open(*plan, uplink, {}, pool.get());
  INFO((opened ? std::string() : opened.error().context));
  REQUIRE(opened.has_value());
  dataplane::Port& port = **opened;
  REQUIRE((*opened)->start().has_value());
  REQUIRE(port.readable_fd(0) >= 0);
  CHECK_FALSE(is_readable(port.readable_fd(0), 0));
  for (int turn = 0; turn < 3; ++turn) {
    send_from(far_end);
    REQUIRE(is_readable(port.readable_fd(0), kPatienceMs));
    CHECK(receive(port) == 1);
    CHECK_FALSE(is_readable(port.readable_fd(0), 0));
  }
}

/// The other end of a virtio device, in this process.
localstack::Device make_segment(const Scratch& scratch, rte_mempool* pool,
                                const std::string& more = "", std::uint64_t offloads = 0) {
  const auto made =
      localstack::make_device("net_vhost0", "iface=" + scratch.path("segment") + more);
  REQUIRE(made.has_value());
  rte_eth_conf settings{};
  settings.txmode.offloads = offloads;
  REQUIRE(localstack::configure_device(*made, settings, 1, pool).has_value());
  REQUIRE(localstack::start_device(*made).has_value());
  return *made;
}

void remove_segment(const localstack::Device& segment) {
  static_cast<void>(rte_eth_dev_stop(segment.id));
  REQUIRE(rte_eal_hotplug_remove("vdev", segment.name.c_str()) == 0);
}

std::unique_ptr<dataplane::Port> open_virtio(const Scratch& scratch, const std::string& more,
                                             rte_mempool* pool) {
  const dataplane::Uplink uplink{
      DeviceKind::vdev, "net_virtio_user0,path=" + scratch.path("segment") + more, 1, 1500};
  const auto plan = dataplane::plan_device(uplink);
  auto opened = dataplane::Port::open(*plan, uplink, {.leaves_over = true}, pool);
  INFO((opened ? std::string() : opened.error().context));
  REQUIRE(opened.has_value());
  REQUIRE((*opened)->start().has_value());
  return std::move(*opened);
}

void wait_for_link(const dataplane::Port& port, bool up) {
  wait_until([&] { return port.report().link_up == up; });
}

}  // namespace

TEST_CASE("a port is readable while frames wait in it", "[arrivals]") {
  if (!may_make_a_stack()) return;
  // Without IPv6 nothing but the test's own frames is sent.
  REQUIRE(std::system("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 && "
                      "for i in 0 1; do ip link add up$i type veth peer name far$i && "
                      "ip link set up$i up && ip link set far$i up; done") == 0);
  const auto eal = start_eal();
  check_arrivals(DeviceKind::af_packet, "up0", "far0");
  if (kernel_has(DeviceKind::af_xdp)) check_arrivals(DeviceKind::af_xdp, "up1", "far1");
}

TEST_CASE("a port can be closed when its segment has gone", "[segment-gone]") {
  const auto eal = start_eal();
  const Scratch scratch;
  const Pool pool = make_pool("covey-test", 8191);
  const localstack::Device segment = make_segment(scratch, pool.get());
  std::unique_ptr<dataplane::Port> port = open_virtio(scratch, "", pool.get());
  wait_for_link(*port, true);
  remove_segment(segment);
  wait_for_link(*port, false);
  port.reset();
}

TEST_CASE("a port that makes the socket outlives its segment", "[segment-back]") {
  const auto eal = start_eal();
  const Scratch scratch;
  const Pool pool = make_pool("covey-test", 8191);
  localstack::Device segment = make_segment(scratch, pool.get(), ",client=1");
  std::unique_ptr<dataplane::Port> port = open_virtio(scratch, ",server=1", pool.get());
  wait_for_link(*port, true);
  remove_segment(segment);
  wait_for_link(*port, false);
  segment = make_segment(scratch, pool.get(), ",client=1");
  wait_for_link(*port, true);
  port.reset();
  remove_segment(segment);
}

TEST_CASE("a checksum that a neighbour on a virtio segment leaves open is known to be open",
          "[segment-left-over]") {
  const auto eal = start_eal();
  const Scratch scratch;
  const Pool pool = make_pool("covey-test", 8191);
  const localstack::Device segment = make_segment(
      scratch, pool.get(), "", RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_UDP_CKSUM);
  std::unique_ptr<dataplane::Port> port = open_virtio(scratch, "", pool.get());
  wait_for_link(*port, true);
  // The other way round its own stack would leave it to nobody.
  CHECK_FALSE(port->abilities().checksums);

  const Frame whole = FrameBuilder().ip("10.0.0.1", "10.0.0.2").udp(1, 2).payload(100);
  const packet::FrameView view = packet::parse(whole);
  Frame open = whole;
  open[view.l4_offset + packet::kUdpChecksum] ^= 0xff;
  rte_mbuf* sent = mbuf_of(pool.get(), open);
  CHECK(localstack::leave_to_device(
      sent, view,
      {.checksum_start = view.l4_offset,
       .checksum_field = static_cast<std::uint16_t>(view.l4_offset + packet::kUdpChecksum)}));
  // The port may be up before the other end has learned of its queues.
  wait_until([&] { return rte_eth_tx_burst(segment.id, 0, &sent, 1) == 1; });

  std::array<rte_mbuf*, 1> burst{};
  wait_until([&] { return port->receive(0, burst) == 1; });
  CHECK(localstack::left_over_of(burst[0], view).has_checksum());
  rte_pktmbuf_free(burst[0]);
  port.reset();
  remove_segment(segment);
}

TEST_CASE("a device without a socket is to be polled", "[arrivals-unknown]") {
  const auto eal = start_eal();
  const dataplane::Uplink uplink{DeviceKind::vdev, "net_null0", 1, 1500};
  const auto plan = dataplane::plan_device(uplink);
  const Pool pool = make_pool("covey-test", 2047);
  const auto opened = dataplane::Port::open(*plan, uplink, {}, pool.get());
  REQUIRE(opened.has_value());
  CHECK((*opened)->readable_fd(0) == -1);
}
