// SPDX-License-Identifier: BSD-3-Clause
#include "cli/follow.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <optional>

#include "fake_daemon.h"

namespace covey::cli {
namespace {

using test::FakeDaemon;

constexpr std::string_view kHead =
    "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

// More than comes in one piece.
const std::string kWords = "words\n" + std::string(3000, 'x');

std::string frame(unsigned id, const std::string& name) {
  return "id: " + std::to_string(id) + "\nevent: " + name +
         "\ndata: " + api::encode(api::EventRow{id, "t", name, 2, kWords}) + "\n\n";
}

std::string stream_of(const std::string& frames) {
  return std::string(kHead) + ":\n\n" + frames;
}

/// What a follower has seen.
struct Seen {
  std::vector<std::string> events;
  std::vector<std::string> notes;
  std::size_t wanted = 1;
  std::function<void()> after_each = [] {};
  std::function<void()> after_note = [] {};

  base::Result<void> follow_at(const std::string& socket, std::uint64_t since = 0,
                               FollowLimits limits = {}) {
    const Follower follower{[this](const api::EventRow& event, std::string_view json) {
                              CHECK(api::encode(event) == json);
                              events.push_back(std::to_string(event.id) + " " + event.event);
                              after_each();
                              return events.size() < wanted;
                            },
                            [this](std::string_view note) {
                              notes.emplace_back(note);
                              after_note();
                            }};
    return follow(socket, since, follower, limits);
  }
};

using Words = std::vector<std::string>;

}  // namespace

TEST_CASE("events come one by one until there are enough") {
  FakeDaemon daemon;
  daemon.answer_raw(stream_of(frame(8, "host_lost") + ":\n\n" + frame(9, "converged")));
  Seen seen;
  seen.wanted = 2;
  CHECK(seen.follow_at(daemon.socket(), 7).has_value());
  CHECK(seen.events == Words{"8 host_lost", "9 converged"});
  CHECK(seen.notes.empty());
  CHECK(daemon.requests() == Words{"GET /v1/events?since=7"});
}

TEST_CASE("a connection that breaks resumes behind the last event, without a word") {
  FakeDaemon daemon;
  daemon.answer_raw(stream_of(frame(8, "host_lost")));
  Seen seen;
  seen.wanted = 2;
  CHECK(seen.follow_at(daemon.socket()).has_value());
  CHECK(seen.notes.empty());
  CHECK(daemon.requests() == Words{"GET /v1/events?since=0", "GET /v1/events?since=8"});
}

TEST_CASE("a daemon that ends and comes back is followed from its first event") {
  std::optional<FakeDaemon> daemon(std::in_place);
  const std::string directory = daemon->directory();
  const std::string socket = daemon->socket();
  daemon->answer_raw(stream_of(frame(8, "host_lost")));
  Seen seen;
  seen.wanted = 2;
  seen.after_each = [&] { daemon.reset(); };
  seen.after_note = [&] {
    if (daemon) return;
    seen.after_each = [] {};
    daemon.emplace(directory);
    daemon->answer_raw(stream_of(frame(1, "state_changed")));
  };
  CHECK(seen.follow_at(socket).has_value());
  CHECK(seen.events == Words{"8 host_lost", "1 state_changed"});
  CHECK(seen.notes == Words{"coveyd ended; waiting for it to come back", "coveyd is back"});
  CHECK(daemon->requests() == Words{"GET /v1/events?since=0"});
}

TEST_CASE("Ctrl-C is a good end, with a daemon and without") {
  std::optional<FakeDaemon> daemon(std::in_place);
  const std::string socket = daemon->socket();
  daemon->answer_raw(stream_of(frame(1, "converged")));
  Seen seen;
  seen.wanted = 100;
  seen.after_each = [] { static_cast<void>(std::raise(SIGINT)); };
  CHECK(seen.follow_at(socket).has_value());
  CHECK(seen.events == Words{"1 converged"});
  CHECK(seen.notes.empty());
  seen.after_each = [&] { daemon.reset(); };
  seen.after_note = [] { static_cast<void>(std::raise(SIGINT)); };
  CHECK(seen.follow_at(socket).has_value());
  CHECK(seen.notes == Words{"coveyd ended; waiting for it to come back"});
}

TEST_CASE("what cannot be followed is an error at once") {
  Seen seen;
  CHECK(seen.follow_at("/run/no-such.sock").error().code == base::ErrorCode::unavailable);
  CHECK(seen.follow_at("").error().code == base::ErrorCode::invalid_argument);
  CHECK(seen.follow_at(std::string(200, 'x')).error().code == base::ErrorCode::invalid_argument);

  FakeDaemon busy;
  busy.answer("GET /v1/events?since=0", 503, R"({"error":"too many followers of events"})");
  const auto refused = seen.follow_at(busy.socket());
  CHECK(refused.error().code == base::ErrorCode::io);
  CHECK(refused.error().context == "too many followers of events");

  FakeDaemon mad;
  mad.answer_raw(stream_of("data: {\"id\":\"one\"}\n\n"));
  CHECK(seen.follow_at(mad.socket()).error().code == base::ErrorCode::corrupt);

  FakeDaemon strange;
  strange.answer_raw("this is no HTTP\r\n\r\n");
  CHECK(seen.follow_at(strange.socket()).error().code == base::ErrorCode::unavailable);

  FakeDaemon silent;
  silent.be_silent();
  FollowLimits short_limits;
  short_limits.answer = std::chrono::milliseconds(20);
  CHECK(seen.follow_at(silent.socket(), 0, short_limits).error().code ==
        base::ErrorCode::timed_out);
  CHECK(seen.events.empty());
}

}  // namespace covey::cli
