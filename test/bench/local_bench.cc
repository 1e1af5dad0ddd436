// SPDX-License-Identifier: BSD-3-Clause
// Gbit/s of bulk TCP that the kernel takes from memory through one backend of the local stack;
// there is no uplink and nothing is decided.
//
//     local_bench tap | tap_without_offload | net_tap  SECONDS
//
// Owner: test/bench. Threads: main is the TCP client and what a worker would be; another reads and
// throws away, as a service would. In a network namespace of its own. net_tap is DPDK's driver. The
// frames lie ready in their buffers, but for the headers; what is lost is sent again from there.
// Prints the rate by the clock, and by the processor time of the main thread, which is what counts
// on a machine with other work.
#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include <rte_bus.h>
#include <rte_dev.h>
#include <rte_ethdev.h>
#include <rte_mbuf.h>

#include "base/endian.h"
#include "base/processors.h"
#include "dataplane/eal.h"
#include "localstack/frame.h"
#include "localstack/local_stack.h"
#include "localstack/netlink.h"
#include "packet/checksum.h"
#include "packet/headers.h"
#include "support/frames.h"

namespace {

using namespace covey;

constexpr std::size_t kBurst = 64;
constexpr std::uint32_t kSegment = 1460;
constexpr std::size_t kHeaders = packet::kEthernetHeader + packet::kIpv4Header + packet::kTcpHeader;
constexpr std::uint16_t kPort = 80;
// Much less than the kernel's buffer, which counts single segments at more than their size: what it
// had to drop would be measured instead.
constexpr std::uint32_t kMostInFlight = 4U << 20U;
constexpr int kReceiveBuffer = 32 << 20;
constexpr unsigned kWindowScale = 10;
constexpr unsigned kBuffers = 8191;
constexpr std::uint64_t kPatienceNs = 100'000'000;  // without an acknowledgement, then again
constexpr const char* kServer = "10.77.0.50";
constexpr const char* kClient = "10.77.0.100";
constexpr const char* kStackMac = "02:00:00:00:7a:01";

[[noreturn]] void fail(const std::string& what) {
  std::fprintf(stderr, "local_bench: %s\n", what.c_str());
  std::exit(1);
}

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// What the two kinds of backend have in common.
struct Way {
  std::function<void(std::span<rte_mbuf*>, std::span<const packet::FrameView* const>)> deliver;
  std::function<std::uint16_t(std::span<rte_mbuf*>)> collect;
  std::unique_ptr<localstack::LocalStack> stack;
};

Way through_tap(bool offload, rte_mempool* pool) {
  localstack::Interface interface;
  interface.mac = test::mac(kStackMac);
  interface.addresses = {{test::ip(kServer), 24}};
  auto opened = localstack::open({localstack::Kind::tap, "covey0", offload}, interface, 1, pool);
  if (!opened) fail(opened.error().context);
  Way way;
  way.stack = std::move(*opened);
  localstack::LocalStack* stack = way.stack.get();
  way.deliver = [stack](auto frames, auto views) { stack->deliver(0, frames, views); };
  way.collect = [stack](auto frames) {
    std::array<packet::LeftOver, kBurst> left;
    return stack->collect(0, frames, left);
  };
  return way;
}

Way through_net_tap(rte_mempool* pool) {
  const std::string arguments = std::string("iface=covey0,mac=") + kStackMac;
  if (rte_eal_hotplug_add("vdev", "net_tap0", arguments.c_str()) != 0) fail("make net_tap0");
  std::uint16_t port = 0;
  const rte_eth_conf settings{};
  const bool ready = rte_eth_dev_get_port_by_name("net_tap0", &port) == 0 &&
                     rte_eth_dev_configure(port, 1, 1, &settings) == 0 &&
                     rte_eth_rx_queue_setup(port, 0, 1024, 0, nullptr, pool) == 0 &&
                     rte_eth_tx_queue_setup(port, 0, 1024, 0, nullptr) == 0 &&
                     rte_eth_dev_start(port) == 0;
  if (!ready) fail("start net_tap0");
  if (!localstack::add_address("covey0", {test::ip(kServer), 24})) fail("give it an address");
  Way way;
  way.deliver = [port](std::span<rte_mbuf*> frames, auto /*views*/) {
    const auto sent =
        rte_eth_tx_burst(port, 0, frames.data(), static_cast<std::uint16_t>(frames.size()));
    std::fill_n(frames.begin(), sent, nullptr);
  };
  way.collect = [port](std::span<rte_mbuf*> frames) {
    return rte_eth_rx_burst(port, 0, frames.data(), static_cast<std::uint16_t>(frames.size()));
  };
  return way;
}

/// Takes one connection and throws away what comes.
class Service {
 public:
  Service() : listener_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(kPort);
    ::setsockopt(listener_, SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer, sizeof(kReceiveBuffer));
    if (::bind(listener_, reinterpret_cast<const sockaddr*>(&where), sizeof(where)) != 0 ||
        ::listen(listener_, 1) != 0) {
      fail("listen");
    }
    std::thread([listener = listener_] {
      const int taken = ::accept(listener, nullptr, nullptr);
      // With MSG_TRUNC nothing is copied: the service is not what is measured.
      while (::recv(taken, nullptr, std::size_t{1} << 20U, MSG_TRUNC) > 0) {
      }
    }).detach();
  }

 private:
  int listener_;
};

/// The other end: sends as much as the window allows.
class Client {
 public:
  /// In the buffers of `data` nobody else writes: what is behind the headers stays zero.
  Client(Way& way, rte_mempool* data, rte_mempool* rest)
      : way_(way), data_(data), pool_(rest), header_(model()) {}

  void connect() {
    const test::Frame question = test::arp({.sender_ip = kClient, .target_ip = kServer});
    const std::uint64_t deadline = clock_ns(CLOCK_MONOTONIC) + 5'000'000'000U;
    while (acknowledged_ == 0 && clock_ns(CLOCK_MONOTONIC) < deadline) {
      rte_mbuf* asks = rte_pktmbuf_alloc(pool_);
      char* room = rte_pktmbuf_append(asks, static_cast<std::uint16_t>(question.size()));
      std::memcpy(room, question.data(), question.size());
      deliver_one(asks, packet::parse(question));  // so that the stack knows where we are
      // Window scale, and three more bytes that mean nothing.
      send_one(0, test::kSyn, {3, 3, kWindowScale, 1});
      const timespec pause{0, 20'000'000};
      ::nanosleep(&pause, nullptr);
      hear();
    }
    if (acknowledged_ == 0) fail("no connection");
    next_ = acknowledged_;
    send_one(next_, test::kAck, {});
  }

  /// Bytes that were acknowledged meanwhile.
  std::uint64_t send_for(std::uint64_t ns) {
    const std::uint32_t first = acknowledged_;
    std::uint64_t total = 0;
    std::uint32_t before = first;
    std::uint64_t heard = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t end = heard + ns;
    for (std::uint64_t now = heard; now < end; now = clock_ns(CLOCK_MONOTONIC)) {
      send_burst();
      hear();
      if (acknowledged_ != before) {
        total += acknowledged_ - before;
        before = acknowledged_;
        heard = now;
      } else if (now - heard > kPatienceNs) {
        next_ = acknowledged_;
        heard = now;
      }
    }
    return total;
  }

 private:
  static test::Frame model() {
    test::Frame frame = test::FrameBuilder()
                            .to(test::mac(kStackMac))
                            .ip(kClient, kServer)
                            .tcp(40000, kPort, test::kAck)
                            .build();
    frame.resize(kHeaders);
    frame[packet::kEthernetHeader + 6] = 0x40;  // not to be cut
    return frame;
  }

  /// Writes the headers for `more` bytes behind them, which are zero but for options.
  void write(std::uint8_t* out, std::uint32_t sequence, std::uint8_t flags,
             std::span<const std::uint8_t> options, std::size_t more) {
    std::memcpy(out, header_.data(), kHeaders);
    std::uint8_t* ip = out + packet::kEthernetHeader;
    std::uint8_t* tcp = ip + packet::kIpv4Header;
    base::store_be16(ip + 2,
                     static_cast<std::uint16_t>(packet::kIpv4Header + packet::kTcpHeader + more));
    base::store_be16(ip + 10, 0);
    packet::InternetSum of_ip;
    of_ip.add({ip, packet::kIpv4Header});
    base::store_be16(ip + 10, of_ip.finish());
    base::store_be32(tcp + 4, sequence);
    base::store_be32(tcp + 8, expected_);
    tcp[12] = static_cast<std::uint8_t>((packet::kTcpHeader + options.size()) / 4 << 4U);
    tcp[13] = flags;
    base::store_be16(tcp + 16, 0);
    packet::InternetSum sum;
    sum.add({ip + 12, 8});
    sum.add(std::uint32_t{packet::kProtocolTcp});
    sum.add(static_cast<std::uint32_t>(packet::kTcpHeader + more));
    sum.add({tcp, packet::kTcpHeader});
    sum.add(options);
    base::store_be16(tcp + 16, sum.finish());
  }

  void deliver_one(rte_mbuf* frame, const packet::FrameView& view) {
    std::array<rte_mbuf*, 1> burst = {frame};
    const std::array<const packet::FrameView*, 1> views = {&view};
    way_.deliver(burst, views);
    rte_pktmbuf_free(burst[0]);
  }

  void send_one(std::uint32_t sequence, std::uint8_t flags, std::vector<std::uint8_t> options) {
    rte_mbuf* frame = rte_pktmbuf_alloc(pool_);
    rte_pktmbuf_append(frame, static_cast<std::uint16_t>(kHeaders + options.size()));
    const std::span<std::uint8_t> bytes = localstack::bytes_of(frame);
    write(bytes.data(), sequence, flags, options, options.size());
    std::copy(options.begin(), options.end(), bytes.begin() + kHeaders);
    deliver_one(frame, packet::parse(bytes));
  }

  void send_burst() {
    const std::uint32_t window = std::min(window_, kMostInFlight);
    const std::uint32_t room = window - std::min(window, next_ - acknowledged_);
    const std::size_t count = std::min<std::size_t>(kBurst, room / kSegment);
    if (count == 0) {
      const timespec pause{0, 10'000};  // the service has to read first
      ::nanosleep(&pause, nullptr);
      return;
    }
    std::array<rte_mbuf*, kBurst> frames;
    std::array<packet::FrameView, kBurst> views;
    std::array<const packet::FrameView*, kBurst> pointers;
    if (rte_pktmbuf_alloc_bulk(data_, frames.data(), static_cast<unsigned>(count)) != 0) return;
    for (std::size_t i = 0; i < count; ++i) {
      frames[i]->data_len = kHeaders + kSegment;
      frames[i]->pkt_len = kHeaders + kSegment;
      const std::span<std::uint8_t> bytes = localstack::bytes_of(frames[i]);
      write(bytes.data(), next_ + static_cast<std::uint32_t>(i) * kSegment, test::kAck, {},
            kSegment);
      packet::parse_into(bytes, views[i]);
      pointers[i] = &views[i];
    }
    way_.deliver(std::span(frames).first(count), std::span(pointers).first(count));
    for (std::size_t i = 0; i < count; ++i) {
      if (frames[i] == nullptr) {
        next_ += kSegment;
      } else {
        rte_pktmbuf_free(frames[i]);
      }
    }
  }

  void hear() {
    std::array<rte_mbuf*, kBurst> frames;
    const std::uint16_t count = way_.collect(frames);
    for (std::uint16_t i = 0; i < count; ++i) {
      const packet::FrameView view = packet::parse(localstack::bytes_of(frames[i]));
      if (view.key.source_port == kPort && view.key.protocol == packet::kProtocolTcp) {
        if (view.is_syn_ack()) expected_ = view.tcp_sequence + 1;
        const std::uint8_t* tcp = localstack::bytes_of(frames[i]).data() + view.l4_offset;
        const std::uint32_t window = base::load_be16(tcp + 14);
        window_ = view.is_syn_ack() ? window : window << scale_of_server_;
        if (view.is_syn_ack()) read_scale(tcp);
        if (static_cast<std::int32_t>(view.tcp_acknowledgement - acknowledged_) > 0)
          acknowledged_ = view.tcp_acknowledgement;
      }
    }
    rte_pktmbuf_free_bulk(frames.data(), count);
  }

  /// Linux: MSS, then NOP and the window scale, as nothing else was offered.
  void read_scale(const std::uint8_t* tcp) {
    const std::size_t end = (tcp[12] >> 4U) * std::size_t{4};
    for (std::size_t at = packet::kTcpHeader; at + 2 < end;) {
      if (tcp[at] == 3) scale_of_server_ = tcp[at + 2];
      at += tcp[at] <= 1 ? 1 : std::max<std::size_t>(tcp[at + 1], 1);
    }
  }

  Way& way_;
  rte_mempool* data_;
  rte_mempool* pool_;
  test::Frame header_;
  std::uint32_t next_ = 0;
  std::uint32_t acknowledged_ = 0;
  std::uint32_t expected_ = 0;
  std::uint32_t window_ = 0;
  unsigned scale_of_server_ = 0;
};

rte_mempool* make_pool(const char* name) {
  rte_mempool* pool =
      rte_pktmbuf_pool_create(name, kBuffers, 256, 0, 2048 + RTE_PKTMBUF_HEADROOM, SOCKET_ID_ANY);
  if (pool == nullptr) fail("no buffers");
  return pool;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) fail("usage: local_bench tap|tap_without_offload|net_tap SECONDS");
  const std::string kind = arguments[1];
  const double seconds = std::atof(arguments[2]);
  if (::unshare(CLONE_NEWNET) != 0) fail("no network namespace");
  dataplane::EalPlan plan;
  plan.instance = "covey-bench-" + std::to_string(::getpid());
  plan.cpus = base::inherited_processors();
  plan.memory_mb = 128;
  const auto eal = dataplane::Eal::start(plan);
  if (!eal) fail(eal.error().context);
  rte_mempool* data = make_pool("data");
  rte_mempool* pool = make_pool("rest");
  Way way = kind == "net_tap" ? through_net_tap(pool) : through_tap(kind == "tap", pool);
  const Service service;
  Client client(way, data, pool);
  client.connect();
  client.send_for(200'000'000);  // until the window is open
  const std::uint64_t cpu = clock_ns(CLOCK_THREAD_CPUTIME_ID);
  const std::uint64_t bytes = client.send_for(static_cast<std::uint64_t>(seconds * 1e9));
  const auto used = static_cast<double>(clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu);
  std::printf("%.3f %.3f\n", static_cast<double>(bytes) * 8 / (seconds * 1e9),
              static_cast<double>(bytes) * 8 / used);
  std::fflush(stdout);
  ::_exit(0);  // the service still waits
}
