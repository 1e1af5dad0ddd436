// SPDX-License-Identifier: BSD-3-Clause
#include "control/api_server.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <optional>
#include <random>
#include <string>

#include "api_client.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

namespace {

const std::string kQuestion =
    get("/v1/explain?protocol=tcp&source=10.0.0.1&source_port=1&destination=10.0.0.2"
        "&destination_port=80");

}  // namespace

TEST_CASE("a status comes back as JSON over the socket and over TCP") {
  Server server;
  for (const std::string& reply :
       {server.ask(get("/v1/status")), Client(server.port).send(get("/v1/status")).read_all()}) {
    CHECK(has_status(reply, 200));
    CHECK(has(reply, "Content-Type: application/json\r\n"));
    CHECK(has(reply, R"("cluster":"fake")"));
  }
}

TEST_CASE("one connection serves several requests until the client closes it") {
  Server server;
  Client client(server.path);
  client.send("GET /healthz HTTP/1.1\r\nHost: covey\r\n\r\n");
  CHECK(has(client.read_until(R"({"status":"ok"})"), "HTTP/1.1 200"));
  client.send("GET /v1/config HTTP/1.1\r\nHost: covey\r\n\r\n");
  CHECK(has(client.read_until("yaml"), R"({"yaml":"version: 1\n"})"));
}

TEST_CASE("a command is taken from the socket and refused over TCP") {
  Server server;
  const std::string body = R"({"verb":"stop","target":"","value":"","timeout_ms":0,"host":""})";
  CHECK(has(server.ask(post("/v1/command", body)),
            R"({"ok":true,"text":"stop done","code":0,"hosts":[]})"));
  CHECK(has_status(Client(server.port).send(post("/v1/command", body)).read_all(), 403));
  CHECK(server.service.commands == 1);
}

TEST_CASE("a body larger than the limit is refused without being read") {
  Server server;
  CHECK(has_status(server.ask("POST /v1/command HTTP/1.1\r\nHost: c\r\nContent-Length: 99999999"
                              "\r\n\r\n"),
                   413));
  CHECK(has_status(server.ask(post("/v1/command", std::string(5000, 'x'))), 413));
  CHECK(server.service.commands == 0);
}

TEST_CASE("a header larger than the limit is refused") {
  Server server;
  CHECK(has_status(server.ask(get("/v1/status", "X: " + std::string(20000, 'x') + "\r\n")), 431));
  CHECK(has_status(server.ask("GET /" + std::string(20000, 'x')), 431));
}

TEST_CASE("what is not HTTP is answered with 400 or closed, and the server lives on") {
  Server server;
  const auto seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937 chance(seed);
  CHECK(has_status(server.ask("hello\r\n\r\n"), 400));
  CHECK(has_status(server.ask("GET /\r\n\r\n"), 400));
  CHECK(has_status(server.ask("GET / HTTP/1.1\r\nbroken header\r\n\r\n"), 400));
  CHECK(has_status(server.ask("POST /v1/command HTTP/1.1\r\nContent-Length: -1\r\n\r\n"), 400));
  CHECK(server.ask("GET /v1/sta").empty());
  CHECK(server.ask("").empty());
  for (int round = 0; round < 50; ++round) {
    std::string junk;
    for (auto length = chance() % 3000; length > 0; --length) {
      junk.push_back(static_cast<char>(chance() & 0xffU));
    }
    const std::string reply = server.ask(junk);
    CHECK((reply.empty() || has_status(reply, 400) || has_status(reply, 431)));
  }
  CHECK(has_status(server.ask(get("/healthz")), 200));
}

TEST_CASE("an answer to HEAD has no body") {
  Server server;
  const std::string reply = server.ask("HEAD /healthz HTTP/1.1\r\nHost: c\r\n\r\n");
  CHECK(has_status(reply, 405));
  CHECK(reply.ends_with("\r\n\r\n"));
}

TEST_CASE("a silent connection is closed after the idle time") {
  ApiLimits limits;
  limits.idle = std::chrono::milliseconds(20);
  Server server(limits);
  Client client(server.path);
  CHECK(client.read_all().empty());
}

TEST_CASE("a connection too many is told so, and there is room again afterwards") {
  ApiLimits limits;
  limits.connections = 2;
  Server server(limits);
  {
    Client first(server.path);
    Client second(server.path);
    // An answer proves that the server has taken the connection.
    const std::string request = "GET /healthz HTTP/1.1\r\nHost: covey\r\n\r\n";
    CHECK(has(first.send(request).read_until("ok"), "HTTP/1.1 200"));
    CHECK(has(second.send(request).read_until("ok"), "HTTP/1.1 200"));
    CHECK(has_status(Client(server.path).send(request).read_all(), 503));
    CHECK(has_status(Client(server.port).send(get("/healthz")).read_all(), 200));
  }
  REQUIRE(comes_true([&] { return has_status(server.ask(get("/healthz")), 200); }));
}

TEST_CASE("an answer that comes later is waited for, one that never comes is a 504") {
  ApiLimits limits;
  limits.answer = std::chrono::milliseconds(50);
  Server server(limits);
  const std::string question =
      get("/v1/explain?protocol=tcp&source=10.0.0.1&source_port=1&destination=10.0.0.2"
          "&destination_port=80");
  CHECK(has_status(server.ask(kQuestion), 504));
  server.service.answers = true;
  const std::string reply = server.ask(kQuestion);
  CHECK(has_status(reply, 200));
  CHECK(has(reply, R"("verdict":"deliver_owned")"));
}

TEST_CASE("a trace is waited for longer than other answers") {
  ApiLimits limits;
  limits.answer = std::chrono::milliseconds(1);
  Server server(limits);
  Client client(server.path);
  client.send(get("/v1/trace?count=5&timeout_ms=60000"));
  const std::string question =
      get("/v1/explain?protocol=tcp&source=10.0.0.1&source_port=1&destination=10.0.0.2"
          "&destination_port=80");
  REQUIRE(comes_true([&] { return has_status(server.ask(question), 504); }));
  server.on_thread([&server] {
    REQUIRE(server.service.trace_done);
    server.service.trace_done(api::TraceReply{1, "count", 99, {}});
  });
  CHECK(has(client.read_until("}"), R"("seen":99)"));
}

TEST_CASE("an event stream sends what happens, with comments in between") {
  ApiLimits limits;
  limits.comment = std::chrono::milliseconds(10);
  Server server(limits);
  Client client(server.path);
  client.send(get("/v1/events?since=0", "Accept: text/event-stream\r\n"));
  CHECK(has(client.read_until(":\n\n"), "Content-Type: text/event-stream\r\n"));
  server.on_thread([&server] {
    server.service.events().add(LogLevel::info, {0, "t", "host_joined", 2, "host 2 joined"});
  });
  const std::string reply = client.read_until("event: host_joined\n");
  CHECK(has(reply, "id: 1\nevent: host_joined\n"));
}

TEST_CASE("a reader that comes back gets what it missed, and only that") {
  Server server;
  server.on_thread([&server] {
    for (int count = 0; count < 5; ++count)
      server.service.events().add(LogLevel::info, {0, "t", "converged", 1, ""});
  });
  Client client(server.path);
  client.send(get("/v1/events?since=0", "Accept: text/event-stream\r\nLast-Event-ID: 3\r\n"));
  const std::string reply = client.read_until("id: 5\n");
  CHECK(has(reply, "id: 4\n"));
  CHECK_FALSE(has(reply, "id: 3\n"));
}

TEST_CASE("a follower too many is told so; who hangs up makes room at once") {
  ApiLimits limits;
  limits.followers = 1;
  limits.comment = limits.idle = 2 * kDeadline;
  Server server(limits);
  const std::string follow = get("/v1/events", "Accept: text/event-stream\r\n");
  {
    Client first(server.path);
    CHECK(has(first.send(follow).read_until("\r\n\r\n"), "HTTP/1.1 200"));
    const std::string refused = Client(server.path).send(follow).read_all();
    CHECK(has_status(refused, 503));
    CHECK(has(refused, R"({"error":"too many followers of events, at most 1"})"));
    CHECK(has_status(server.ask(get("/v1/events")), 200));
    Client elsewhere(server.port);
    CHECK(has(elsewhere.send(follow).read_until("\r\n\r\n"), "HTTP/1.1 200"));
  }
  REQUIRE(comes_true([&] {
    return has(Client(server.path).send(follow).read_until("\r\n\r\n"), "HTTP/1.1 200");
  }));
}

TEST_CASE("a follower that reads nothing is dropped, and others are served meanwhile") {
  ApiLimits limits;
  limits.idle = std::chrono::milliseconds(50);
  Server server(limits);
  Client slow(server.path);
  slow.send(get("/v1/events?since=0", "Accept: text/event-stream\r\n"));
  CHECK(has(slow.read_until("\r\n\r\n"), "HTTP/1.1 200"));
  // Far more than the socket holds, in pieces of a whole ring.
  const std::string detail(10'000, 'x');
  constexpr std::size_t rounds = 20;
  for (std::size_t round = 0; round < rounds; ++round) {
    server.wait_for_thread([&] {
      for (std::size_t count = 0; count < EventLog::kKept; ++count)
        server.service.events().add(LogLevel::debug, {0, "t", "converged", 1, detail});
    });
    CHECK(has_status(server.ask(get("/healthz")), 200));
  }
  REQUIRE(comes_true([&] {
    std::size_t listeners = 1;
    server.wait_for_thread([&] { listeners = server.service.events().listeners(); });
    return listeners == 0;
  }));
  CHECK_FALSE(has(slow.read_all(), "id: " + std::to_string(rounds * EventLog::kKept) + "\n"));
}

TEST_CASE("events of before are an array, and since cuts it") {
  Server server;
  server.on_thread([&server] {
    for (int count = 0; count < 300; ++count) {
      server.service.events().add(LogLevel::info, {0, "t", "converged", 1, ""});
    }
  });
  const std::string reply = server.ask(get("/v1/events?since=298"));
  CHECK(has(reply, R"([{"id":299,)"));
  CHECK(has(reply, R"({"id":300,)"));
  const auto all = api::decode<std::vector<api::EventRow>>([](const std::string& text) {
    return text.substr(text.find("\r\n\r\n") + 4);
  }(server.ask(get("/v1/events"))));
  REQUIRE(all.has_value());
  CHECK(all->size() == EventLog::kKept);
}

TEST_CASE("closing ends connections at once, whatever they wait for") {
  std::optional<Client> stream;
  std::optional<Client> idle;
  std::optional<Client> asking;
  std::chrono::steady_clock::time_point closing;
  {
    ApiLimits limits;
    limits.answer = limits.comment = limits.idle = 2 * kDeadline;
    Server server(limits);
    stream.emplace(server.path);
    stream->send(get("/v1/events", "Accept: text/event-stream\r\n"));
    CHECK(has(stream->read_until("\r\n\r\n"), "200"));
    asking.emplace(server.path);
    asking->send(kQuestion);
    idle.emplace(server.path);
    idle->send("GET /healthz HTTP/1.1\r\nHost: covey\r\n\r\n");
    CHECK(has(idle->read_until("ok"), "200"));
    closing = std::chrono::steady_clock::now();
  }
  CHECK(std::chrono::steady_clock::now() - closing < kDeadline);
  CHECK(has(stream->read_all(), "text/event-stream"));
  CHECK(asking->read_all().empty());
}

TEST_CASE("two servers cannot share an address, and the first is not disturbed") {
  Server server;
  boost::asio::io_context io;
  ApiLoad load;
  ApiServer second(io, server.service, load);
  Settings settings;
  settings.socket = server.path;
  settings.http.reset();
  const auto opened = second.open(settings);
  REQUIRE_FALSE(opened.has_value());
  CHECK(has(opened.error().context, "another daemon listens on"));
  settings.socket = server.path + "2";
  settings.http = HttpEndpoint{"127.0.0.1", server.port};
  CHECK_FALSE(second.open(settings).has_value());
  CHECK(::access(settings.socket.c_str(), F_OK) != 0);
  CHECK(has_status(server.ask(get("/healthz")), 200));
}

TEST_CASE("a capture is streamed until there are as many packets as were wanted") {
  Server server;
  const std::string reply = Client(server.path).send(get("/v1/capture?count=3")).read_all();
  CHECK(has_status(reply, 200));
  CHECK(reply.ends_with("\r\n\r\nhead 1 2 3 tail"));
}

TEST_CASE("a capture ends well when its reader has closed its half of the connection") {
  Server server;
  Client client(server.path);
  client.send(get("/v1/capture"));
  client.read_until("head 1 2 ");
  const std::string reply = client.end().read_all();
  CHECK(reply.ends_with(" tail"));
}

TEST_CASE("a capture that is refused, or asked for over TCP, is answered with an error") {
  Server server;
  CHECK(has_status(server.ask(get("/v1/capture?filter=0006000000000000")), 400));
  CHECK(has_status(server.ask(get("/v1/capture?count=0")), 400));
  CHECK(has_status(server.ask(post("/v1/capture", "")), 405));
  CHECK(has_status(Client(server.port).send(get("/v1/capture?count=3")).end().read_all(), 403));
}
