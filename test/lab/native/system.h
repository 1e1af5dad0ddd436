// SPDX-License-Identifier: BSD-3-Clause
// What the lab's native tools share: a file descriptor that closes itself, the clock of Python's
// time.monotonic(), packet sockets, and the end of a tool on a failed system call. These are test
// tools: a failure ends the program with the call's name, there is nothing to go back to.
#pragma once

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iostream>
#include <string>
#include <utility>

namespace covey::lab {

constexpr std::int64_t kNanosPerSecond = 1'000'000'000;
constexpr std::int64_t kNanosPerMilli = 1'000'000;

[[noreturn]] inline void give_up(const std::string& what) {
  std::cerr << what << ": " << std::strerror(errno) << "\n";
  std::exit(EXIT_FAILURE);
}

/// The value of a system call, unless it failed.
inline int must(int result, const char* what) {
  if (result < 0) give_up(what);
  return result;
}

class Descriptor {
 public:
  Descriptor() = default;
  explicit Descriptor(int value) : value_(value) {}
  Descriptor(Descriptor&& other) noexcept : value_(std::exchange(other.value_, -1)) {}
  Descriptor& operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
  }
  ~Descriptor() {
    if (value_ >= 0) close(value_);
  }

  [[nodiscard]] int get() const { return value_; }

 private:
  int value_ = -1;
};

/// Nanoseconds of CLOCK_MONOTONIC.
inline std::int64_t now_ns() {
  timespec at{};
  clock_gettime(CLOCK_MONOTONIC, &at);
  return at.tv_sec * kNanosPerSecond + at.tv_nsec;
}

/// As many open files as this process may have.
inline void raise_file_limit() {
  rlimit files{};
  getrlimit(RLIMIT_NOFILE, &files);
  files.rlim_cur = files.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files);
}

/// Blocks SIGTERM and SIGINT, and gives a descriptor that becomes readable when one comes.
inline Descriptor end_signals() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGINT);
  must(sigprocmask(SIG_BLOCK, &set, nullptr), "sigprocmask");
  return Descriptor(must(signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK), "signalfd"));
}

/// A raw packet socket that is not bound yet: no frame arrives before bind_to_device(), so that a
/// filter can be set first.
inline Descriptor packet_socket() {
  return Descriptor(must(socket(AF_PACKET, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
}

/// Binds a packet socket to all frames of a device, in both directions.
inline void bind_to_device(const Descriptor& one, const std::string& device) {
  const unsigned index = if_nametoindex(device.c_str());
  if (index == 0) give_up(device);
  sockaddr_ll where{};
  where.sll_family = AF_PACKET;
  where.sll_protocol = htons(ETH_P_ALL);
  where.sll_ifindex = static_cast<int>(index);
  // The socket API's own idiom: every family's address travels as a sockaddr.
  must(bind(one.get(), reinterpret_cast<const sockaddr*>(&where), sizeof where), "bind");
}

}  // namespace covey::lab
