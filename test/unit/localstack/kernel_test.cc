// SPDX-License-Identifier: BSD-3-Clause
// Questions to the kernel that need no privilege; test/dpdk makes and changes interfaces.
#include <catch2/catch.hpp>

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

TEST_CASE("a local stack that is not built in says what to use instead") {
  localstack::Settings settings;
  settings.kind = localstack::Kind::virtio_user;
  const auto opened = localstack::open(settings, {}, 1, nullptr);
  REQUIRE_FALSE(opened.has_value());
  CHECK(opened.error().code == base::ErrorCode::unsupported);
  CHECK(opened.error().context.find("tap") != std::string::npos);
}
