// SPDX-License-Identifier: BSD-3-Clause
// Questions over TCP: a connection, a line of an agent, an HTTP request in the clear or over TLS.
#include <openssl/ssl.h>

#include <algorithm>
#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/context.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/error.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <functional>
#include <optional>
#include <utility>

#include "probe/probe.h"

namespace covey::probe {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using asio::ip::tcp;
using boost::system::error_code;

namespace {

constexpr auto kValues = asio::as_tuple(asio::use_awaitable);
constexpr std::size_t kMaxHeader = std::size_t{16} << 10;
constexpr std::size_t kMaxBody = std::size_t{64} << 10;

tcp::endpoint endpoint_of(const health::Target& target) {
  const auto& bytes = target.address.bytes;
  if (target.address.family == base::Family::ipv6)
    return {asio::ip::address_v6(bytes), target.port};
  return {asio::ip::address_v4({bytes[0], bytes[1], bytes[2], bytes[3]}), target.port};
}

/// The server as a request names it: as clients do, or by its end point.
std::string host_of(const health::Settings& settings) {
  if (!settings.host.empty()) return settings.host;
  constexpr std::uint16_t plain_port = 80;
  constexpr std::uint16_t secure_port = 443;
  const health::Target& target = settings.target;
  const bool is_ipv6 = target.address.family == base::Family::ipv6;
  std::string host = (is_ipv6 ? "[" : "") + target.address.to_string() + (is_ipv6 ? "]" : "");
  const bool is_usual =
      target.port == (settings.kind == health::Kind::https ? secure_port : plain_port);
  return is_usual ? host : host + ":" + std::to_string(target.port);
}

bool is_wanted(const health::Settings& settings, unsigned status) {
  return std::ranges::any_of(settings.status, [status](const health::StatusRange& range) {
    return status >= range.first && status <= range.last;
  });
}

/// The part of a service's answer that a check looks at.
struct Answer {
  unsigned status = 0;
  std::string reason;
  std::string body;
};

class ServerProbe final : public Probe {
 public:
  ServerProbe(asio::io_context& io, health::Settings settings)
      : io_(io), settings_(std::move(settings)) {}

  asio::awaitable<health::Outcome> ask() override {
    beast::tcp_stream stream(io_);
    const Closable closable(close_, stream);
    stream.expires_after(settings_.timeout);
    const auto [error] = co_await stream.async_connect(endpoint_of(settings_.target), kValues);
    if (error) co_return failed("connect", error);
    switch (settings_.kind) {
      case health::Kind::http:
        co_return co_await ask_web(stream);
      case health::Kind::https:
        co_return co_await ask_securely(stream);
      case health::Kind::tcp:
      case health::Kind::exec:  // not asked here
        break;
    }
    if (!settings_.agent) co_return success(settings_, "connected", "");
    co_return co_await ask_agent(stream);
  }

  void cancel() override {
    if (close_) close_();
  }

 private:
  /// Lets cancel() end what is under way.
  class Closable {
   public:
    Closable(std::function<void()>& close, beast::tcp_stream& stream) : close_(close) {
      close_ = [&stream] { stream.close(); };
    }
    ~Closable() { close_ = nullptr; }
    Closable(const Closable&) = delete;
    Closable& operator=(const Closable&) = delete;

   private:
    std::function<void()>& close_;
  };

  [[nodiscard]] health::Outcome failed(std::string_view doing, const error_code& error) const {
    if (error == beast::error::timeout) return failure(too_late(settings_));
    return failure(std::string(doing) + ": " + error.message());
  }

  asio::awaitable<health::Outcome> ask_agent(beast::tcp_stream& stream) {
    std::string answer(kMaxLine, '\0');
    std::size_t length = 0;
    while (length < answer.size() && answer.find('\n') >= length) {
      const auto [error, bytes] = co_await stream.async_read_some(
          asio::buffer(answer.data() + length, answer.size() - length), kValues);
      if (error == asio::error::eof) break;
      if (error) co_return failed("read", error);
      length += bytes;
    }
    answer.resize(length);
    co_return success(settings_, "connected", answer);
  }

  asio::awaitable<health::Outcome> ask_securely(beast::tcp_stream& stream) {
    if (const std::string trouble = prepare_context(); !trouble.empty()) co_return failure(trouble);
    asio::ssl::stream<beast::tcp_stream&> secure(stream, *context_);
    if (!settings_.host.empty()) {
      // SSL_set_tlsext_host_name() without the cast that its macro has.
      SSL_ctrl(secure.native_handle(), SSL_CTRL_SET_TLSEXT_HOSTNAME, TLSEXT_NAMETYPE_host_name,
               settings_.host.data());
    }
    if (settings_.verify != "no") {
      secure.set_verify_mode(asio::ssl::verify_peer);
      secure.set_verify_callback(asio::ssl::host_name_verification(
          settings_.host.empty() ? settings_.target.address.to_string() : settings_.host));
    }
    const auto [error] = co_await secure.async_handshake(asio::ssl::stream_base::client, kValues);
    if (error) co_return failed("TLS", error);
    co_return co_await ask_web(secure);
  }

  /// Empty: it is there. A file of authorities that cannot be read is tried again.
  std::string prepare_context() {
    if (context_) return "";
    asio::ssl::context context(asio::ssl::context::tls_client);
    error_code error;
    if (settings_.verify == "yes") {
      context.set_default_verify_paths(error);
    } else if (settings_.verify != "no") {
      context.load_verify_file(settings_.verify, error);
    }
    if (error) return settings_.verify + ": " + error.message();
    context_.emplace(std::move(context));
    return "";
  }

  template <typename Stream>
  asio::awaitable<health::Outcome> ask_web(Stream& stream) {
    http::request<http::empty_body> request(http::verb::get, settings_.target.path, 11);
    request.set(http::field::host, host_of(settings_));
    request.set(http::field::user_agent, "covey-health");
    request.set(http::field::accept, "*/*");
    request.keep_alive(false);
    const auto [error, bytes] = co_await http::async_write(stream, request, kValues);
    if (error) co_return failed("write", error);
    Answer answer;
    if (const error_code wrong = co_await read(stream, answer)) co_return failed("read", wrong);
    const std::string detail = std::to_string(answer.status) + " " + answer.reason;
    if (!is_wanted(settings_, answer.status)) co_return failure(detail);
    if (answer.body.find(settings_.text) == std::string::npos)
      co_return failure(detail + ", without the text that is looked for");
    co_return success(settings_, detail, answer.body);
  }

  template <typename Stream>
  asio::awaitable<error_code> read(Stream& stream, Answer& answer) {
    beast::flat_buffer buffer(kMaxHeader + kMaxBody);
    http::response_parser<http::buffer_body> parser;
    parser.header_limit(kMaxHeader);
    parser.body_limit(boost::none);  // what is too much is not read
    const auto [error, bytes] = co_await http::async_read_header(stream, buffer, parser, kValues);
    if (error) co_return error;
    answer.status = parser.get().result_int();
    answer.reason = parser.get().reason();
    const bool is_looked_at = !settings_.text.empty() || settings_.agent;
    if (!is_looked_at || !is_wanted(settings_, answer.status)) co_return error_code();
    answer.body.resize(kMaxBody);
    auto& body = parser.get().body();
    body.data = answer.body.data();
    body.size = answer.body.size();
    while (!parser.is_done() && body.size > 0) {
      const auto [wrong, more] = co_await http::async_read_some(stream, buffer, parser, kValues);
      if (wrong && wrong != http::error::need_buffer) co_return wrong;
    }
    answer.body.resize(answer.body.size() - body.size);
    co_return error_code();
  }

  asio::io_context& io_;
  health::Settings settings_;
  std::optional<asio::ssl::context> context_;
  std::function<void()> close_;  // of the question under way; empty: there is none
};

}  // namespace

std::shared_ptr<Probe> make_server_probe(asio::io_context& io, const health::Settings& settings) {
  return std::make_shared<ServerProbe>(io, settings);
}

}  // namespace covey::probe
