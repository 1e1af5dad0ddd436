// SPDX-License-Identifier: BSD-3-Clause
#include "process/service_manager.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <catch2/catch.hpp>
#include <chrono>
#include <cstdlib>

namespace covey::process {

namespace {

/// The environment that a service manager gives, for as long as it lives.
class Environment {
 public:
  Environment(const std::string& socket, const std::string& patience, const std::string& whose) {
    ::setenv("NOTIFY_SOCKET", socket.c_str(), 1);
    ::setenv("WATCHDOG_USEC", patience.c_str(), 1);
    ::setenv("WATCHDOG_PID", whose.c_str(), 1);
  }
  ~Environment() {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"})
      ::unsetenv(name);
  }
  Environment(const Environment&) = delete;
  Environment& operator=(const Environment&) = delete;
};

std::string our_id() {
  return std::to_string(::getpid());
}

/// A socket without a place in the file system, its name as $NOTIFY_SOCKET has it.
class Listener {
 public:
  Listener() : socket_(::socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0)) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string path = '\0' + name_.substr(1);
    path.copy(address.sun_path, path.size());
    const auto length = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size());
    REQUIRE(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), length) == 0);
  }
  ~Listener() { ::close(socket_); }
  Listener(const Listener&) = delete;
  Listener& operator=(const Listener&) = delete;
  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] std::string heard() const {
    std::array<char, 256> bytes{};
    const ssize_t length = ::recv(socket_, bytes.data(), bytes.size(), 0);
    return length < 0 ? "nothing" : std::string(bytes.data(), static_cast<std::size_t>(length));
  }

 private:
  std::string name_ = "@covey-test-" + our_id();
  int socket_;
};

}  // namespace

TEST_CASE("without an environment that names a service manager there is none") {
  CHECK_FALSE(has_service_manager());
  CHECK(service_manager_patience() == base::Duration::zero());
  tell_service_manager("READY=1");  // and nothing happens
}

TEST_CASE("a service manager hears what it is told, and its patience is known") {
  const Listener listener;
  const Environment environment(listener.name(), "3000000", our_id());
  CHECK(has_service_manager());
  CHECK(service_manager_patience() == std::chrono::seconds(3));
  tell_service_manager("READY=1\nSTATUS=well");
  CHECK(listener.heard() == "READY=1\nSTATUS=well");
  CHECK(listener.heard() == "nothing");
}

TEST_CASE("patience with another process, or one that cannot be read, is none with us") {
  for (const auto& [patience, whose] :
       {std::pair<std::string, std::string>{"3000000", "1"}, {"soon", our_id()}, {"0", our_id()}}) {
    const Environment environment("@covey-nobody", patience, whose);
    CHECK(service_manager_patience() == base::Duration::zero());
  }
}

TEST_CASE("a service manager that hangs keeps nobody waiting for it") {
  const Listener listener;
  const Environment environment(listener.name(), "", "");
  for (int message = 0; message < 15; ++message)  // more than a socket's queue takes
    tell_service_manager("WATCHDOG=1");
  CHECK(listener.heard() == "WATCHDOG=1");
}

TEST_CASE("a service manager that does not listen is not worth an end") {
  const Environment environment("@covey-nobody-listens", "", "");
  tell_service_manager("READY=1");
  const Environment broken("vsock:2:1", "", "");
  CHECK_FALSE(has_service_manager());
  tell_service_manager("READY=1");
}

}  // namespace covey::process
