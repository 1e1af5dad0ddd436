// SPDX-License-Identifier: BSD-3-Clause
#include "cli/recording.h"

#include <fmt/format.h>

#include <array>
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
using Local = asio::local::stream_protocol;

constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxHeader = 8192;

class Recording {
 public:
  Recording(std::string socket, const Sink& sink)
      : path_(std::move(socket)), sink_(sink), stream_(io_), signals_(io_, SIGINT, SIGTERM) {}

  base::Result<Recorded> run(const api::CaptureRequest& request) {
    wait_for_signals();
    std::exception_ptr thrown;
    asio::co_spawn(io_, take_all(request), [&](std::exception_ptr what) {
      thrown = std::move(what);
      io_.stop();
    });
    io_.run();
    if (thrown) return base::fail(ErrorCode::io, "the capture could not be taken");
    if (!result_) return std::unexpected(result_.error());
    if (!reader_.end() && !is_left_) {
      return base::fail(ErrorCode::unavailable, "the capture broke off: coveyd ended, or hangs");
    }
    return Recorded{reader_.packets(), reader_.end().value_or(api::CaptureCounts{})};
  }

 private:
  /// The first one says that it is enough, the second one that we are gone.
  void wait_for_signals() {
    signals_.async_wait([this](const beast::error_code& error, int) {
      if (error) return;
      beast::error_code ignored;
      stream_.shutdown(asio::socket_base::shutdown_send, ignored);
      signals_.async_wait([this](const beast::error_code& again, int) {
        is_left_ = !again;
        if (!again) io_.stop();
      });
    });
  }

  asio::awaitable<void> take_all(const api::CaptureRequest& request) {
    const auto [error] = co_await stream_.async_connect(Local::endpoint(path_), kAwait);
    if (error) {
      result_ = std::unexpected(unreachable(path_, error.message()));
      co_return;
    }
    beast::flat_buffer buffer(kMaxHeader);
    if (!co_await ask(request, buffer)) co_return;
    std::string bytes = beast::buffers_to_string(buffer.data());
    while (take(bytes)) {
      bytes.resize(kRoom);
      const auto [ended, size] = co_await stream_.async_read_some(asio::buffer(bytes), kAwait);
      if (ended) co_return;
      bytes.resize(size);
    }
  }

  /// False if there is no capture to take.
  asio::awaitable<bool> ask(const api::CaptureRequest& request, beast::flat_buffer& buffer) {
    constexpr unsigned http_version = 11;
    http::request<http::empty_body> message(
        http::verb::get, fmt::format("/v1/capture?{}", api::to_query(request)), http_version);
    message.set(http::field::host, "localhost");
    const auto [unsent, sent] = co_await http::async_write(stream_, message, kAwait);
    // A daemon that has no room says so before it reads: its answer may be there all the same.
    http::response_parser<http::string_body> parser;
    auto [unread, read] = co_await http::async_read_header(stream_, buffer, parser, kAwait);
    if (!unread && parser.get().result() == http::status::ok) co_return true;
    if (!unread)
      std::tie(unread, std::ignore) = co_await http::async_read(stream_, buffer, parser, kAwait);
    const beast::error_code broken = unsent ? unsent : unread;
    result_ =
        unread ? base::fail(ErrorCode::unavailable,
                            fmt::format("coveyd at {} did not answer: {}", path_, broken.message()))
               : std::unexpected(refusal_of(parser.get().result_int(), parser.get().body()));
    co_return false;
  }

  bool take(std::string_view bytes) {
    result_ = reader_.take(bytes);
    if (result_) result_ = sink_(bytes);
    return result_.has_value();
  }

  static constexpr std::size_t kRoom = 65'536;

  asio::io_context io_;
  const std::string path_;
  const Sink& sink_;
  Local::socket stream_;
  asio::signal_set signals_;
  api::PcapngReader reader_;
  bool is_left_ = false;  // without waiting for the end
  base::Result<void> result_;
};

}  // namespace

base::Result<Recorded> record(const std::string& socket, const api::CaptureRequest& request,
                              const Sink& sink) {
  if (const auto good = check_socket_path(socket); !good) return std::unexpected(good.error());
  return Recording(socket, sink).run(request);
}

}  // namespace covey::cli
