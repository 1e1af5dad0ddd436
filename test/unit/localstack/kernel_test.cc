// SPDX-License-Identifier: BSD-3-Clause
// Questions to the kernel that need no privilege; test/dpdk makes and changes interfaces.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>

#include "localstack/connections.h"
#include "localstack/ingress_block.h"
#include "localstack/local_stack.h"
#include "localstack/netlink.h"
#include "localstack/sysctl.h"

using namespace covey;

TEST_CASE("the state of the loopback interface can be read") {
  const auto state = localstack::read_link("lo");
  REQUIRE(state.has_value());
  CHECK(state->mtu >= 1280);
  CHECK_FALSE(state->promiscuous);
}

TEST_CASE("a missing interface is named in every error") {
  const std::string name = "no-such-if0";
  const auto state = localstack::read_link(name);
  REQUIRE_FALSE(state.has_value());
  CHECK(state.error().code == base::ErrorCode::not_found);
  CHECK(state.error().context.find(name) != std::string::npos);
  localstack::LinkChange up;
  up.up = true;
  CHECK_FALSE(localstack::change_link(name, up).has_value());
  CHECK_FALSE(localstack::list_addresses(name).has_value());
  CHECK_FALSE(localstack::add_address(name, *base::IpPrefix::parse("10.0.0.1/24")).has_value());
}

TEST_CASE("an interface name too long for the kernel is not found rather than cut") {
  CHECK_FALSE(localstack::read_link("interface-with-a-name-too-long").has_value());
  CHECK_FALSE(localstack::read_link("").has_value());
}

TEST_CASE("a switch that this kernel does not have is not found") {
  const auto done = localstack::set_sysctl("ipv4/conf/no-such-if0/rp_filter", "2");
  REQUIRE_FALSE(done.has_value());
  CHECK(done.error().code == base::ErrorCode::not_found);
}

TEST_CASE("the table that blocks an interface has a name nftables accepts") {
  CHECK(localstack::ingress_table_name("eth0") == "covey_eth0");
  CHECK(localstack::ingress_table_name("enp3s0-a.5") == "covey_enp3s0_a_5");
  CHECK(localstack::ingress_table_name("") == "covey_");
}

TEST_CASE("a missing vhost-net is named, with what to do about it") {
  if (::access("/dev/vhost-net", F_OK) == 0) {
    WARN("skipped: this machine has /dev/vhost-net");
    return;
  }
  const auto opened = localstack::open({localstack::Kind::virtio_user, "covey0"}, {}, 1, nullptr);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == base::ErrorCode::not_found);
  CHECK(opened.error().context ==
        "ports.local.kind virtio_user: open /dev/vhost-net (modprobe vhost_net, or use kind: tap): "
        "No such file or directory");
}

namespace {

/// Two connected TCP sockets over the loopback interface; the server's end is of IPv6.
class Connection {
 public:
  Connection() {
    sockaddr_in6 any{};
    any.sin6_family = AF_INET6;
    REQUIRE(::bind(listener_, reinterpret_cast<const sockaddr*>(&any), sizeof(any)) == 0);
    REQUIRE(::listen(listener_, 1) == 0);
    server_port = port_of(listener_);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    to.sin_port = htons(server_port);
    REQUIRE(::connect(client_, reinterpret_cast<const sockaddr*>(&to), sizeof(to)) == 0);
    client_port = port_of(client_);
    accepted_ = ::accept(listener_, nullptr, nullptr);
    REQUIRE(accepted_ >= 0);
  }
  ~Connection() {
    for (const int socket : {listener_, client_, accepted_})
      ::close(socket);
  }
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;

  std::uint16_t server_port = 0;
  std::uint16_t client_port = 0;

 private:
  static std::uint16_t port_of(int socket) {
    sockaddr_in6 own{};
    socklen_t length = sizeof(own);
    REQUIRE(::getsockname(socket, reinterpret_cast<sockaddr*>(&own), &length) == 0);
    return ntohs(own.sin6_port);  // where an IPv4 address has it, too
  }
  int listener_ = ::socket(AF_INET6, SOCK_STREAM, 0);
  int client_ = ::socket(AF_INET, SOCK_STREAM, 0);
  int accepted_ = -1;
};

}  // namespace

TEST_CASE("connections of an address are listed as their clients see them, and no others") {
  const Connection connection;
  const std::array own = {*base::IpAddress::parse("127.0.0.1")};
  const auto listed = localstack::list_connections(own);
  REQUIRE(listed.has_value());
  packet::FlowKey wanted;
  wanted.source = wanted.destination = own[0].bytes;
  wanted.source_port = connection.client_port;
  wanted.destination_port = connection.server_port;
  wanted.protocol = 6;
  wanted.family = base::Family::ipv4;
  CHECK(std::ranges::count(*listed, wanted) == 1);
  CHECK(std::ranges::count(*listed, wanted.reversed()) == 1);  // the other end is here as well
  const std::array other = {*base::IpAddress::parse("192.0.2.1"),
                            *base::IpAddress::parse("2001:db8::1")};
  CHECK(localstack::list_connections(other)->empty());
}
