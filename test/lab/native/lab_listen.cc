// SPDX-License-Identifier: BSD-3-Clause
// lab-listen: the server of long connections (stream.h). It compares every byte that it hears with
// the one that must come, answers each message, and resets a connection that said anything else.
// Runs until SIGTERM or SIGINT, over IPv4.
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <span>
#include <unordered_map>
#include <utility>

#include "dialogue.h"
#include "system.h"

namespace {

using namespace covey;
using namespace covey::lab;

constexpr int kBacklog = 4096;
constexpr std::size_t kReadBytes = 16384;
constexpr std::size_t kEventsPerTurn = 256;

struct Peer {
  Descriptor socket;
  Answerer answerer;
  Bytes unsent;  // what the kernel did not take yet
};

class Listener {
 public:
  Listener(std::uint16_t port, std::uint8_t host, const Descriptor& signals)
      : host_(host), signals_(signals), epoll_(must(epoll_create1(EPOLL_CLOEXEC), "epoll")) {
    listening_ =
        Descriptor(must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
    const int on = 1;
    setsockopt(listening_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    sockaddr_in here{};
    here.sin_family = AF_INET;
    here.sin_port = htons(port);
    must(bind(listening_.get(), reinterpret_cast<const sockaddr*>(&here), sizeof here), "bind");
    must(listen(listening_.get(), kBacklog), "listen");
    watch(listening_, EPOLLIN);
    watch(signals_, EPOLLIN);
  }

  void run() {
    std::array<epoll_event, kEventsPerTurn> events{};
    while (true) {
      const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, -1);
      for (int turn = 0; turn < count; ++turn) {
        const int which = events[static_cast<std::size_t>(turn)].data.fd;
        if (which == signals_.get()) return;
        which == listening_.get() ? accept_all() : move(which);
      }
    }
  }

 private:
  void watch(const Descriptor& one, std::uint32_t wanted) const {
    epoll_event event{};
    event.events = wanted;
    event.data.fd = one.get();
    must(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.get(), &event), "epoll");
  }

  void accept_all() {
    while (true) {
      Descriptor one(accept4(listening_.get(), nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC));
      const int which = one.get();
      if (which < 0) return;
      const int on = 1;
      setsockopt(which, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      watch(one, EPOLLIN | EPOLLOUT | EPOLLET);
      peers_.emplace(which, Peer{std::move(one), Answerer(host_), {}});
      move(which);
    }
  }

  void move(int which) {
    const auto found = peers_.find(which);
    if (found == peers_.end()) return;
    if (!hear(found->second) || !say(found->second)) peers_.erase(found);
  }

  /// False when the connection is over.
  static bool hear(Peer& peer) {
    std::array<std::uint8_t, kReadBytes> block{};
    while (true) {
      const ssize_t length = recv(peer.socket.get(), block.data(), block.size(), 0);
      if (length < 0) return errno == EAGAIN;
      if (length == 0) return false;
      const auto heard = std::span(block).first(static_cast<std::size_t>(length));
      if (peer.answerer.hear(heard, peer.unsent)) continue;
      std::cerr << "a connection said what it should not\n";
      const linger at_once{1, 0};
      setsockopt(peer.socket.get(), SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
      return false;
    }
  }

  static bool say(Peer& peer) {
    while (!peer.unsent.empty()) {
      const ssize_t sent =
          send(peer.socket.get(), peer.unsent.data(), peer.unsent.size(), MSG_NOSIGNAL);
      if (sent < 0) return errno == EAGAIN;
      peer.unsent.erase(peer.unsent.begin(), peer.unsent.begin() + sent);
    }
    return true;
  }

  std::uint8_t host_;
  const Descriptor& signals_;
  Descriptor epoll_;
  Descriptor listening_;
  std::unordered_map<int, Peer> peers_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("answers long connections that know every byte they must hear");
  std::uint16_t port = 0;
  int host = 0;
  app.add_option("--port", port)->required();
  app.add_option("--host", host, "number of this host")->required()->check(CLI::Range(1, 64));
  CLI11_PARSE(app, argc, argv);
  raise_file_limit();
  const Descriptor signals = end_signals();
  Listener(port, static_cast<std::uint8_t>(host), signals).run();
  return EXIT_SUCCESS;
}
