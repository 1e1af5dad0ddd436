// SPDX-License-Identifier: BSD-3-Clause
#include <fmt/format.h>

#include <catch2/catch.hpp>

#include "api/messages.h"

namespace api = covey::api;
using covey::base::IpAddress;

namespace {

const std::string kGood =
    "protocol=tcp&source=10.77.0.100&source_port=40000&destination=10.77.0.50&destination_port=80";

std::string problem(const std::string& query) {
  const auto request = api::explain_request_from_query(query);
  REQUIRE_FALSE(request.has_value());
  return request.error().context;
}

}  // namespace

TEST_CASE("a question survives the way to a query and back") {
  api::ExplainRequest request;
  request.protocol = 17;
  request.source = *IpAddress::parse("2001:db8::1");
  request.source_port = 65535;
  request.destination = *IpAddress::parse("2001:db8:77::50");
  request.destination_port = 53;
  request.tcp_flags = 0x12;
  request.without = "web 2";
  const auto back = api::explain_request_from_query(api::to_query(request));
  REQUIRE(back.has_value());
  CHECK(*back == request);
}

TEST_CASE("which flows are wanted survives the way to a query and back") {
  const api::FlowsRequest all{10'000, 65'535, "web & more"};
  CHECK(api::flows_request_from_query(api::to_query(all)) == all);
  CHECK(api::flows_request_from_query(api::to_query(api::FlowsRequest{})) == api::FlowsRequest{});
  CHECK(api::flows_request_from_query("limit=0")->limit == 0);
  for (const char* query : {"limit=10001", "bucket=65536", "bucket=", "bucket=-1", "flow=1"}) {
    INFO(query);
    CHECK_FALSE(api::flows_request_from_query(query).has_value());
  }
}

TEST_CASE("what would happen without a host is said in one sentence") {
  api::ExplainReply reply;
  const auto reason = [&](bool is_member, std::optional<unsigned> owner) {
    return api::absence_of(3, is_member, reply, owner).reason;
  };
  CHECK(reason(true, 1) == "nothing would change: no bucket is asked for such a packet");
  reply.bucket = 7;
  reply.owner = 3;
  CHECK(reason(true, 1) == "host 1 would take the bucket over from host 3");
  CHECK(reason(true, std::nullopt) == "nobody would own the bucket");
  CHECK(reason(false, 3) == "nothing would change: host 3 takes no part at present");
  reply.owner = 2;
  CHECK(reason(true, 2) == "nothing would change: it stays with host 2");
  reply.owner.reset();
  CHECK(reason(true, 2) == "host 2 would take the bucket over from nobody");
}

TEST_CASE("what a trace shall show survives the way to a query and back") {
  const api::TraceRequest all{10'000, 60'000, "drop_not_owner", *IpAddress::parse("2001:db8::1")};
  CHECK(api::trace_request_from_query(api::to_query(all)) == all);
  CHECK(api::trace_request_from_query(api::to_query(api::TraceRequest{})) == api::TraceRequest{});
  CHECK(api::trace_request_from_query("") == api::TraceRequest{});
}

TEST_CASE("a trace with an unknown, doubled or wrong parameter is refused by name") {
  const auto problem_of = [](const std::string& query) {
    const auto request = api::trace_request_from_query(query);
    REQUIRE_FALSE(request.has_value());
    return request.error().context;
  };
  CHECK(problem_of("count=0") == "count: not a number of 1..10000");
  CHECK(problem_of("count=10001") == "count: not a number of 1..10000");
  CHECK(problem_of("count=-1") == "count: not a number of 1..10000");
  CHECK(problem_of("count=") == "count: not a number of 1..10000");
  CHECK(problem_of("timeout_ms=60001") == "timeout_ms: not a number of 1..60000");
  CHECK(problem_of("timeout_ms=1s") == "timeout_ms: not a number of 1..60000");
  CHECK(problem_of("host=web1").starts_with("host: "));
  CHECK(problem_of("count=1&count=2") == "parameter twice: count");
  CHECK(problem_of("colour=blue") == "unknown parameter colour");
}

TEST_CASE("a question without flags is about a SYN") {
  const auto request = api::explain_request_from_query(kGood);
  REQUIRE(request.has_value());
  CHECK(request->protocol == 6);
  CHECK(request->tcp_flags == 0x02);
  CHECK(request->source == *IpAddress::parse("10.77.0.100"));
  CHECK(request->destination_port == 80);
}

TEST_CASE("a question with a missing, unknown, doubled or wrong parameter is refused by name") {
  CHECK(problem("") == "missing parameter protocol");
  CHECK(problem(kGood.substr(0, kGood.rfind('&'))) == "missing parameter destination_port");
  CHECK(problem(kGood + "&colour=blue") == "unknown parameter colour");
  CHECK(problem(kGood + "&protocol=udp") == "parameter twice: protocol");
  CHECK(problem(kGood + "&flags=sin").starts_with("flags: not a TCP flag: \"sin\""));
  CHECK(problem("protocol=icmp").starts_with("protocol: not one of"));
  CHECK(problem("source_port=65536") == "source_port: not a port (allowed: 0..65535)");
  CHECK(problem("source_port=-1") == "source_port: not a port (allowed: 0..65535)");
  CHECK(problem("source_port=") == "source_port: not a port (allowed: 0..65535)");
  CHECK(problem("source=10.0.0").starts_with("source: "));
  CHECK(problem("protocol=tcp&source=10.77.0.1&source_port=1&destination=2001:db8::1"
                "&destination_port=80") == "source and destination: one is IPv4, one is IPv6");
}

TEST_CASE("percent escapes are resolved, broken ones refused") {
  const auto parameters = api::parse_query("rule=we%20b%26&x&y=&z=a%3Db");
  REQUIRE(parameters.has_value());
  CHECK(*parameters == std::vector<std::pair<std::string, std::string>>{
                           {"rule", "we b&"}, {"x", ""}, {"y", ""}, {"z", "a=b"}});
  for (const char* broken : {"a=%", "a=%4", "a=%zz", "%-1=b", "a=%+1"}) {
    CHECK_FALSE(api::parse_query(broken).has_value());
  }
}

TEST_CASE("a query of endless parameters is refused") {
  std::string query;
  for (int at = 0; at < 1000; ++at)
    query += fmt::format("p{}=1&", at);
  const auto parameters = api::parse_query(query);
  REQUIRE_FALSE(parameters.has_value());
  CHECK(parameters.error().context == "too many parameters");
}

TEST_CASE("any text survives percent encoding") {
  std::string all;
  for (int byte = 0; byte < 256; ++byte)
    all.push_back(static_cast<char>(byte));
  const auto parameters = api::parse_query("v=" + api::percent_encode(all));
  REQUIRE(parameters.has_value());
  CHECK(parameters->front().second == all);
}

TEST_CASE("flags have names in wire order") {
  CHECK(api::tcp_flags_to_text(0) == "none");
  CHECK(api::tcp_flags_to_text(0x12) == "syn,ack");
  CHECK(*api::tcp_flags_from_text("ack,syn") == 0x12);
  CHECK(*api::tcp_flags_from_text("none") == 0);
  for (const char* wrong : {"", ",", "syn,", "syn,,ack", "none,syn", "SYN"}) {
    CHECK_FALSE(api::tcp_flags_from_text(wrong).has_value());
  }
}
