// SPDX-License-Identifier: BSD-3-Clause
#include "cli/client.h"

#include <fmt/format.h>

#include <boost/asio.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <exception>
#include <tuple>
#include <utility>

namespace covey::cli {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using base::ErrorCode;
using base::fail;
using Stream = beast::basic_stream<asio::local::stream_protocol>;

// Errors come back as values: a daemon that is not there is no exception.
constexpr auto kAwait = asio::as_tuple(asio::use_awaitable);

struct Exchange {
  http::request<http::string_body> request;
  http::response_parser<http::string_body> parser;
  beast::error_code error;
  bool is_connected = false;
};

asio::awaitable<void> talk(Stream& stream, const std::string& socket, Exchange& exchange) {
  std::tie(exchange.error) =
      co_await stream.async_connect(asio::local::stream_protocol::endpoint(socket), kAwait);
  if (exchange.error) co_return;
  exchange.is_connected = true;
  const auto [unsent, sent] = co_await http::async_write(stream, exchange.request, kAwait);
  // A daemon that has no room says so before it reads: its answer may be there all the same.
  beast::flat_buffer buffer;
  std::tie(exchange.error, std::ignore) =
      co_await http::async_read(stream, buffer, exchange.parser, kAwait);
  if (exchange.error && unsent) exchange.error = unsent;
}

base::Error describe(const Exchange& exchange, const std::string& socket, base::Duration timeout) {
  if (exchange.error == beast::error::timeout) {
    return {ErrorCode::timed_out,
            fmt::format("coveyd at {} did not answer within {} ms", socket, base::to_ms(timeout))};
  }
  const std::string why = exchange.error.message();
  if (exchange.is_connected) {
    return {ErrorCode::unavailable, fmt::format("coveyd at {} broke off: {}", socket, why)};
  }
  return unreachable(socket, why);
}

ErrorCode code_of(unsigned status) {
  switch (status) {
    case 400:
      return ErrorCode::invalid_argument;
    case 403:
      return ErrorCode::permission_denied;
    case 404:
      return ErrorCode::not_found;
    case 409:
      return ErrorCode::refused;
    case 501:
      return ErrorCode::unsupported;
    case 504:
      return ErrorCode::timed_out;
    default:
      return ErrorCode::io;
  }
}

bool is_success(unsigned status) {
  return status >= 200 && status < 300;
}

}  // namespace

base::Result<void> check_socket_path(const std::string& socket) {
  constexpr std::size_t longest_path = 107;  // sun_path less its final zero
  if (!socket.empty() && socket.size() <= longest_path) return {};
  return fail(ErrorCode::invalid_argument,
              fmt::format("the socket path '{}' is empty or too long", socket));
}

base::Error unreachable(const std::string& socket, const std::string& why) {
  return {ErrorCode::unavailable,
          fmt::format("cannot reach coveyd at {}: {} (is it running? `-s` names another socket)",
                      socket, why)};
}

base::Error refusal_of(unsigned status, const std::string& body) {
  const auto reply = api::decode<api::ErrorReply>(body);
  return {code_of(status),
          reply ? reply->error : fmt::format("coveyd answered with status {}", status)};
}

base::Result<Client::Response> Client::exchange(const std::string& method,
                                                const std::string& target, const std::string& body,
                                                base::Duration patience) const {
  if (const auto good = check_socket_path(socket_); !good) return std::unexpected(good.error());
  constexpr unsigned http_version = 11;
  Exchange exchange;
  exchange.request.version(http_version);
  exchange.request.method_string(method);
  exchange.request.target(target);
  exchange.request.set(http::field::host, "localhost");
  exchange.request.set(http::field::content_type, "application/json");
  exchange.request.body() = body;
  exchange.request.prepare_payload();
  exchange.request.keep_alive(false);
  exchange.parser.body_limit(api::kMaxJsonBytes);

  asio::io_context io;
  Stream stream(io);
  const base::Duration timeout = timeout_ + patience;
  stream.expires_after(timeout);
  std::exception_ptr broken;
  asio::co_spawn(io, talk(stream, socket_, exchange),
                 [&broken](std::exception_ptr thrown) { broken = std::move(thrown); });
  io.run();
  if (broken) return fail(ErrorCode::io, "the request could not be made");
  if (exchange.error) return std::unexpected(describe(exchange, socket_, timeout));
  return Response{exchange.parser.get().result_int(), std::move(exchange.parser.get().body())};
}

base::Result<std::string> Client::get(const std::string& target, base::Duration patience) const {
  auto response = exchange("GET", target, "", patience);
  if (!response) return std::unexpected(response.error());
  if (!is_success(response->status))
    return std::unexpected(refusal_of(response->status, response->body));
  return std::move(response->body);
}

template <typename Reply>
base::Result<Client::Answer<Reply>> Client::order(const std::string& target,
                                                  const std::string& verb,
                                                  const std::string& body) const {
  auto response = exchange("POST", target, body);
  if (!response) return std::unexpected(response.error());
  auto reply = api::decode<Reply>(response->body);
  if (!reply) {
    if (!is_success(response->status))
      return std::unexpected(refusal_of(response->status, response->body));
    return base::wrap("answer to " + verb, std::move(reply.error()));
  }
  return Answer<Reply>{std::move(response->body), std::move(*reply)};
}

base::Result<Client::Answer<api::CommandReply>> Client::command(
    const api::CommandRequest& request) const {
  return order<api::CommandReply>("/v1/command", request.verb, api::encode(request));
}

base::Result<Client::Answer<api::CommandReply>> Client::change_keys(
    const api::KeyRequest& request) const {
  return order<api::CommandReply>("/v1/keys", request.verb, api::encode(request));
}

base::Result<Client::Answer<api::ReloadReply>> Client::reload() const {
  return order<api::ReloadReply>("/v1/reload", "reload", "");
}

}  // namespace covey::cli
