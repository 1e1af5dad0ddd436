// SPDX-License-Identifier: BSD-3-Clause
#include "control/api_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "control/http_session.h"
#include "control/unix_listener.h"

namespace covey::control {

namespace asio = boost::asio;
using asio::ip::tcp;
using local = asio::local::stream_protocol;

namespace {

constexpr auto kValues = asio::as_tuple(asio::use_awaitable);
// accept() fails without end when descriptors run out: breathe before the next try.
constexpr auto kPauseAfterFailure = std::chrono::milliseconds(100);

base::Error io_error(const std::string& doing, const boost::system::error_code& error) {
  return {base::ErrorCode::io, doing + ": " + error.message()};
}

}  // namespace

class ApiServer::Implementation : public std::enable_shared_from_this<Implementation> {
 public:
  Implementation(asio::io_context& io, ApiService& service, ApiLimits limits)
      : io_(io), service_(service), limits_(limits), unix_(io), tcp_(io), pause_(io) {}

  base::Result<void> open(const Settings& settings) {
    auto listener = UnixListener::open(settings.socket);
    if (!listener) return std::unexpected(listener.error());
    boost::system::error_code error;
    unix_.assign(local(), listener->release(), error);
    if (error) return std::unexpected(io_error("listen on " + settings.socket, error));
    listener_.emplace(std::move(*listener));
    if (settings.http) {
      const auto opened = open_tcp(*settings.http);
      if (!opened) {
        close();
        return opened;
      }
      asio::co_spawn(io_, accept_loop(shared_from_this(), tcp_, false), asio::detached);
    }
    asio::co_spawn(io_, accept_loop(shared_from_this(), unix_, true), asio::detached);
    return {};
  }

  void close() {
    closed_ = true;
    boost::system::error_code ignored;
    static_cast<void>(unix_.close(ignored));
    static_cast<void>(tcp_.close(ignored));
    pause_.cancel();
    listener_.reset();
    for (const auto& [id, close_session] : sessions_) {
      if (close_session) close_session();
    }
  }

  [[nodiscard]] std::uint16_t tcp_port() const {
    boost::system::error_code error;
    const tcp::endpoint endpoint = tcp_.local_endpoint(error);
    return error ? std::uint16_t{0} : endpoint.port();
  }

 private:
  /// What a listener has to carry now.
  struct Load {
    std::size_t sessions = 0;
    std::size_t followers = 0;  // event streams, of these
  };

  base::Result<void> open_tcp(const HttpEndpoint& where) {
    const std::string name = where.address + " port " + std::to_string(where.port);
    boost::system::error_code error;
    const asio::ip::address address = asio::ip::make_address(where.address, error);
    const tcp::endpoint endpoint(address, where.port);
    if (!error) static_cast<void>(tcp_.open(endpoint.protocol(), error));
    if (!error) static_cast<void>(tcp_.set_option(tcp::acceptor::reuse_address(true), error));
    if (!error) static_cast<void>(tcp_.bind(endpoint, error));
    if (!error) static_cast<void>(tcp_.listen(asio::socket_base::max_listen_connections, error));
    if (error) return std::unexpected(io_error("listen on " + name, error));
    return {};
  }

  // Static with a reference to itself in the frame: the loop may outlive close().
  template <typename Acceptor>
  static asio::awaitable<void> accept_loop(std::shared_ptr<Implementation> self, Acceptor& acceptor,
                                           bool over_socket) {
    Load& load = over_socket ? self->unix_load_ : self->tcp_load_;
    while (!self->closed_) {
      auto [error, socket] = co_await acceptor.async_accept(kValues);
      if (self->closed_) co_return;
      if (error) {
        self->pause_.expires_after(kPauseAfterFailure);
        co_await self->pause_.async_wait(kValues);
        continue;
      }
      self->begin(asio::generic::stream_protocol::socket(std::move(socket)), over_socket, load);
    }
  }

  void begin(asio::generic::stream_protocol::socket socket, bool over_socket, Load& load) {
    // Beyond twice the limit not even the refusals fit: the peer sees a closed connection.
    if (load.sessions >= 2 * limits_.connections) return;
    const std::uint64_t id = ++last_session_;
    const Session session{service_, limits_, load.followers, over_socket,
                          load.sessions >= limits_.connections};
    ++load.sessions;
    asio::co_spawn(io_,
                   serve(std::move(socket), session,
                         [self = shared_from_this(), id](std::function<void()> close) {
                           self->sessions_[id] = std::move(close);
                         }),
                   [self = shared_from_this(), id, &load](const std::exception_ptr&) {
                     // A session that threw (memory) has lost its connection and nothing else.
                     self->sessions_.erase(id);
                     --load.sessions;
                   });
  }

  asio::io_context& io_;
  ApiService& service_;
  const ApiLimits limits_;
  local::acceptor unix_;
  tcp::acceptor tcp_;
  asio::steady_timer pause_;
  std::optional<UnixListener> listener_;
  std::map<std::uint64_t, std::function<void()>> sessions_;
  std::uint64_t last_session_ = 0;
  Load unix_load_;
  Load tcp_load_;
  bool closed_ = false;
};

ApiServer::ApiServer(asio::io_context& io, ApiService& service, ApiLimits limits)
    : implementation_(std::make_shared<Implementation>(io, service, limits)) {}

ApiServer::~ApiServer() {
  close();
}

base::Result<void> ApiServer::open(const Settings& settings) {
  return implementation_->open(settings);
}

void ApiServer::close() {
  implementation_->close();
}

std::uint16_t ApiServer::tcp_port() const {
  return implementation_->tcp_port();
}

}  // namespace covey::control
