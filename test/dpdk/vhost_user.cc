// SPDX-License-Identifier: BSD-3-Clause
#include "vhost_user.h"

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>

#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "dataplane/finish.h"
#include "localstack/frame.h"
#include "localstack/left_over.h"

namespace covey::test {

namespace {

constexpr std::size_t kBurst = 64;

/// What a device gave, as a chain or not.
VhostUser::Seen see(const rte_mbuf* frame, rte_mempool* flat_pool) {
  Frame bytes(frame->pkt_len);
  const void* read = rte_pktmbuf_read(frame, 0, frame->pkt_len, bytes.data());
  REQUIRE(read != nullptr);
  const auto* start = static_cast<const std::uint8_t*>(read);
  if (start != bytes.data()) std::copy_n(start, bytes.size(), bytes.begin());
  rte_mbuf* flat = mbuf_of(flat_pool, bytes);
  flat->ol_flags = frame->ol_flags;
  flat->tso_segsz = frame->tso_segsz;
  const packet::LeftOver left = localstack::take_left_over(flat);
  rte_pktmbuf_free(flat);
  return {std::move(bytes), left};
}

}  // namespace

VhostUser::VhostUser(std::uint16_t queues, bool offload) {
  plan_ = {"virtio_user_test", scratch_.path("vhost"), "", kStackMac, 1400, queues, offload};
  auto made = localstack::make_device(
      "net_vhost0",
      "iface=" + plan_.path + ",queues=" + std::to_string(queues) + ",tso=1,legacy-ol-flags=0");
  INFO((made ? std::string() : made.error().context));
  REQUIRE(made.has_value());
  far_ = *made;
  rte_eth_conf settings{};
  settings.rxmode.offloads = RTE_ETH_RX_OFFLOAD_UDP_CKSUM | RTE_ETH_RX_OFFLOAD_TCP_CKSUM;
  settings.txmode.offloads =
      RTE_ETH_TX_OFFLOAD_UDP_CKSUM | RTE_ETH_TX_OFFLOAD_TCP_CKSUM | RTE_ETH_TX_OFFLOAD_MULTI_SEGS;
  REQUIRE(localstack::configure_device(far_, settings, queues, far_pool_.get()).has_value());
  REQUIRE(localstack::start_device(far_).has_value());
  reopen();
}

VhostUser::~VhostUser() {
  close();
  static_cast<void>(rte_eth_dev_stop(far_.id));
  static_cast<void>(rte_eal_hotplug_remove("vdev", far_.name.c_str()));
}

void VhostUser::close() {
  localstack::settle_interrupts();
  stack_.reset();
}

void VhostUser::reopen() {
  close();
  auto opened = localstack::VirtioUser::attach(plan_, pool_.get());
  INFO((opened ? std::string() : opened.error().context));
  REQUIRE(opened.has_value());
  stack_ = std::move(*opened);
  wait_for_link();
}

void VhostUser::wait_for_link() {
  wait_until([this] {
    rte_eth_link link{};
    return rte_eth_link_get_nowait(far_.id, &link) == 0 && link.link_status != 0;
  });
}

std::vector<rte_mbuf*> VhostUser::deliver(std::vector<rte_mbuf*> burst, std::uint16_t queue) {
  std::vector<packet::FrameView> views;
  std::vector<const packet::FrameView*> pointers;
  for (rte_mbuf* frame : burst)
    views.push_back(packet::parse(localstack::bytes_of(frame)));
  for (const packet::FrameView& view : views)
    pointers.push_back(&view);
  stack_->deliver(queue, burst, pointers);
  std::erase(burst, nullptr);
  return burst;
}

void VhostUser::deliver(const std::vector<Frame>& frames, std::uint16_t queue) {
  std::vector<rte_mbuf*> burst;
  for (const Frame& frame : frames)
    burst.push_back(mbuf_of(pool_.get(), frame));
  REQUIRE(deliver(std::move(burst), queue).empty());
}

std::vector<VhostUser::Seen> VhostUser::seen(std::size_t count, std::uint16_t queue) {
  std::vector<Seen> all;
  wait_until([&] {
    std::array<rte_mbuf*, kBurst> burst;
    const std::uint16_t found = rte_eth_rx_burst(far_.id, queue, burst.data(), kBurst);
    for (rte_mbuf* frame : std::span(burst.data(), found)) {
      all.push_back(see(frame, flat_pool_.get()));
      rte_pktmbuf_free(frame);
    }
    return found == 0 && all.size() >= count;
  });
  return all;
}

void VhostUser::send(const Frame& frame, const packet::LeftOver& left, std::uint16_t queue) {
  rte_mbuf* flat = mbuf_of(flat_pool_.get(), frame);
  const packet::FrameView view = packet::parse(frame);
  rte_mbuf* sent = nullptr;
  if (left.segment != 0) {
    sent = dataplane::chain_for_device(flat, view, left, far_pool_.get());
  } else {
    sent = mbuf_of(far_pool_.get(), frame);
    dataplane::finish_checksum(sent, view, left, {.checksums = true});
  }
  rte_pktmbuf_free(flat);
  REQUIRE(sent != nullptr);
  wait_until([&] { return rte_eth_tx_burst(far_.id, queue, &sent, 1) == 1; });
}

std::vector<VhostUser::Seen> VhostUser::collected(
    std::size_t count, std::uint16_t queue,
    const std::function<void(std::size_t, std::size_t)>& look) {
  std::vector<Seen> all;
  wait_until([&] {
    std::array<rte_mbuf*, kBurst> burst;
    std::array<packet::LeftOver, kBurst> left;
    const std::uint16_t found = stack_->collect(queue, burst, left);
    std::size_t long_ones = 0;
    for (std::uint16_t i = 0; i < found; ++i) {
      CHECK(burst[i]->nb_segs == 1);
      long_ones += burst[i]->pool != pool_.get() ? 1 : 0;
      const auto bytes = localstack::bytes_of(burst[i]);
      all.push_back({{bytes.begin(), bytes.end()}, left[i]});
      rte_pktmbuf_free(burst[i]);
    }
    if (look) look(found, long_ones);
    return all.size() >= count;
  });
  return all;
}

}  // namespace covey::test
