// SPDX-License-Identifier: BSD-3-Clause
// A packet socket as uplink, over a cable in a network namespace of its own: what a sender's kernel
// left over arrives and leaves as it was. Skipped (as passed, with a word) without the right to
// make a cable.
#include <net/if.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <cstring>

#include <linux/if_ether.h>
#include <linux/if_packet.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "dataplane/finish.h"
#include "dataplane/port.h"
#include "fixture.h"
#include "localstack/frame.h"
#include "localstack/left_over.h"
#include "localstack/preface.h"
#include "packet/headers.h"

using namespace covey;
using namespace covey::test;
using localstack::bytes_of;
using localstack::Preface;

namespace {

constexpr int kPatienceMs = 10'000;
constexpr std::size_t kTcpOffset = 34;
constexpr std::uint16_t kSegment = 1000;
constexpr localstack::Accepted kAll{true, true, true};

/// A preface and a frame, as they pass such a socket.
struct Message {
  Preface preface;
  Frame frame;
};

/// The far end of the uplink's cable, where a kernel's stack would be.
class FarEnd {
 public:
  FarEnd() {
    // Without IPv6 nothing but the test's own frames is sent.
    REQUIRE(std::system("echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6 && "
                        "ip link add up0 type veth peer name far0 && "
                        "ip link set up0 up && ip link set far0 up") == 0);
    file_ = ::socket(AF_PACKET, SOCK_RAW, rte_cpu_to_be_16(ETH_P_ALL));
    sockaddr_ll where{};
    where.sll_family = AF_PACKET;
    where.sll_protocol = rte_cpu_to_be_16(ETH_P_ALL);
    where.sll_ifindex = static_cast<int>(::if_nametoindex("far0"));
    REQUIRE(::bind(file_, reinterpret_cast<sockaddr*>(&where), sizeof(where)) == 0);
    for (const int option : {PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING}) {
      constexpr int kOn = 1;
      REQUIRE(::setsockopt(file_, SOL_PACKET, option, &kOn, sizeof(kOn)) == 0);
    }
  }
  ~FarEnd() { ::close(file_); }
  FarEnd(const FarEnd&) = delete;
  FarEnd& operator=(const FarEnd&) = delete;

  void send(const Message& message) const {
    std::vector<std::uint8_t> bytes(sizeof(Preface));
    std::memcpy(bytes.data(), &message.preface, sizeof(Preface));
    bytes.insert(bytes.end(), message.frame.begin(), message.frame.end());
    REQUIRE(::send(file_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()));
  }
  [[nodiscard]] Message receive() const {
    REQUIRE(is_readable(file_, kPatienceMs));
    Message message;
    message.frame.resize(70'000);
    std::array<iovec, 2> pieces = {
        {{&message.preface, sizeof(Preface)}, {message.frame.data(), message.frame.size()}}};
    const ssize_t got = ::readv(file_, pieces.data(), 2);
    REQUIRE(got > static_cast<ssize_t>(sizeof(Preface)));
    message.frame.resize(static_cast<std::size_t>(got) - sizeof(Preface));
    return message;
  }

 private:
  int file_ = -1;
};

/// The uplink itself. Its frames are freed with it.
class Socket {
 public:
  explicit Socket(localstack::Accepted accepted, std::uint16_t queues = 1)
      : uplink_{dataplane::DeviceKind::af_packet, "up0", queues, 1500} {
    auto opened = dataplane::Port::open(*dataplane::plan_device(uplink_), uplink_, {true, accepted},
                                        pool_.get());
    INFO((opened ? std::string() : opened.error().context));
    REQUIRE(opened.has_value());
    port_ = std::move(*opened);
    const auto started = port_->start();
    INFO((started ? std::string() : started.error().context));
    REQUIRE(started.has_value());
  }
  ~Socket() { rte_pktmbuf_free_bulk(held_.data(), static_cast<unsigned>(held_.size())); }
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;

  [[nodiscard]] dataplane::Port& port() const { return *port_; }
  [[nodiscard]] rte_mempool* pool() const { return pool_.get(); }
  /// The next frame of a queue.
  rte_mbuf* next(std::uint16_t queue = 0) {
    REQUIRE(is_readable(port_->readable_fd(queue), kPatienceMs));
    rte_mbuf* frame = nullptr;
    if (port_->receive(queue, std::span(&frame, 1)) == 1) held_.push_back(frame);
    return frame;
  }

 private:
  std::unique_ptr<dataplane::Eal> eal_ = start_eal();
  Pool pool_ = make_pool("covey-test", 4095);
  dataplane::Uplink uplink_;
  std::unique_ptr<dataplane::Port> port_;
  std::vector<rte_mbuf*> held_;
};

/// A segment of TCP, with its checksum as a stack leaves it: the sum of the pseudo-header.
Message open_segment(std::size_t bytes) {
  Message message{{Preface::kChecksumOpen, Preface::kWhole, 0, 0, kTcpOffset, 16},
                  FrameBuilder().ip("10.0.0.1", "10.0.0.2").tcp(40000, 80, kAck).payload(bytes)};
  Frame& frame = message.frame;
  std::uint32_t sum = 6 + static_cast<std::uint32_t>(frame.size() - kTcpOffset);
  for (std::size_t at = 26; at < kTcpOffset; at += 2)
    sum += base::load_be16(frame.data() + at);
  while (sum > 0xffff)
    sum = (sum & 0xffff) + (sum >> 16);
  frame[kTcpOffset + 16] = static_cast<std::uint8_t>(sum >> 8);
  frame[kTcpOffset + 17] = static_cast<std::uint8_t>(sum);
  return message;
}

Message long_segment(std::size_t bytes) {
  Message message = open_segment(bytes);
  message.preface.kind = Preface::kTcpIpv4;
  message.preface.segment = kSegment;
  message.preface.header_length = kTcpOffset + 20;
  return message;
}

Frame frame_of(rte_mbuf* frame) {
  const auto bytes = bytes_of(frame);
  return {bytes.begin(), bytes.end()};
}

}  // namespace

TEST_CASE("what a neighbour's stack left over arrives as it was", "[socket-open]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  Socket socket(kAll);
  const Message open = open_segment(100);
  far.send(open);
  rte_mbuf* frame = socket.next();
  REQUIRE(frame != nullptr);
  CHECK(frame_of(frame) == open.frame);
  CHECK(localstack::take_left_over(frame) == packet::LeftOver{kTcpOffset, kTcpOffset + 16, 0});

  const Message whole{{}, FrameBuilder().ip("10.0.0.1", "10.0.0.2").udp(1, 2).payload(20)};
  far.send(whole);
  frame = socket.next();
  REQUIRE(frame != nullptr);
  CHECK(frame_of(frame) == whole.frame);
  CHECK_FALSE(localstack::take_left_over(frame).has_checksum());

  for (const std::size_t bytes : {5'000UL, 63'000UL}) {
    const Message message = long_segment(bytes);
    far.send(message);
    frame = socket.next();
    REQUIRE(frame != nullptr);
    CHECK(frame_of(frame) == message.frame);
    CHECK(localstack::take_left_over(frame) ==
          packet::LeftOver{kTcpOffset, kTcpOffset + 16, kSegment});
  }
  const dataplane::PortReport report = socket.port().report();
  CHECK(report.rx_frames == 4);
  CHECK(report.rx_errors == 0);
  CHECK(report.link_up);
}

TEST_CASE("what a stack does not accept is finished, or counted as an error", "[socket-finished]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  Socket socket({});
  const Message open = open_segment(100);
  far.send(open);
  rte_mbuf* frame = socket.next();
  REQUIRE(frame != nullptr);
  CHECK_FALSE(localstack::has_left_over(frame));
  CHECK(packet::has_good_checksums(bytes_of(frame), packet::parse(bytes_of(frame))));
  far.send(long_segment(5'000));
  CHECK(socket.next() == nullptr);
  far.send(open);
  CHECK(socket.next() != nullptr);
  CHECK(socket.port().report().rx_errors == 1);
}

TEST_CASE("a checksum inside of a tunnel is completed", "[socket-inner]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  Socket socket(kAll);
  Message message{{Preface::kChecksumOpen, Preface::kWhole, 0, 0, 60, 6},
                  FrameBuilder().ip("10.0.0.1", "10.0.0.2").udp(4789, 4789).payload(60)};
  far.send(message);
  rte_mbuf* frame = socket.next();
  REQUIRE(frame != nullptr);
  CHECK_FALSE(localstack::has_left_over(frame));
  packet::finish_checksum(message.frame, {60, 66, 0});
  CHECK(frame_of(frame) == message.frame);
}

TEST_CASE("a tag that the kernel took out stands in the frame again", "[socket-tag]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  Socket socket(kAll);
  for (const std::size_t bytes : {100UL, 5'000UL}) {
    Message message = bytes == 100 ? open_segment(bytes) : long_segment(bytes);
    const std::array<std::uint8_t, 4> tag = {0x81, 0x00, 0x20, 0x2a};
    message.frame.insert(message.frame.begin() + 12, tag.begin(), tag.end());
    message.preface.checksum_start += 4;
    message.preface.header_length += 4;
    far.send(message);
    rte_mbuf* frame = socket.next();
    REQUIRE(frame != nullptr);
    CHECK(frame_of(frame) == message.frame);
    const packet::FrameView view = packet::parse(bytes_of(frame));
    CHECK(view.vlan_id == 42);
    CHECK(localstack::take_left_over(frame).checksum_start == kTcpOffset + 4);
  }
}

TEST_CASE("what our stack left over leaves as it was", "[socket-send]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  const Socket socket(kAll);
  REQUIRE(socket.port().abilities().long_buffers);
  const Pool wide = make_pool("covey-wide", 15, 65'000);
  for (const std::size_t bytes : {100UL, 1'400UL, 60'000UL}) {
    const bool is_long = bytes > 1'400;
    const Message message = is_long ? long_segment(bytes) : open_segment(bytes);
    rte_mbuf* frame = mbuf_of(wide.get(), message.frame);
    const packet::FrameView view = packet::parse(bytes_of(frame));
    const packet::LeftOver left{kTcpOffset, kTcpOffset + 16, is_long ? kSegment : std::uint16_t{0}};
    if (is_long) {
      REQUIRE(localstack::leave_to_device(frame, view, left));
    } else {
      dataplane::finish_checksum(frame, view, left, socket.port().abilities());
    }
    REQUIRE(socket.port().send(0, std::span(&frame, 1)) == 1);
    const Message got = far.receive();
    CHECK(got.frame == message.frame);
    CHECK(got.preface.flags == Preface::kChecksumOpen);
    CHECK(got.preface.kind == message.preface.kind);
    CHECK(got.preface.segment == message.preface.segment);
    CHECK(got.preface.checksum_start == kTcpOffset);
    CHECK(got.preface.checksum_offset == 16);
  }
  CHECK(rte_mempool_avail_count(wide.get()) == 15);
  CHECK(socket.port().report().tx_frames == 3);
}

TEST_CASE("a frame that the kernel does not like stops none behind it", "[socket-bad]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  const Socket socket(kAll);
  const Frame good = FrameBuilder().ip("10.0.0.1", "10.0.0.2").udp(1, 2).payload(20);
  Frame long_one = good;
  long_one.resize(1'900);  // more than the MTU, and nothing says where to cut
  std::array<rte_mbuf*, 3> frames = {mbuf_of(socket.pool(), good), mbuf_of(socket.pool(), long_one),
                                     mbuf_of(socket.pool(), good)};
  CHECK(socket.port().send(0, frames) == 3);
  CHECK(far.receive().frame == good);
  CHECK(far.receive().frame == good);
  CHECK(socket.port().report().tx_errors == 1);

  REQUIRE(std::system("ip link set up0 down") == 0);
  frames[0] = mbuf_of(socket.pool(), good);
  CHECK(socket.port().send(0, std::span(frames).first(1)) == 0);
  CHECK(socket.port().receive(0, std::span(frames).subspan(1)) == 0);
  CHECK_FALSE(socket.port().report().link_up);
  rte_pktmbuf_free(frames[0]);
}

TEST_CASE("sockets of several queues share conversations, and leave fragments alone",
          "[socket-queues]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  Socket socket(kAll, 2);
  far.send({{}, FrameBuilder().ip("10.0.0.1", "10.0.0.2").fragment(0, true).payload(800)});
  far.send({{}, FrameBuilder().ip("10.0.0.1", "10.0.0.2").fragment(100, false).payload(80)});
  for (std::uint16_t port = 1; port <= 64; ++port) {
    for (int turn = 0; turn < 2; ++turn)
      far.send({{}, FrameBuilder().ip("10.0.0.1", "10.0.0.2").udp(port, 80).payload(20)});
  }
  std::array<unsigned, 2> got{};
  unsigned fragments = 0;
  std::array<std::vector<std::uint16_t>, 2> ports;
  for (std::uint16_t queue = 0; queue < 2; ++queue) {
    while (is_readable(socket.port().readable_fd(queue), 0)) {
      rte_mbuf* frame = socket.next(queue);
      REQUIRE(frame != nullptr);
      const packet::FrameView view = packet::parse(bytes_of(frame));
      ++got[queue];
      if (view.is_fragment) ++fragments;
      if (view.has_ports && !view.is_fragment) ports[queue].push_back(view.key.source_port);
    }
  }
  CHECK(fragments == 2);
  CHECK(got[0] + got[1] == 130);
  REQUIRE_FALSE(ports[0].empty());
  REQUIRE_FALSE(ports[1].empty());
  for (const std::uint16_t port : ports[0])
    CHECK(std::ranges::find(ports[1], port) == ports[1].end());
}

TEST_CASE("frames that come while nobody looks are counted as missed", "[socket-missed]") {
  if (!may_make_a_stack()) return;
  const FarEnd far;
  const Socket socket(kAll);
  const Message message = long_segment(60'000);
  for (int i = 0; i < 400; ++i)
    far.send(message);
  const dataplane::PortReport report = socket.port().report();
  CHECK(report.rx_missed > 0);
  CHECK(socket.port().report().rx_missed == report.rx_missed);
}
