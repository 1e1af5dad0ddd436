// SPDX-License-Identifier: BSD-3-Clause
// Daemon: the whole of control over a data plane that is a fake, and how a test asks it.
//
// Owner: test/unit/control. Thread: the test's; the daemon runs in one of its own.
#pragma once

#include <sys/socket.h>
#include <sys/un.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <catch2/catch.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "control/runtime.h"
#include "fakes.h"

namespace covey::control::test {

/// One request over the socket, the body of the answer.
inline std::string ask(const std::string& path, const std::string& request) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const timeval limit{kDeadline.count(), 0};
  ::setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
  std::string all;
  if (::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0) {
    static_cast<void>(::send(fd, request.data(), request.size(), MSG_NOSIGNAL));
    std::array<char, 4096> part{};
    for (ssize_t got = 0; (got = ::recv(fd, part.data(), part.size(), 0)) > 0;) {
      all.append(part.data(), static_cast<std::size_t>(got));
    }
  }
  ::close(fd);
  return all.substr(std::min(all.find("\r\n\r\n") + 4, all.size()));
}

inline std::string get(const std::string& target) {
  return "GET " + target + " HTTP/1.1\r\nHost: c\r\nConnection: close\r\n\r\n";
}

/// A daemon without a data plane, in a thread.
class Daemon {
 public:
  explicit Daemon(std::uint8_t id, InitialState initial = InitialState::started) : id_(id) {
    settings.socket = directory_.file("api.sock");
    settings.http.reset();
    settings.state_dir = directory_.file("state");
    settings.initial_state = initial;
  }
  ~Daemon() {
    if (thread_.joinable()) wait();
  }
  void start() {
    auto opened =
        Runtime::open({settings, host_config(id_), cluster_ring(), {}, {}, supervisor, health},
                      data_plane, link, data_plane, config, quiet_logger());
    REQUIRE(opened.has_value());
    runtime_ = std::move(*opened);
    thread_ = std::thread([this] {
      exit_code = runtime_->run();
      has_ended = true;
    });
  }
  void stop() { runtime_->stop(); }
  int wait() {
    if (runtime_) stop();
    thread_.join();
    runtime_.reset();
    return exit_code;
  }
  int join() {
    thread_.join();
    runtime_.reset();
    return exit_code;
  }

  [[nodiscard]] api::Status status() const {
    return api::decode<api::Status>(ask(settings.socket, get("/v1/status")))
        .value_or(api::Status{});
  }
  /// Asks until the answer will do. False if it does not in time.
  [[nodiscard]] bool reaches(const std::function<bool(const api::Status&)>& will_do) const {
    return comes_true([&] { return will_do(status()); });
  }
  [[nodiscard]] api::RuleStatus rule(std::size_t row) const {
    const auto rules =
        api::decode<std::vector<api::RuleStatus>>(ask(settings.socket, get("/v1/rules")));
    return rules ? rules->at(row) : api::RuleStatus{};
  }
  [[nodiscard]] bool reaches(const std::string& state) const {
    return reaches([&state](const api::Status& now) { return now.host.state == state; });
  }
  [[nodiscard]] api::CommandReply command(const api::CommandRequest& request) const {
    const std::string body = api::encode(request);
    return api::decode<api::CommandReply>(
               ask(settings.socket,
                   "POST /v1/command HTTP/1.1\r\nHost: c\r\nConnection: close\r\n"
                   "Content-Length: " +
                       std::to_string(body.size()) + "\r\n\r\n" + body))
        .value_or(api::CommandReply{});
  }

  [[nodiscard]] api::ReloadReply reload() const {
    return api::decode<api::ReloadReply>(
               ask(settings.socket,
                   "POST /v1/reload HTTP/1.1\r\nHost: c\r\nConnection: close\r\n"
                   "Content-Length: 0\r\n\r\n"))
        .value_or(api::ReloadReply{});
  }

  FakeLink link;
  FakeDataPlane data_plane;
  FakeConfig config;
  Settings settings;
  Supervisor supervisor;
  std::vector<health::Settings> health;
  int exit_code = -1;
  std::atomic<bool> has_ended = false;

 private:
  std::uint8_t id_;
  TemporaryDirectory directory_;
  std::unique_ptr<Runtime> runtime_;
  std::thread thread_;
};

}  // namespace covey::control::test
