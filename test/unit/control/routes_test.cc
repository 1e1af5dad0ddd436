// SPDX-License-Identifier: BSD-3-Clause
#include "control/routes.h"

#include <catch2/catch.hpp>
#include <optional>

#include "fake_service.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

namespace {

Reply ask(FakeService& service, const Request& request) {
  std::optional<Reply> got;
  route(service, request, [&got](Reply reply) {
    REQUIRE_FALSE(got.has_value());
    got = std::move(reply);
  });
  REQUIRE(got.has_value());
  return *got;
}

Reply get(const std::string& target) {
  FakeService service;
  service.answers = true;
  return ask(service, {"GET", target, "", "", false});
}

Reply command(const std::string& body) {
  FakeService service;
  return ask(service, {"POST", "/v1/command", body, "", true});
}

std::string error_in(const Reply& reply) {
  const auto error = api::decode<api::ErrorReply>(reply.body);
  REQUIRE(error.has_value());
  return error->error;
}

}  // namespace

TEST_CASE("every documented path answers") {
  for (const char* path :
       {"/v1/status", "/v1/rules", "/v1/health", "/v1/buckets", "/v1/buckets?rule=web", "/v1/flows",
        "/v1/flows?limit=3", "/v1/stats", "/v1/history", "/v1/events", "/v1/config", "/metrics",
        "/healthz", "/v1/keys",
        "/v1/explain?protocol=udp&source=10.0.0.1&source_port=1&destination=10.0.0.2"
        "&destination_port=53"}) {
    INFO(path);
    CHECK(get(path).status == 200);
  }
}

TEST_CASE("a path that is not there, or nearly, is 404") {
  for (const char* path : {"", "/", "/v1", "/v1/status/", "/v1/Status", "//v1/status",
                           "/v1/status%20", "http://x/v1/status", "*"}) {
    INFO(path);
    CHECK(get(path).status == 404);
  }
}

TEST_CASE("a wrong method is 405 and names the right one") {
  FakeService service;
  const Reply posted = ask(service, {"POST", "/v1/status", "", "", true});
  CHECK(posted.status == 405);
  CHECK(posted.allow == "GET");
  const Reply got = ask(service, {"GET", "/v1/command", "", "", true});
  CHECK(got.status == 405);
  CHECK(got.allow == "POST");
  CHECK(ask(service, {"DELETE", "/v1/keys", "", "", true}).allow == "GET, POST");
  CHECK(ask(service, {"DELETE", "/v1/rules", "", "", true}).status == 405);
  CHECK(ask(service, {"", "/v1/rules", "", "", true}).status == 405);
}

TEST_CASE("parameters that a path does not take, or that are no numbers, are 400") {
  for (const char* path :
       {"/v1/status?verbose=1", "/v1/status?=1", "/v1/status?=", "/v1/buckets?=web",
        "/v1/buckets?bucket=1", "/v1/buckets?rule=a&rule=b",
        "/v1/flows?limit=", "/v1/flows?limit=-1", "/v1/flows?limit=ten", "/v1/flows?limit=10001",
        "/v1/flows?limit=99999999999999999999", "/v1/flows?bucket=65536", "/v1/flows?bucket=web",
        "/v1/flows?flow=1", "/v1/events?since=now", "/v1/status?%zz", "/v1/explain",
        "/v1/explain?protocol=tcp"}) {
    INFO(path);
    const Reply reply = get(path);
    CHECK(reply.status == 400);
    CHECK_FALSE(error_in(reply).empty());
  }
}

TEST_CASE("a rule that is not there is 404") {
  CHECK(get("/v1/buckets?rule=nothing").status == 404);
  CHECK(get("/v1/flows?rule=nothing").status == 404);
}

TEST_CASE("flows of one bucket of a rule can be asked for") {
  const auto rows =
      api::decode<std::vector<api::FlowRow>>(get("/v1/flows?bucket=7&rule=web&limit=50").body);
  REQUIRE(rows.has_value());
  CHECK(rows->size() == 2);
}

TEST_CASE("a GET with a body is refused") {
  FakeService service;
  CHECK(ask(service, {"GET", "/v1/status", "{}", "", true}).status == 400);
}

TEST_CASE("the metrics say what they are") {
  const Reply reply = get("/metrics");
  CHECK(reply.content_type == telemetry::kOpenMetricsContentType);
  CHECK(reply.body.ends_with("# EOF\n"));
}

TEST_CASE("health is 503 with the reason while the host does not take its part") {
  FakeService service;
  service.in_trouble = true;
  const Reply reply = ask(service, {"GET", "/healthz", "", "", false});
  CHECK(reply.status == 503);
  CHECK(error_in(reply) == "joining: hears nobody yet");
}

TEST_CASE("a refused command is 409, a wrong one 400, both with their reply") {
  const Reply refused =
      command(R"({"verb":"refuse","target":"","value":"","timeout_ms":0,"host":""})");
  CHECK(refused.status == 409);
  CHECK(api::decode<api::CommandReply>(refused.body)->code == 5);
  CHECK(command(R"({"verb":"nonsense","target":"","value":"","timeout_ms":0,"host":""})").status ==
        400);
  CHECK(command(R"({"verb":"lose","target":"","value":"","timeout_ms":0,"host":"2"})").status ==
        504);
}

TEST_CASE("a command that is not JSON or lacks a key is 400") {
  for (const char* body :
       {"", "{", "null", "[]", "{}", R"({"verb":5})", R"({"verb":"stop","target":"","value":""})",
        R"({"verb":"start","verb":"stop","target":"","value":"","timeout_ms":0,"host":""})"}) {
    INFO(body);
    CHECK(command(body).status == 400);
  }
}

TEST_CASE("an order that says it is something else than JSON is 415 and not obeyed") {
  FakeService service;
  Request request{"POST", "/v1/command", "", "", true};
  request.body = R"({"verb":"stop","target":"","value":"","timeout_ms":0,"host":""})";
  for (const char* kind : {"text/plain", "application/jsonx", "json", " application/json",
                           "application/x-www-form-urlencoded", ";", "application/json/"}) {
    request.content_type = kind;
    const Reply refused = ask(service, request);
    CHECK(refused.status == 415);
    CHECK(error_in(refused).starts_with("Content-Type: "));
  }
  CHECK(service.commands == 0);
  for (const char* kind : {"", "application/json", "Application/JSON; charset=utf-8"}) {
    request.content_type = kind;
    CHECK(ask(service, request).status == 200);
  }
  request.target = "/v1/keys";
  request.content_type = "text/plain";
  CHECK(ask(service, request).status == 415);
}

TEST_CASE("a trace is taken from the UNIX socket only, and what is wanted is checked") {
  FakeService service;
  service.answers = true;
  CHECK(ask(service, {"GET", "/v1/trace", "", "", false}).status == 403);
  const Reply reply = ask(service, {"GET", "/v1/trace?count=3&host=10.0.0.1", "", "", true});
  CHECK(reply.status == 200);
  CHECK(api::decode<api::TraceReply>(reply.body)->seen == 3);
  for (const char* path :
       {"/v1/trace?count=0", "/v1/trace?count=10001", "/v1/trace?timeout_ms=60001",
        "/v1/trace?host=web1", "/v1/trace?colour=blue", "/v1/trace?verdict=nonsense"}) {
    INFO(path);
    const Reply refused = ask(service, {"GET", path, "", "", true});
    CHECK(refused.status == 400);
    CHECK_FALSE(error_in(refused).empty());
  }
}

TEST_CASE("a trace may take as long as it says, and nothing else may") {
  const auto patience_of = [](const std::string& target) {
    return patience({"GET", target, "", "", true});
  };
  CHECK(patience_of("/v1/trace") == std::chrono::seconds(10));
  CHECK(patience_of("/v1/trace?timeout_ms=1234") == std::chrono::milliseconds(1234));
  CHECK(patience_of("/v1/trace?timeout_ms=60001") == base::Duration::zero());
  CHECK(patience_of("/v1/flows?timeout_ms=1234") == base::Duration::zero());
}

TEST_CASE("keys are changed over the UNIX socket only") {
  FakeService service;
  const std::string body = R"({"verb":"generate","text":"","id":0,"force":false})";
  CHECK(ask(service, {"POST", "/v1/keys", body, "", true}).status == 200);
  CHECK(ask(service, {"POST", "/v1/keys", body, "", false}).status == 403);
  CHECK(ask(service, {"POST", "/v1/keys", "{}", "", true}).status == 400);
  const std::string forced = R"({"verb":"retire","text":"","id":0,"force":true})";
  CHECK(ask(service, {"POST", "/v1/keys", forced, "", true}).status == 409);
}

TEST_CASE("a reload is asked for over the UNIX socket only, and a bad file is 422") {
  FakeService service;
  CHECK(ask(service, {"POST", "/v1/reload", "", "", false}).status == 403);
  CHECK(ask(service, {"POST", "/v1/reload", "", "", true}).status == 200);
  CHECK(ask(service, {"POST", "/v1/reload", "{}", "", true}).status == 400);
  service.reloaded = {false, "the file has mistakes", 3, {}, {"f:1:1: version: 2"}};
  const Reply refused = ask(service, {"POST", "/v1/reload", "", "", true});
  CHECK(refused.status == 422);
  CHECK(api::decode<api::ReloadReply>(refused.body)->mistakes.size() == 1);
  service.reloaded.code = 5;
  CHECK(ask(service, {"POST", "/v1/reload", "", "", true}).status == 409);
}

TEST_CASE("an event stream is recognised by its Accept header") {
  const Request stream{"GET", "/v1/events", "", "text/event-stream", true};
  CHECK(wants_event_stream(stream, 7) == 7U);
  Request since = stream;
  since.target = "/v1/events?since=3";
  CHECK(wants_event_stream(since, 7) == 3U);
  Request plain = stream;
  plain.accept = "*/*";
  CHECK_FALSE(wants_event_stream(plain, 7).has_value());
  Request broken = stream;
  for (const char* target : {"/v1/events?since=x", "/v1/events?limit=3"}) {
    broken.target = target;
    CHECK_FALSE(wants_event_stream(broken, 7).has_value());
  }
}

TEST_CASE("a stream resumes behind the last event its reader has seen") {
  Request back{"GET", "/v1/events?since=3", "", "text/event-stream", true, "5"};
  CHECK(wants_event_stream(back, 7) == 5U);
  back.last_event_id = "7";
  CHECK(wants_event_stream(back, 7) == 7U);
  back.last_event_id = "8";
  CHECK(wants_event_stream(back, 7) == 0U);
  FakeService service;
  for (const char* broken : {"x", "-1", "5 ", "99999999999999999999"}) {
    back.last_event_id = broken;
    CHECK_FALSE(wants_event_stream(back, 7).has_value());
    const Reply refused = ask(service, back);
    CHECK(refused.status == 400);
    CHECK(error_in(refused) == "Last-Event-ID: not a number");
  }
}

TEST_CASE("an event is one frame whatever its text holds") {
  const std::string frame = event_frame({5, "t", "host_refused", 2, "a\n\ndata: forged"});
  CHECK(frame ==
        "id: 5\nevent: host_refused\n"
        R"(data: {"id":5,"time":"t","event":"host_refused","host":2,"detail":"a\n\ndata: forged"})"
        "\n\n");
}
