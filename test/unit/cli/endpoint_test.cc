// SPDX-License-Identifier: BSD-3-Clause
#include "cli/endpoint.h"

#include <catch2/catch.hpp>

#include "forwarding/policy.h"

namespace covey::cli {
namespace {

base::IpAddress ip(std::string_view text) {
  return base::IpAddress::parse(text).value();
}

}  // namespace

TEST_CASE("an end point is an address and a port, IPv6 in brackets") {
  CHECK(parse_endpoint("10.77.0.50:80").value() == Endpoint{ip("10.77.0.50"), 80});
  CHECK(parse_endpoint("[2001:db8::50]:65535").value() == Endpoint{ip("2001:db8::50"), 65535});
  CHECK(parse_endpoint("0.0.0.0:0").value() == Endpoint{ip("0.0.0.0"), 0});
}

TEST_CASE("what is no end point is refused") {
  for (const std::string_view wrong :
       {"", ":", "80", "10.77.0.50", "10.77.0.50:", "10.77.0.50:65536", "10.77.0.50:-1",
        "10.77.0.50:80x", "10.77.0.50: 80", "host:80", "2001:db8::50:80", "[2001:db8::50]",
        "[2001:db8::50]80", "[10.77.0.50]:80", "[]:80", "[2001:db8::50:80", "10.77.0.50:80:90"}) {
    CAPTURE(wrong);
    const auto endpoint = parse_endpoint(wrong);
    REQUIRE_FALSE(endpoint.has_value());
    CHECK(endpoint.error().code == base::ErrorCode::invalid_argument);
  }
}

TEST_CASE("a port may stand alone or behind a virtual IP") {
  CHECK(parse_port_target("80").value() == PortTarget{std::nullopt, 80});
  CHECK(parse_port_target("10.77.0.50:80").value() == PortTarget{ip("10.77.0.50"), 80});
  CHECK(parse_port_target("[::1]:80").value() == PortTarget{ip("::1"), 80});
  for (const std::string_view wrong : {"", "http", "65536", "-1", "80,443", "a:80", "all"}) {
    CAPTURE(wrong);
    CHECK_FALSE(parse_port_target(wrong).has_value());
  }
}

TEST_CASE("a port list covers what it names") {
  CHECK(covers("80,443,8000-8100", 80));
  CHECK(covers("80,443,8000-8100", 443));
  CHECK(covers("80,443,8000-8100", 8050));
  CHECK(covers("all", 1));
  CHECK_FALSE(covers("80,443,8000-8100", 8101));
  CHECK_FALSE(covers("80", 8));
  CHECK_FALSE(covers("", 0));
  CHECK_FALSE(covers("x,-,1-", 1));
}

TEST_CASE("cluster MACs are those of the data plane") {
  for (const std::string_view text : {"10.77.0.50", "192.0.2.255", "2001:db8:77::50", "fe80::1"}) {
    const ClusterMacs macs = cluster_macs(ip(text));
    using forwarding::ClusterMode;
    CHECK(macs.unicast == forwarding::cluster_mac(ClusterMode::unicast, ip(text)));
    CHECK(macs.multicast == forwarding::cluster_mac(ClusterMode::multicast, ip(text)));
    CHECK(macs.igmp == forwarding::cluster_mac(ClusterMode::igmp, ip(text)));
  }
}

TEST_CASE("virtual IPs are found in the effective configuration") {
  const auto found =
      virtual_ips_in("cluster:\n  virtual_ips: [\"10.77.0.50/24\", \"2001:db8::50/64\"]\n");
  CHECK(found == std::vector<base::IpAddress>{ip("10.77.0.50"), ip("2001:db8::50")});
  CHECK(virtual_ips_in("").empty());
  CHECK(virtual_ips_in("virtual_ips: [").empty());
  CHECK(virtual_ips_in("virtual_ips: [\"x\", ,]").empty());
}

}  // namespace covey::cli
