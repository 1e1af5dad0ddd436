// SPDX-License-Identifier: BSD-3-Clause
// Server: an API server with a fake daemon behind it. Client: one connection to it.
//
// Owner: test/unit/control. Threads: the server has one of its own, clients block the test's.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <boost/asio/post.hpp>
#include <catch2/catch.hpp>
#include <cerrno>
#include <functional>
#include <future>
#include <string>
#include <thread>

#include "control/api_server.h"
#include "fake_service.h"
#include "fakes.h"

namespace covey::control::test {

/// A blocking client connection; a read ends after kDeadline at the latest.
class Client {
 public:
  explicit Client(const std::string& path) : fd_(::socket(AF_UNIX, SOCK_STREAM, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  explicit Client(std::uint16_t port) : fd_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connect(reinterpret_cast<const sockaddr*>(&address), sizeof(address));
  }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() { ::close(fd_); }

  Client& send(const std::string& bytes) {
    static_cast<void>(::send(fd_, bytes.data(), bytes.size(), MSG_NOSIGNAL));
    return *this;
  }
  Client& end() {
    ::shutdown(fd_, SHUT_WR);
    return *this;
  }
  /// Reads until `text` has come (or the end, or the deadline); all that was read so far.
  std::string read_until(const std::string& text) {
    std::array<char, 4096> part{};
    while (all_.find(text) == std::string::npos) {
      const ssize_t got = ::recv(fd_, part.data(), part.size(), 0);
      if (got <= 0) break;
      all_.append(part.data(), static_cast<std::size_t>(got));
    }
    return all_;
  }
  std::string read_all() { return read_until(std::string(1, '\0')); }
  /// Whether the other end has not closed it. Nothing is waited for.
  [[nodiscard]] bool is_there() const {
    char next = 0;
    return ::recv(fd_, &next, 1, MSG_PEEK | MSG_DONTWAIT) < 0 && errno == EAGAIN;
  }

 private:
  void connect(const sockaddr* address, socklen_t length) {
    const timeval limit{kDeadline.count(), 0};
    ::setsockopt(fd_, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
    static_cast<void>(::connect(fd_, address, length));
  }
  int fd_;
  std::string all_;
};

/// A server with a thread of its own, and a fake daemon behind it.
class Server {
 public:
  explicit Server(ApiLimits limits = {}) : server_(io_, service, load, limits) {
    Settings settings;
    settings.socket = path;
    settings.http = HttpEndpoint{"127.0.0.1", 0};
    REQUIRE(server_.open(settings).has_value());
    port = server_.tcp_port();
    thread_ = std::thread([this] { io_.run(); });
  }
  ~Server() {
    boost::asio::post(io_, [this] { server_.close(); });
    thread_.join();
  }
  /// Runs something on the server's thread.
  void on_thread(std::function<void()> what) { boost::asio::post(io_, std::move(what)); }

  /// ... and waits until it is done.
  void wait_for_thread(const std::function<void()>& what) {
    std::promise<void> done;
    on_thread([&] {
      what();
      done.set_value();
    });
    done.get_future().wait();
  }

  [[nodiscard]] std::string ask(const std::string& bytes) const {
    return Client(path).send(bytes).end().read_all();
  }

 private:
  TemporaryDirectory directory_;
  boost::asio::io_context io_;

 public:
  const std::string path = directory_.file("api.sock");
  std::uint16_t port = 0;
  FakeService service;
  ApiLoad load;  // of the server's thread

 private:
  ApiServer server_;
  std::thread thread_;
};

inline std::string get(const std::string& target, const std::string& headers = "") {
  return "GET " + target + " HTTP/1.1\r\nHost: covey\r\nConnection: close\r\n" + headers + "\r\n";
}

inline std::string post(const std::string& target, const std::string& body) {
  return "POST " + target + " HTTP/1.1\r\nHost: covey\r\nConnection: close\r\nContent-Length: " +
         std::to_string(body.size()) + "\r\n\r\n" + body;
}

inline bool has_status(const std::string& reply, int status) {
  return reply.starts_with("HTTP/1.1 " + std::to_string(status) + " ");
}

inline bool has(const std::string& reply, const std::string& text) {
  return reply.find(text) != std::string::npos;
}

}  // namespace covey::control::test
