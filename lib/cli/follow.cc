// SPDX-License-Identifier: BSD-3-Clause
#include "cli/follow.h"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <csignal>
#include <exception>
#include <utility>

#include "cli/client.h"

namespace covey::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using base::ErrorCode;
using Stream = beast::basic_stream<asio::local::stream_protocol>;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxLine = 65'536;  // an event is some hundred bytes
constexpr std::string_view kData = "data: ";

/// With this connection, with another one, or not at all.
enum class Next : unsigned char { go_on, again, end };

class Following {
 public:
  Following(std::string socket, std::uint64_t since, const Follower& follower, FollowLimits limits)
      : socket_(std::move(socket)), since_(since), follower_(follower), limits_(limits) {}

  base::Result<void> run() {
    // Ctrl-C is how this ends well, wherever it is.
    asio::signal_set signals(io_, SIGINT);
    signals.async_wait([this](const beast::error_code& error, int) {
      if (!error) io_.stop();
    });
    std::exception_ptr thrown;
    asio::co_spawn(io_, connect_again_and_again(), [&](std::exception_ptr what) {
      thrown = std::move(what);
      io_.stop();
    });
    io_.run();
    if (thrown) return base::fail(ErrorCode::io, "the events could not be followed");
    return std::move(result_);
  }

 private:
  asio::awaitable<void> connect_again_and_again() {
    asio::steady_timer pause(io_);
    while (co_await one_connection() == Next::again) {
      pause.expires_after(limits_.again);
      co_await pause.async_wait(kAwait);
    }
  }

  asio::awaitable<Next> one_connection() {
    Stream stream(io_);
    stream.expires_after(limits_.answer);
    const auto [error] =
        co_await stream.async_connect(asio::local::stream_protocol::endpoint(socket_), kAwait);
    if (error) co_return not_there(error);
    if (is_away_) follower_.note("coveyd is back");
    is_away_ = false;
    beast::flat_buffer buffer(kMaxLine);
    const Next next = co_await ask(stream, buffer);
    if (next != Next::go_on) co_return next;
    co_return co_await read_events(stream, beast::buffers_to_string(buffer.data()));
  }

  Next not_there(const beast::error_code& error) {
    if (!was_there_) {
      result_ = std::unexpected(unreachable(socket_, error.message()));
      return Next::end;
    }
    if (!is_away_) follower_.note("coveyd ended; waiting for it to come back");
    is_away_ = true;
    since_ = 0;
    return Next::again;
  }

  /// A connection that breaks early is worth another try once there has been one that did not.
  Next broken(const beast::error_code& error) {
    if (was_there_) return Next::again;
    const ErrorCode code =
        error == beast::error::timeout ? ErrorCode::timed_out : ErrorCode::unavailable;
    result_ =
        base::fail(code, fmt::format("coveyd at {} did not answer: {}", socket_, error.message()));
    return Next::end;
  }

  asio::awaitable<Next> ask(Stream& stream, beast::flat_buffer& buffer) {
    constexpr unsigned http_version = 11;
    http::request<http::empty_body> request(
        http::verb::get, fmt::format("/v1/events?since={}", since_), http_version);
    request.set(http::field::host, "localhost");
    request.set(http::field::accept, "text/event-stream");
    const auto [unsent, sent] = co_await http::async_write(stream, request, kAwait);
    // A daemon that has no room says so before it reads: its answer may be there all the same.
    http::response_parser<http::string_body> parser;
    const auto [unread, read] = co_await http::async_read_header(stream, buffer, parser, kAwait);
    if (unread) co_return broken(unsent ? unsent : unread);
    if (parser.get().result() == http::status::ok) {
      was_there_ = true;
      co_return Next::go_on;
    }
    const auto [unfinished, rest] = co_await http::async_read(stream, buffer, parser, kAwait);
    if (unfinished) co_return broken(unfinished);
    result_ = std::unexpected(refusal_of(parser.get().result_int(), parser.get().body()));
    co_return Next::end;
  }

  /// `text`: what came together with the header. Not in a flat_buffer: async_read_until() would
  /// read into a copy of it.
  asio::awaitable<Next> read_events(Stream& stream, std::string text) {
    for (;;) {
      stream.expires_after(limits_.silence);
      const auto [error, size] = co_await asio::async_read_until(
          stream, asio::dynamic_buffer(text, kMaxLine), '\n', kAwait);
      if (error) co_return Next::again;
      const std::string line = text.substr(0, size - 1);
      text.erase(0, size);
      // The number and the name are in the data, too; the rest are comments.
      if (line.starts_with(kData) && !take(std::string_view(line).substr(kData.size())))
        co_return Next::end;
    }
  }

  bool take(std::string_view json) {
    const auto event = api::decode<api::EventRow>(json);
    if (!event) {
      result_ = base::wrap("an event", event.error());
      return false;
    }
    since_ = event->id;
    return follower_.each(*event, json);
  }

  asio::io_context io_;
  const std::string socket_;
  std::uint64_t since_;
  const Follower& follower_;
  const FollowLimits limits_;
  bool was_there_ = false;
  bool is_away_ = false;
  base::Result<void> result_;
};

}  // namespace

base::Result<void> follow(const std::string& socket, std::uint64_t since, const Follower& follower,
                          FollowLimits limits) {
  if (const auto good = check_socket_path(socket); !good) return good;
  return Following(socket, since, follower, limits).run();
}

}  // namespace covey::cli
