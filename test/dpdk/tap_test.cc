// SPDX-License-Identifier: BSD-3-Clause
// A real TAP in a network namespace of its own; skipped (as passed, with a word) without the right
// to make one.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <fstream>

#include <rte_mbuf.h>

#include "fixture.h"
#include "localstack/frame.h"
#include "localstack/ingress_block.h"
#include "localstack/local_stack.h"
#include "localstack/netlink.h"
#include "packet/headers.h"

using namespace covey;
using namespace covey::test;
using forwarding::Verdict;

namespace {

std::string sysctl(const std::string& name) {
  std::string value;
  std::ifstream("/proc/sys/net/" + name) >> value;
  return value;
}

/// What the stack sends in answer to a frame: the first that `wanted` accepts.
Frame answer_to(localstack::LocalStack& stack, rte_mempool* pool, const Frame& frame,
                const std::function<bool(const packet::FrameView&)>& wanted) {
  std::array<rte_mbuf*, 32> burst = {mbuf_of(pool, frame)};
  std::array<packet::LeftOver, 32> left;
  const packet::FrameView view = packet::parse(frame);
  const std::array<const packet::FrameView*, 1> views = {&view};
  stack.deliver(0, std::span(burst.data(), 1), views);
  REQUIRE(burst[0] == nullptr);
  const base::TimePoint deadline = dataplane::DataPlane::now() + std::chrono::seconds(5);
  Frame found;
  while (found.empty() && dataplane::DataPlane::now() < deadline) {
    const std::uint16_t count = stack.collect(0, burst, left);
    for (std::uint16_t i = 0; i < count; ++i) {
      const auto bytes = localstack::bytes_of(burst[i]);
      packet::finish_checksum(bytes, left[i]);
      if (found.empty() && wanted(packet::parse(bytes))) found.assign(bytes.begin(), bytes.end());
      rte_pktmbuf_free(burst[i]);
    }
  }
  REQUIRE_FALSE(found.empty());
  return found;
}

void check_setup() {
  const auto state = localstack::read_link("covey0");
  REQUIRE(state.has_value());
  CHECK(state->up);
  CHECK(state->mtu == 1400);
  auto addresses = localstack::list_addresses("covey0");
  REQUIRE(addresses.has_value());
  auto wanted = world_interface().addresses;
  std::sort(addresses->begin(), addresses->end());
  std::sort(wanted.begin(), wanted.end());
  CHECK(*addresses == wanted);  // and no link-local one of the kernel's making
  CHECK(sysctl("ipv4/conf/covey0/rp_filter") == "2");
  CHECK(sysctl("ipv4/conf/covey0/arp_ignore") == "1");
  CHECK(sysctl("ipv6/conf/covey0/accept_ra") == "0");
  CHECK(sysctl("ipv6/conf/covey0/addr_gen_mode") == "1");
}

void check_traffic(localstack::LocalStack& stack, rte_mempool* pool) {
  const Frame resolved =
      answer_to(stack, pool, arp({.operation = 1, .sender_ip = kClient, .target_ip = kDedicated}),
                [](const packet::FrameView& view) { return view.layer3 == packet::Layer3::arp; });
  CHECK(packet::source_mac(resolved) == kStackMac);
  const Frame echo =
      FrameBuilder().to(kStackMac).ip(kClient, kDedicated).icmp(packet::kIcmpEchoRequest, 0);
  const Frame reply = answer_to(stack, pool, echo, [](const packet::FrameView& view) {
    return view.key.protocol == packet::kProtocolIcmp;
  });
  CHECK(packet::parse(reply).icmp_type == packet::kIcmpEchoReply);
  // Nobody listens: a finished checksum shows that the stack leaves no work to a device.
  const Frame syn = FrameBuilder().to(kStackMac).ip(kClient, kDedicated).tcp(1001, 80, kSyn);
  const Frame reset = answer_to(stack, pool, syn, [](const packet::FrameView& view) {
    return view.has_flag(packet::TcpFlags::kRst);
  });
  CHECK(packet::destination_mac(reset) == kClientMac);
}

}  // namespace

namespace {

/// A socket of this namespace's stack that takes connections.
class Listener {
 public:
  explicit Listener(std::uint16_t port) : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in where{};
    where.sin_family = AF_INET;
    where.sin_port = htons(port);
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&where), sizeof(where)) == 0);
    REQUIRE(::listen(socket_, 8) == 0);
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;

 private:
  int socket_;
};

/// The local stack sends the IPv4 packet of a frame.
void send_from_stack(const Frame& frame) {
  const int raw = ::socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_RAW);
  REQUIRE(raw >= 0);
  const auto packet = std::span(frame).subspan(packet::kEthernetHeader);
  sockaddr_in where{};
  where.sin_family = AF_INET;
  REQUIRE(::inet_pton(AF_INET, std::string(kClient).c_str(), &where.sin_addr) == 1);
  const ssize_t sent = ::sendto(raw, packet.data(), packet.size(), 0,
                                reinterpret_cast<const sockaddr*>(&where), sizeof(where));
  ::close(raw);
  REQUIRE(sent == static_cast<ssize_t>(packet.size()));
}

}  // namespace

TEST_CASE("a SYN whose answer comes when its bucket has gone is sent on after it",
          "[answered-late]") {
  if (!may_make_a_stack()) return;
  const Frame opening = FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn).numbers(7000, 0);
  BenchSettings settings;
  settings.arriving = {
      {arp({.operation = 1, .sender_ip = kClient, .target_ip = kDedicated}), opening}};
  settings.with_stack = true;
  Bench bench(settings);
  bench.start();
  // Nobody listens, so the stack has nothing more to say of itself.
  bench.wait_until([&] { return bench.verdict(Verdict::send_uplink) >= 2; });
  const std::uint64_t ticket = bench.data_plane().publish(bench.snapshot(World().given_away()));
  bench.wait_until([&] { return bench.data_plane().is_quiescent(ticket); });

  const auto answer = [](std::uint16_t port, std::uint32_t acknowledgement) {
    return FrameBuilder().ip(kVip, kClient).tcp(80, port, kSyn | kAck).numbers(5, acknowledgement);
  };
  send_from_stack(answer(1001, 7777));  // not to that SYN
  send_from_stack(answer(1002, 7001));
  send_from_stack(answer(1001, 7001));
  send_from_stack(answer(1001, 7001));
  bench.wait_until([&] { return bench.verdict(Verdict::drop_egress_not_owner) == 4; });
  CHECK(bench.verdict(Verdict::hand_on) == 1);
  const std::vector<Frame> sent = bench.close();
  const auto handed_on = std::ranges::find(sent, mac("02:02:0a:4d:00:32"), packet::destination_mac);
  REQUIRE(handed_on != sent.end());
  REQUIRE(handed_on->size() == packet::kMinimumFrame);
  CHECK(std::equal(opening.begin() + packet::kEthernetHeader, opening.end(),
                   handed_on->begin() + packet::kEthernetHeader));
}

TEST_CASE("a handshake under way is a connection to a drain and to another configuration",
          "[census]") {
  if (!may_make_a_stack()) return;
  const Listener listener(80);
  BenchSettings settings;
  // The first tells the stack where the client is.
  settings.arriving = {{arp({.operation = 1, .sender_ip = kClient, .target_ip = kDedicated}),
                        FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn)}};
  settings.with_stack = true;
  Bench bench(settings);
  bench.start();
  bench.wait_until([&] { return bench.data_plane().report().flows.half_open == 1; });
  CHECK(bench.data_plane().census().flows == 1);
  CHECK(bench.data_plane().report().rules.front().flows == 1);

  std::vector<forwarding::PortRule> rules = world_rules();
  rules.insert(rules.begin(), rules.front());
  rules.front().name = "ssh";
  rules.front().ports = {{22, 22}};
  static_cast<void>(
      bench.data_plane().publish(World().rules(rules).bucket_count(256).foreign().snapshot()));
  bench.wait_until([&] { return bench.data_plane().report().rules.at(1).flows == 1; });
  bench.wait_until([&] { return bench.data_plane().census().residual.count() == 1; });
  CHECK(bench.data_plane().census().flows == 1);
}

namespace {

/// The interface of a backend is set up, carries frames both ways, and vanishes.
void check_kernel_end(localstack::Kind kind) {
  const localstack::Settings settings{kind, "covey0"};
  const Pool pool = make_pool("test", 8191);
  {
    auto stack = localstack::open(settings, world_interface(), 1, pool.get());
    INFO((stack ? std::string() : stack.error().context));
    REQUIRE(stack.has_value());
    check_setup();
    check_traffic(**stack, pool.get());

    const auto second = localstack::open(settings, world_interface(), 1, pool.get());
    REQUIRE_FALSE(second.has_value());
    CHECK(second.error().context.find("covey0") != std::string::npos);
  }
  CHECK_FALSE(localstack::read_link("covey0").has_value());
  localstack::Interface jumbo = world_interface();
  jumbo.mtu = 9000;
  const auto too_long = localstack::open(settings, jumbo, 1, pool.get());
  REQUIRE_FALSE(too_long.has_value());
  CHECK(too_long.error().context.find("9000") != std::string::npos);
}

}  // namespace

TEST_CASE("the TAP is set up, carries frames both ways, and vanishes", "[tap]") {
  if (!may_make_a_stack()) return;
  const auto eal = start_eal();
  check_kernel_end(localstack::Kind::tap);
}

TEST_CASE("so does the interface of vhost-net", "[vhost-net]") {
  if (::access("/dev/vhost-net", R_OK | W_OK) != 0) {
    WARN("skipped: needs /dev/vhost-net (modprobe vhost_net)");
    return;
  }
  if (!may_make_a_stack()) return;
  const auto eal = start_eal();
  check_kernel_end(localstack::Kind::virtio_user);
}

TEST_CASE("an interface is blocked for the kernel by one, as long as that one lives", "[block]") {
  if (!may_make_a_stack()) return;
  const auto eal = start_eal();
  const Pool pool = make_pool("test", 1023);
  const auto stack =
      localstack::open({localstack::Kind::tap, "covey0"}, world_interface(), 1, pool.get());
  REQUIRE(stack.has_value());
  {
    const auto block = localstack::IngressBlock::create("covey0");
    REQUIRE(block.has_value());
    const auto again = localstack::IngressBlock::create("covey0");
    REQUIRE_FALSE(again.has_value());
    CHECK(again.error().context.find("covey_covey0") != std::string::npos);
  }
  CHECK(localstack::IngressBlock::create("covey0").has_value());  // gone with its owner
}
