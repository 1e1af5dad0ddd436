// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client.h"

#include <catch2/catch.hpp>

#include "canned.h"
#include "cli/follow.h"
#include "fake_daemon.h"

namespace covey::cli {
namespace {

using base::ErrorCode;
using namespace std::chrono_literals;

template <typename T>
base::Error error_of(const base::Result<T>& result) {
  REQUIRE_FALSE(result.has_value());
  return result.error();
}

}  // namespace

TEST_CASE("an answer comes as JSON and as a value") {
  test::FakeDaemon daemon;
  daemon.answer("GET /v1/status", 200, canned::kStatus);
  const auto answer = Client(daemon.socket()).ask<api::Status>("/v1/status");
  REQUIRE(answer.has_value());
  CHECK(answer->json == canned::kStatus);
  CHECK(answer->value.cluster == "web");
  CHECK(daemon.requests() == std::vector<std::string>{"GET /v1/status"});
}

TEST_CASE("nobody at the socket is unavailable, and the socket is named") {
  const base::Error error = error_of(Client("/run/no-such.sock").get("/v1/status"));
  CHECK(error.code == ErrorCode::unavailable);
  CHECK(error.context.find("/run/no-such.sock") != std::string::npos);
}

TEST_CASE("a socket path that no socket can have is a wrong argument") {
  CHECK(error_of(Client("").get("/")).code == ErrorCode::invalid_argument);
  CHECK(error_of(Client(std::string(200, 'a')).get("/")).code == ErrorCode::invalid_argument);
}

TEST_CASE("a daemon that does not answer in time is a time-out") {
  test::FakeDaemon daemon;
  daemon.be_silent();
  CHECK(error_of(Client(daemon.socket(), 50ms).get("/v1/status")).code == ErrorCode::timed_out);
}

TEST_CASE("HTTP statuses become error codes with the daemon's words") {
  const std::vector<std::pair<unsigned, ErrorCode>> table = {{400, ErrorCode::invalid_argument},
                                                             {403, ErrorCode::permission_denied},
                                                             {404, ErrorCode::not_found},
                                                             {409, ErrorCode::refused},
                                                             {500, ErrorCode::io},
                                                             {501, ErrorCode::unsupported},
                                                             {503, ErrorCode::io},
                                                             {504, ErrorCode::timed_out}};
  for (const auto& [status, code] : table) {
    test::FakeDaemon daemon;
    daemon.answer("GET /v1/stats", status, R"({"error":"because"})");
    const base::Error error = error_of(Client(daemon.socket()).get("/v1/stats"));
    CHECK(error.code == code);
    CHECK(error.context == "because");
  }
}

TEST_CASE("a daemon that refuses before it has read anything is understood") {
  test::FakeDaemon daemon;
  daemon.answer_at_once(
      "HTTP/1.1 503 Service Unavailable\r\nContent-Length: 19\r\nConnection: close\r\n\r\n"
      R"({"error":"no room"})");
  const std::string more_than_fits(4U << 20, 'x');  // into a socket: it cannot all be sent
  CHECK(error_of(Client(daemon.socket()).get("/" + more_than_fits)).context == "no room");
  const base::Result<void> followed =
      follow(daemon.socket(), 0, {[](const auto&, auto) { return true; }, [](const auto&) {}});
  CHECK(error_of(followed).context == "no room");
}

TEST_CASE("an error without a reason tells the status") {
  test::FakeDaemon daemon;
  daemon.answer("GET /v1/stats", 500, "<html>");
  CHECK(error_of(Client(daemon.socket()).get("/v1/stats")).context ==
        "coveyd answered with status 500");
}

TEST_CASE("an answer that is not what was asked for is corrupt") {
  for (const std::string_view body : {"", "{", "[]", "{}", R"({"cluster":5})"}) {
    test::FakeDaemon daemon;
    daemon.answer("GET /v1/status", 200, body);
    CHECK(error_of(Client(daemon.socket()).ask<api::Status>("/v1/status")).code ==
          ErrorCode::corrupt);
  }
}

TEST_CASE("bytes that are not HTTP, or end too early, are an error") {
  for (const char* bytes : {"hello\r\n\r\n", "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nabc",
                            "HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"}) {
    test::FakeDaemon daemon;
    daemon.answer_raw(bytes);
    CHECK(error_of(Client(daemon.socket()).get("/v1/status")).code == ErrorCode::unavailable);
  }
}

TEST_CASE("a command that the daemon refuses is an answer") {
  test::FakeDaemon daemon;
  daemon.answer("POST /v1/command", 409,
                R"({"ok":false,"text":"suspended: resume it first","code":5,"hosts":[]})");
  const auto answer = Client(daemon.socket()).command({"start", "", "", 0, ""});
  REQUIRE(answer.has_value());
  CHECK_FALSE(answer->value.ok);
  CHECK(answer->value.code == 5);
  REQUIRE(daemon.requests().size() == 1);
  CHECK(daemon.requests()[0] ==
        R"(POST /v1/command {"verb":"start","target":"","value":"","timeout_ms":0,"host":""})");
}

TEST_CASE("a command that cannot be made is an error") {
  test::FakeDaemon daemon;
  daemon.answer("POST /v1/command", 403,
                R"({"error":"commands are taken from the UNIX socket only"})");
  CHECK(error_of(Client(daemon.socket()).command({"stop", "", "", 0, ""})).code ==
        ErrorCode::permission_denied);
}

}  // namespace covey::cli
