// SPDX-License-Identifier: BSD-3-Clause
// Long TCP segments between a real stack and us, and what is made of them for an uplink.
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>
#include <vector>

#include <rte_mbuf.h>

#include "dataplane/finish.h"
#include "fixture.h"
#include "localstack/frame.h"
#include "localstack/local_stack.h"
#include "packet/headers.h"

using namespace covey;
using namespace covey::test;

namespace {

constexpr std::uint16_t kPort = 80;
constexpr std::uint16_t kClientPort = 40000;
constexpr std::uint32_t kFirst = 1001;  // sequence number of the client's first byte
constexpr std::size_t kBurst = 64;

/// Frames that the kernel has got, in the network namespace of this thread.
std::uint64_t frames_taken() {
  std::ifstream table("/proc/thread-self/net/dev");
  std::uint64_t bytes = 0;
  std::uint64_t frames = 0;
  for (std::string word; table >> word;) {
    if (word == "covey0:") table >> bytes >> frames;
  }
  return frames;
}

/// Our side of one connection to a socket behind a TAP.
class Talk {
 public:
  explicit Talk(bool offload) {
    auto opened = localstack::open({localstack::Kind::tap, "covey0", offload}, world_interface(), 1,
                                   pool_.get());
    INFO((opened ? std::string() : opened.error().context));
    REQUIRE(opened.has_value());
    stack_ = std::move(*opened);
    listen();
    shake_hands();
  }
  ~Talk() {
    ::close(socket_);
    ::close(listener_);
  }
  Talk(const Talk&) = delete;
  Talk& operator=(const Talk&) = delete;

  [[nodiscard]] int socket() const { return socket_; }
  [[nodiscard]] rte_mempool* pool() const { return pool_.get(); }

  void deliver(const std::vector<Frame>& frames) {
    std::vector<rte_mbuf*> burst;
    std::vector<packet::FrameView> views(frames.size());
    std::vector<const packet::FrameView*> pointers;
    for (std::size_t i = 0; i < frames.size(); ++i) {
      burst.push_back(mbuf_of(pool_.get(), frames[i]));
      views[i] = packet::parse(localstack::bytes_of(burst.back()));
      pointers.push_back(&views[i]);
    }
    stack_->deliver(0, burst, pointers);
    CHECK(std::all_of(burst.begin(), burst.end(), [](rte_mbuf* it) { return it == nullptr; }));
  }
  /// Calls visit(frame, view, left) for what the stack sends of this connection until it says true.
  template <typename Visit>
  void collect_until(Visit&& visit) {
    const base::TimePoint deadline = dataplane::DataPlane::now() + std::chrono::seconds(5);
    for (bool done = false; !done;) {
      REQUIRE(dataplane::DataPlane::now() < deadline);
      std::array<rte_mbuf*, kBurst> burst;
      std::array<packet::LeftOver, kBurst> left;
      const std::uint16_t count = stack_->collect(0, burst, left);
      for (std::uint16_t i = 0; i < count; ++i) {
        const packet::FrameView view = packet::parse(localstack::bytes_of(burst[i]));
        const bool is_ours = view.key.protocol == packet::kProtocolTcp && view.has_ports &&
                             view.key.destination_port == kClientPort;
        if (is_ours && !done) done = visit(burst[i], view, left[i]);
        rte_pktmbuf_free(burst[i]);
      }
    }
  }
  [[nodiscard]] Frame segment(std::size_t offset, std::size_t bytes,
                              std::uint8_t flags = kAck) const {
    const auto sequence = kFirst + static_cast<std::uint32_t>(offset);
    return with_id(FrameBuilder()
                       .to(kStackMac)
                       .ip(kClient, kDedicated)
                       .tcp(kClientPort, kPort, flags)
                       .numbers(sequence, expected_)
                       .payload(bytes),
                   static_cast<std::uint16_t>(offset / std::max<std::size_t>(bytes, 1)));
  }
  /// That many of `bytes` each, from the first on.
  [[nodiscard]] std::vector<Frame> segments(std::size_t count, std::size_t bytes) const {
    std::vector<Frame> all;
    for (std::size_t i = 0; i < count; ++i)
      all.push_back(segment(i * bytes, bytes));
    return all;
  }

 private:
  void listen() {
    listener_ = ::socket(AF_INET, SOCK_STREAM, 0);
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(kPort);
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&where), sizeof(where)) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
  }
  void shake_hands() {
    deliver({arp({.operation = 1, .sender_ip = kClient, .target_ip = kDedicated})});
    deliver({FrameBuilder()
                 .to(kStackMac)
                 .ip(kClient, kDedicated)
                 .tcp(kClientPort, kPort, kSyn)
                 .numbers(kFirst - 1, 0)});
    collect_until([this](rte_mbuf*, const packet::FrameView& view, const packet::LeftOver&) {
      expected_ = view.tcp_sequence + 1;
      return view.is_syn_ack();
    });
    deliver({segment(0, 0)});
    socket_ = ::accept(listener_, nullptr, nullptr);
    REQUIRE(socket_ >= 0);
    REQUIRE(::fcntl(socket_, F_SETFL, O_NONBLOCK) == 0);
  }

  std::unique_ptr<dataplane::Eal> eal_ = start_eal();
  Pool pool_ = make_pool("test", 2047);
  std::unique_ptr<localstack::LocalStack> stack_;
  int listener_ = -1;
  int socket_ = -1;
  std::uint32_t expected_ = 0;
};

std::size_t received(int socket) {
  std::vector<char> room(1 << 20U);
  std::size_t total = 0;
  for (ssize_t got = 0; (got = ::recv(socket, room.data(), room.size(), 0)) > 0;)
    total += static_cast<std::size_t>(got);
  return total;
}

/// A stack's write of `bytes`, as far as it comes out in one burst.
void check_sent(const Talk& talk, rte_mbuf* frame, const packet::FrameView& view,
                const packet::LeftOver& left) {
  CHECK(left.has_checksum());
  CHECK(left.checksum_start == view.l4_offset);
  REQUIRE(left.segment != 0);
  const auto whole = packet::LongSegment::of(localstack::bytes_of(frame), view, left.segment);
  REQUIRE(whole.has_value());
  std::size_t payload = 0;
  for (std::size_t i = 0; i < whole->count(); ++i) {
    rte_mbuf* cut = dataplane::cut_out(*whole, i, talk.pool());
    REQUIRE(cut != nullptr);
    const packet::FrameView seen = packet::parse(localstack::bytes_of(cut));
    CHECK(packet::has_good_checksums(localstack::bytes_of(cut), seen));
    CHECK(cut->pkt_len <= world_interface().mtu + packet::kEthernetHeader);
    payload += seen.payload_length;
    rte_pktmbuf_free(cut);
  }
  CHECK(payload == view.payload_length);

  rte_mbuf* chain = dataplane::chain_for_device(frame, view, left, talk.pool());
  REQUIRE(chain != nullptr);
  CHECK(chain->pkt_len == frame->pkt_len);
  CHECK(chain->nb_segs == (frame->pkt_len + 2047) / 2048);
  CHECK(chain->tso_segsz == left.segment);
  CHECK(chain->l2_len == packet::kEthernetHeader);
  CHECK(chain->l3_len == packet::kIpv4Header);
  CHECK(std::size_t{chain->l4_len} + view.l4_offset + view.payload_length == frame->pkt_len);
  CHECK((chain->ol_flags & RTE_MBUF_F_TX_TCP_SEG) != 0);
  std::vector<std::uint8_t> flat(frame->pkt_len);
  const void* read = rte_pktmbuf_read(chain, 0, frame->pkt_len, flat.data());
  CHECK(std::equal(flat.begin(), flat.end(), static_cast<const std::uint8_t*>(read)));
  CHECK(std::ranges::equal(flat, localstack::bytes_of(frame)));
  rte_pktmbuf_free(chain);
}

}  // namespace

TEST_CASE("segments that follow one another reach the stack as one, with every byte",
          "[offload-in]") {
  if (!may_make_a_stack()) return;
  Talk talk(true);
  const std::uint64_t before = frames_taken();
  talk.deliver(talk.segments(20, 1000));
  CHECK(received(talk.socket()) == 20'000);
  CHECK(frames_taken() == before + 1);
}

TEST_CASE("a broken segment is kept apart, and the stack refuses it", "[offload-broken]") {
  if (!may_make_a_stack()) return;
  Talk talk(true);
  std::vector<Frame> burst = talk.segments(20, 1000);
  burst[7].back() ^= 0x40;
  talk.deliver(burst);
  CHECK(received(talk.socket()) == 7'000);
  talk.deliver({talk.segment(7'000, 1000)});
  CHECK(received(talk.socket()) == 13'000);
}

TEST_CASE("without offload every frame is one for the kernel as well", "[offload-off]") {
  if (!may_make_a_stack()) return;
  Talk talk(false);
  const std::uint64_t before = frames_taken();
  talk.deliver(talk.segments(20, 1000));
  CHECK(received(talk.socket()) == 20'000);
  CHECK(frames_taken() == before + 20);
  const std::vector<char> bytes(20'000, 'x');
  REQUIRE(::send(talk.socket(), bytes.data(), bytes.size(), 0) == 20'000);
  talk.collect_until(
      [](rte_mbuf* frame, const packet::FrameView& view, const packet::LeftOver& left) {
        CHECK_FALSE(left.has_checksum());
        CHECK(left.segment == 0);
        CHECK(frame->pkt_len <= world_interface().mtu + packet::kEthernetHeader);
        if (view.payload_length != 0)
          CHECK(packet::has_good_checksums(localstack::bytes_of(frame), view));
        return view.payload_length != 0;
      });
}

TEST_CASE("a long segment of the stack is cut, or left to a device", "[offload-out]") {
  if (!may_make_a_stack()) return;
  Talk talk(true);
  const std::vector<char> bytes(20'000, 'x');
  REQUIRE(::send(talk.socket(), bytes.data(), bytes.size(), 0) == 20'000);
  talk.collect_until(
      [&talk](rte_mbuf* frame, const packet::FrameView& view, const packet::LeftOver& left) {
        if (view.payload_length == 0) return false;
        check_sent(talk, frame, view, left);
        return true;
      });
}

TEST_CASE("an open checksum is computed, or left to a device that knows the protocol",
          "[offload-checksum]") {
  const auto eal = start_eal();
  const Pool pool = make_pool("test", 63);
  const auto finish = [&pool](const packet::LeftOver& left, dataplane::Abilities device) {
    Frame model = FrameBuilder().ip(kClient, kDedicated).tcp(1, 2, kAck).payload(100);
    rte_mbuf* frame = mbuf_of(pool.get(), model);
    dataplane::finish_checksum(frame, packet::parse(model), left, device);
    const bool is_changed = !std::ranges::equal(localstack::bytes_of(frame), model);
    const std::uint64_t flags = frame->ol_flags;
    rte_pktmbuf_free(frame);
    return std::pair(is_changed, flags);
  };
  constexpr std::uint64_t kTcp =
      RTE_MBUF_F_TX_TCP_CKSUM | RTE_MBUF_F_TX_IPV4 | RTE_MBUF_F_TX_IP_CKSUM;
  const packet::LeftOver open{34, 34 + 16, 0};
  CHECK(finish(open, {}) == std::pair(true, std::uint64_t{0}));
  CHECK(finish(open, {.checksums = true}) == std::pair(false, kTcp));
  CHECK(finish({}, {.checksums = true}) == std::pair(false, std::uint64_t{0}));
  // Of something that is inside of the payload.
  CHECK(finish({60, 76, 0}, {.checksums = true}) == std::pair(true, std::uint64_t{0}));
}
