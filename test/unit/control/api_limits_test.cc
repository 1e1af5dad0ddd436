// SPDX-License-Identifier: BSD-3-Clause
// What peers that are too many, too slow or too greedy may cost the API, and others nothing.
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <chrono>
#include <deque>
#include <string>
#include <thread>

#include "api_client.h"

using namespace covey;
using namespace covey::control;
using namespace covey::control::test;

namespace {

const std::string kHealthz = "GET /healthz HTTP/1.1\r\nHost: covey\r\n\r\n";
const std::string kFlows = "GET /v1/flows?limit=10000 HTTP/1.1\r\nHost: covey\r\n\r\n";

std::uint64_t refused(Server& server, Refusal what) {
  std::uint64_t count = 0;
  server.wait_for_thread([&] {
    const auto at = static_cast<std::size_t>(what);
    count = server.load.socket.refused[at] + server.load.tcp.refused[at];
  });
  return count;
}

/// Waits until `count` connections were given up by the server.
void wait_for_dropped(Server& server, std::uint64_t count) {
  REQUIRE(comes_true([&] {
    std::uint64_t dropped = 0;
    server.wait_for_thread([&] { dropped = server.load.socket.dropped + server.load.tcp.dropped; });
    return dropped >= count;
  }));
}

std::size_t count_of(const std::string& text, const std::string& part) {
  std::size_t count = 0;
  for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; at += part.size())
    ++count;
  return count;
}

/// Lets this process open no descriptor more, while it lives.
class NoDescriptors {
 public:
  NoDescriptors() {
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &before_) == 0);
    const int next = ::fcntl(0, F_DUPFD, 0);
    ::close(next);
    const rlimit now{static_cast<rlim_t>(next), before_.rlim_max};
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &now) == 0);
  }
  NoDescriptors(const NoDescriptors&) = delete;
  NoDescriptors& operator=(const NoDescriptors&) = delete;
  ~NoDescriptors() { ::setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

}  // namespace

TEST_CASE("however many connect, each one too many is told so, and those before are served") {
  ApiLimits limits;
  limits.connections = 2;
  Server server(limits);
  for (const bool over_tcp : {false, true}) {
    const auto connect = [&](std::deque<Client>& to) -> Client& {
      return over_tcp ? to.emplace_back(server.port) : to.emplace_back(server.path);
    };
    std::deque<Client> there;
    for (int count = 0; count < 2; ++count)
      CHECK(has(connect(there).send(kHealthz).read_until("ok"), "HTTP/1.1 200"));
    std::deque<Client> more;
    for (int count = 0; count < 100; ++count)
      connect(more);
    for (Client& client : more) {
      const std::string reply = client.read_all();
      CHECK(has_status(reply, 503));
      CHECK(has(reply, "Connection: close\r\n"));
      CHECK(reply.ends_with(R"({"error":"too many connections, at most 2"})"));
    }
    for (Client& client : there)
      CHECK(count_of(client.send(kHealthz).end().read_all(), "HTTP/1.1 200") == 2);
  }
  CHECK(refused(server, Refusal::connection) == 200);
}

TEST_CASE("one process leaves room on the socket for others") {
  ApiLimits limits;
  limits.connections = 2;
  limits.of_process = 1;
  Server server(limits);
  Client first(server.path);
  CHECK(has(first.send(kHealthz).read_until("ok"), "HTTP/1.1 200"));
  CHECK(has(Client(server.path).read_all(), "too many connections of one process, at most 1"));
  CHECK(refused(server, Refusal::process) == 1);
  const pid_t child = ::fork();
  if (child == 0) {
    Client other(server.path);
    ::_exit(has_status(other.send(kHealthz).read_until("ok"), 200) ? 0 : 1);
  }
  int status = -1;
  CHECK(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  CHECK(has_status(Client(server.port).send(kHealthz).read_until("ok"), 200));
}

TEST_CASE("without descriptors the listeners rest between tries, and come back") {
  TemporaryDirectory directory;
  boost::asio::io_context io;
  FakeService service;
  ApiLoad load;
  ApiServer server(io, service, load);
  Settings settings;
  settings.socket = directory.file("api.sock");
  settings.http = HttpEndpoint{"127.0.0.1", 0};
  REQUIRE(server.open(settings).has_value());
  Client over_socket(settings.socket);
  Client over_tcp(server.tcp_port());
  io.poll();  // the loops begin; one that had accepted meanwhile would be no matter
  Client waiting(settings.socket);
  Client waiting_over_tcp(server.tcp_port());
  {
    const NoDescriptors none;
    // Some tries of each, where two that wake one another would make some hundred thousand.
    CHECK(io.run_for(std::chrono::milliseconds(500)) < 1000);
  }
  std::thread thread([&io] { io.run(); });
  CHECK(has(waiting.send(kHealthz).read_until("ok"), "HTTP/1.1 200"));
  CHECK(has(waiting_over_tcp.send(kHealthz).read_until("ok"), "HTTP/1.1 200"));
  boost::asio::post(io, [&server] { server.close(); });
  thread.join();
}

TEST_CASE("half a request is given up after the idle time, however it dribbles") {
  ApiLimits limits;
  limits.idle = std::chrono::milliseconds(50);
  Server server(limits);
  Client head(server.path);
  CHECK(head.send("GET /v1/sta").read_all().empty());
  Client body(server.path);
  CHECK(body.send("POST /v1/command HTTP/1.1\r\nHost: c\r\nContent-Length: 90\r\n\r\n{")
            .read_all()
            .empty());
  Client slow(server.port);
  slow.send("GET /v1/status HTTP/1.1\r\nX: ");
  REQUIRE(comes_true([&] {
    if (slow.is_there()) slow.send("x");
    return !slow.is_there();
  }));
  wait_for_dropped(server, 3);
  Client silent(server.path);
  CHECK(silent.read_all().empty());
  server.wait_for_thread([&] { CHECK(server.load.socket.dropped == 2); });
}

TEST_CASE("requests in one piece are answered one after the other") {
  Server server;
  std::string all;
  constexpr std::size_t most = 200;
  for (std::size_t count = 0; count < most; ++count)
    all += "GET /v1/buckets?rule=r" + std::to_string(count) + " HTTP/1.1\r\nHost: c\r\n\r\n";
  Client client(server.path);
  client.send(all + get("/healthz"));
  const std::string reply = client.read_all();
  CHECK(count_of(reply, "HTTP/1.1 404") == most);
  CHECK(reply.ends_with(R"({"status":"ok"})"));
}

TEST_CASE("large answers that nobody takes leave room for one, and for all that is small") {
  ApiLimits limits;
  limits.unsent = 1'000'000;  // one of these, not two
  limits.idle = 2 * kDeadline;
  Server server(limits);
  {
    Client slow(server.path);
    CHECK(has(slow.send(kFlows).read_until("HTTP/1.1"), "HTTP/1.1 200"));
    const std::string reply = server.ask(kFlows);
    CHECK(has_status(reply, 503));
    CHECK(has(reply, R"({"error":"too many large answers wait for readers that are slow"})"));
    CHECK(refused(server, Refusal::answer) == 1);
    CHECK(has_status(server.ask(get("/v1/status")), 200));
    CHECK(has_status(Client(server.port).send(kFlows).end().read_all(), 200));
  }
  REQUIRE(comes_true([&] { return has_status(server.ask(kFlows), 200); }));
}

TEST_CASE("who reads nothing is given up after the idle time") {
  ApiLimits limits;
  limits.idle = std::chrono::milliseconds(50);
  Server server(limits);
  Client slow(server.path);
  slow.send(kFlows);
  wait_for_dropped(server, 1);
  CHECK_FALSE(slow.read_all().ends_with("]"));
  server.wait_for_thread([&] { CHECK(server.load.socket.unsent == 0); });
}

TEST_CASE("who sends far too much still reads why it was refused") {
  Server server;
  const std::string huge(1U << 20, 'x');
  CHECK(has_status(Client(server.port).send(post("/v1/command", huge)).read_all(), 413));
  CHECK(has_status(Client(server.path).send(post("/v1/command", huge)).read_all(), 413));
  CHECK(has_status(Client(server.port).send("GET /" + huge).read_all(), 431));
  CHECK(server.service.commands == 0);
}
