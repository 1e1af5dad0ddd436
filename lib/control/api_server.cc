// SPDX-License-Identifier: BSD-3-Clause
#include "control/api_server.h"

#include <sys/socket.h>

#include <array>
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
#include <type_traits>
#include <utility>

#include "control/http_session.h"
#include "control/routes.h"
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

/// What has no room is told so and closed, without a session: it costs a moment and no memory.
/// There is room for it in the new socket's buffer, so nobody is waited for.
void turn_away(asio::generic::stream_protocol::socket socket, const std::string& why) {
  const std::string answer = written(error_reply(503, why));
  static_cast<void>(
      ::send(socket.native_handle(), answer.data(), answer.size(), MSG_DONTWAIT | MSG_NOSIGNAL));
  // Closing on unread bytes would be a reset, which overtakes the answer at some peers.
  std::array<char, 4096> request{};
  static_cast<void>(::recv(socket.native_handle(), request.data(), request.size(), MSG_DONTWAIT));
}

/// The process at the other end; 0 over TCP, and where that process cannot be seen.
pid_t process_of(asio::generic::stream_protocol::socket& socket) {
  ucred peer{};
  socklen_t size = sizeof(peer);
  if (::getsockopt(socket.native_handle(), SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0) return 0;
  return peer.pid;
}

/// An acceptor, and what belongs to it alone.
template <typename Protocol>
struct Listener {
  Listener(asio::io_context& io, ListenerLoad& what)
      : acceptor(io), pause(io), load(what), turns(io), turns_with_workers(io) {}
  void close() {
    boost::system::error_code ignored;
    static_cast<void>(acceptor.close(ignored));
    pause.cancel();
  }

  typename Protocol::acceptor acceptor;
  asio::steady_timer pause;  // one each: two that fail must not wake one another
  ListenerLoad& load;
  Turns turns;
  Turns turns_with_workers;
};

}  // namespace

class ApiServer::Implementation : public std::enable_shared_from_this<Implementation> {
 public:
  Implementation(asio::io_context& io, ApiService& service, ApiLoad& load, ApiLimits limits)
      : io_(io), service_(service), limits_(limits), unix_(io, load.socket), tcp_(io, load.tcp) {}

  base::Result<void> open(const Settings& settings) {
    auto listener = UnixListener::open(settings.socket);
    if (!listener) return std::unexpected(listener.error());
    boost::system::error_code error;
    unix_.acceptor.assign(local(), listener->release(), error);
    if (error) return std::unexpected(io_error("listen on " + settings.socket, error));
    file_.emplace(std::move(*listener));
    if (settings.http) {
      const auto opened = open_tcp(*settings.http);
      if (!opened) {
        close();
        return opened;
      }
      asio::co_spawn(io_, accept_loop(shared_from_this(), tcp_), asio::detached);
    }
    asio::co_spawn(io_, accept_loop(shared_from_this(), unix_), asio::detached);
    return {};
  }

  void close() {
    closed_ = true;
    unix_.close();
    tcp_.close();
    file_.reset();
    for (const auto& [id, close_session] : sessions_) {
      if (close_session) close_session();
    }
  }

  [[nodiscard]] std::uint16_t tcp_port() const {
    boost::system::error_code error;
    const tcp::endpoint endpoint = tcp_.acceptor.local_endpoint(error);
    return error ? std::uint16_t{0} : endpoint.port();
  }

 private:
  base::Result<void> open_tcp(const HttpEndpoint& where) {
    const std::string name = where.address + " port " + std::to_string(where.port);
    boost::system::error_code error;
    const asio::ip::address address = asio::ip::make_address(where.address, error);
    const tcp::endpoint endpoint(address, where.port);
    tcp::acceptor& acceptor = tcp_.acceptor;
    if (!error) static_cast<void>(acceptor.open(endpoint.protocol(), error));
    if (!error) static_cast<void>(acceptor.set_option(tcp::acceptor::reuse_address(true), error));
    if (!error) static_cast<void>(acceptor.bind(endpoint, error));
    if (!error)
      static_cast<void>(acceptor.listen(asio::socket_base::max_listen_connections, error));
    if (error) return std::unexpected(io_error("listen on " + name, error));
    return {};
  }

  // Static with a reference to itself in the frame: the loop may outlive close().
  template <typename Protocol>
  static asio::awaitable<void> accept_loop(std::shared_ptr<Implementation> self,
                                           Listener<Protocol>& listener) {
    constexpr bool over_socket = std::is_same_v<Protocol, local>;
    while (!self->closed_) {
      auto [error, accepted] = co_await listener.acceptor.async_accept(kValues);
      if (self->closed_) co_return;
      if (error) {
        listener.pause.expires_after(kPauseAfterFailure);
        co_await listener.pause.async_wait(kValues);
        continue;
      }
      asio::generic::stream_protocol::socket socket(std::move(accepted));
      const pid_t process = over_socket ? process_of(socket) : 0;
      const std::string refused = self->refusal(listener.load, over_socket, process);
      if (refused.empty())
        self->begin(std::move(socket), process,
                    {self->service_, self->limits_, listener.load, listener.turns,
                     listener.turns_with_workers, over_socket});
      else
        turn_away(std::move(socket), refused);
    }
  }

  /// Why there is no room for one more connection, which is counted; empty if there is.
  std::string refusal(ListenerLoad& load, bool over_socket, pid_t process) const {
    if (load.connections >= limits_.connections) {
      load.refuse(Refusal::connection);
      return "too many connections, at most " + std::to_string(limits_.connections);
    }
    if (over_socket && load.of_process[process] >= limits_.of_process) {
      load.refuse(Refusal::process);
      return "too many connections of one process, at most " + std::to_string(limits_.of_process);
    }
    return "";
  }

  void begin(asio::generic::stream_protocol::socket socket, pid_t process, const Session& session) {
    const std::uint64_t id = ++last_session_;
    ListenerLoad& load = session.load;
    ++load.connections;
    ++load.of_process[process];
    asio::co_spawn(io_,
                   serve(std::move(socket), session,
                         [self = shared_from_this(), id](std::function<void()> close) {
                           self->sessions_[id] = std::move(close);
                         }),
                   [self = shared_from_this(), id, &load, process](const std::exception_ptr&) {
                     // A session that threw (memory) has lost its connection and nothing else.
                     self->sessions_.erase(id);
                     --load.connections;
                     if (--load.of_process[process] == 0) load.of_process.erase(process);
                   });
  }

  asio::io_context& io_;
  ApiService& service_;
  const ApiLimits limits_;
  Listener<local> unix_;
  Listener<tcp> tcp_;
  std::optional<UnixListener> file_;
  std::map<std::uint64_t, std::function<void()>> sessions_;
  std::uint64_t last_session_ = 0;
  bool closed_ = false;
};

ApiServer::ApiServer(asio::io_context& io, ApiService& service, ApiLoad& load, ApiLimits limits)
    : implementation_(std::make_shared<Implementation>(io, service, load, limits)) {}

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
