// SPDX-License-Identifier: BSD-3-Clause
#include "doctor/gather.h"

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include <netinet/in.h>

namespace covey::doctor {
namespace {

/// A TCP socket that listens on the loopback address.
class Service {
 public:
  Service() : socket_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    auto* where = static_cast<sockaddr*>(static_cast<void*>(&address));
    REQUIRE(::bind(socket_, where, sizeof(address)) == 0);
    REQUIRE(::listen(socket_, 1) == 0);
    socklen_t length = sizeof(address);
    REQUIRE(::getsockname(socket_, where, &length) == 0);
    port_ = ntohs(address.sin_port);
  }
  ~Service() { ::close(socket_); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;
  [[nodiscard]] std::uint16_t port() const { return port_; }

 private:
  int socket_;
  std::uint16_t port_ = 0;
};

}  // namespace

TEST_CASE("this machine has a loopback interface with its address") {
  const Machine machine = look_at_machine("");
  const auto loopback = std::ranges::find(machine.interfaces, "lo", &Interface::name);
  REQUIRE(loopback != machine.interfaces.end());
  CHECK(loopback->mtu > 0);
  CHECK_FALSE(machine.cpus.empty());
  CHECK_FALSE(machine.key_file.exists);
}

TEST_CASE("a service that listens is seen with its address and port") {
  const Service service;
  const Machine machine = look_at_machine("");
  REQUIRE(machine.listeners.has_value());
  CHECK(std::ranges::any_of(*machine.listeners, [&](const Listener& it) {
    return it.port == service.port() && it.address && it.address->to_string() == "127.0.0.1";
  }));
}

TEST_CASE("who may read the key file is seen") {
  const std::filesystem::path path =
      std::filesystem::current_path() / ("doctor-key-" + std::to_string(::getpid()));
  std::ofstream(path) << "key";
  std::filesystem::permissions(path, std::filesystem::perms(0640));
  const KeyFile file = look_at_machine(path).key_file;
  std::filesystem::remove(path);
  CHECK(file.exists);
  CHECK(file.mode == 0640);
  CHECK(file.owner == ::getuid());
}

}  // namespace covey::doctor
