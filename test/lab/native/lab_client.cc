// SPDX-License-Identifier: BSD-3-Clause
// lab-client: opens short HTTP connections to a virtual address at a steady rate, each source in
// turn, and writes down what a client can know about them, one line each (times are nanoseconds of
// CLOCK_MONOTONIC):
//
//   C STARTED ENDED ADDRESS PORT END HOST         a connection; END as in connections.h
//   A TIME ADDRESS PORT SEQ ACK MAC               a SYN-ACK that came in on the device
//   R TIME ADDRESS PORT SEQ ACK MAC               an RST
//   E OPENED SKIPPED MISSED                       the end; MISSED frames were not written down
//
// SEQ of a SYN-ACK is the server's initial sequence number, ACK - 1 the client's: the two lines
// that would show two hosts answering one connection. Runs until SIGTERM or SIGINT.
#include <poll.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <string>

#include "connections.h"
#include "endpoint.h"
#include "system.h"
#include "watch.h"

namespace {

using namespace covey::lab;

constexpr std::int64_t kFlushEvery = 20 * kNanosPerMilli;
constexpr int kOpenPerTurn = 32;

struct Asked {
  std::string target;
  std::uint16_t port = 80;
  std::string sources;
  std::string log;
  std::string device;
  double rate = 500;
  double timeout_ms = 400;
  bool reset_at_end = false;
};

class Log {
 public:
  explicit Log(const std::string& path) : file_(path) {}

  void connection(const End& end) {
    file_ << "C " << end.started << " " << end.ended << " " << to_text(end.from) << " " << end.what
          << " " << end.host << "\n";
  }

  void answer(const Answer& answer, std::int64_t now) {
    file_ << (answer.reset ? "R " : "A ") << now << " " << to_text(answer.to) << " " << answer.seq
          << " " << answer.ack << " " << to_text(answer.mac) << "\n";
  }

  void end(std::uint64_t opened, std::uint64_t skipped, std::uint64_t missed) {
    file_ << "E " << opened << " " << skipped << " " << missed << std::endl;
  }

  void flush_if_due(std::int64_t now) {
    if (now - flushed_ < kFlushEvery) return;
    file_.flush();
    flushed_ = now;
  }

 private:
  std::ofstream file_;
  std::int64_t flushed_ = 0;
};

class Client {
 public:
  explicit Client(const Asked& asked)
      : log_(asked.log),
        watch_(asked.device, {to_address(asked.target), asked.port}, Watched::beginnings_and_ends),
        connections_({{to_address(asked.target), asked.port},
                      read_endpoints(asked.sources),
                      static_cast<std::int64_t>(asked.timeout_ms * kNanosPerMilli),
                      asked.reset_at_end},
                     [this](const End& end) { log_.connection(end); }),
        count_(read_endpoints(asked.sources).size()),
        interval_(static_cast<std::int64_t>(kNanosPerSecond / asked.rate)) {}

  void run(const Descriptor& signals) {
    next_ = now_ns();
    bool stopping = false;
    while (!stopping || connections_.open_count() > 0) {
      wait(signals, stopping);
      signalfd_siginfo info{};
      if (read(signals.get(), &info, sizeof info) > 0) stopping = true;
      const std::int64_t now = now_ns();
      if (!stopping) open_due(now);
      connections_.advance(now);
      watch_.drain([&](const Answer& answer) { log_.answer(answer, now); });
      log_.flush_if_due(now);
    }
    log_.end(opened_, skipped_, watch_.missed());
  }

 private:
  void wait(const Descriptor& signals, bool stopping) const {
    std::int64_t until = stopping ? now_ns() + kFlushEvery : next_;
    until = std::min(until, connections_.next_deadline().value_or(until));
    const std::int64_t left = std::max<std::int64_t>(0, until - now_ns());
    const timespec timeout{left / kNanosPerSecond, left % kNanosPerSecond};
    std::array<pollfd, 3> waits{{{connections_.descriptor(), POLLIN, 0},
                                 {watch_.descriptor(), POLLIN, 0},
                                 {signals.get(), POLLIN, 0}}};
    ppoll(waits.data(), waits.size(), &timeout, nullptr);
  }

  void open_due(std::int64_t now) {
    // A client that was held up does not catch up all at once: it would be a burst, not a rate.
    for (int turn = 0; turn < kOpenPerTurn && next_ <= now; ++turn) {
      ++(connections_.open(source_, now) ? opened_ : skipped_);
      source_ = (source_ + 1) % count_;
      next_ += interval_;
    }
    next_ = std::max(next_, now);
  }

  Log log_;
  Watch watch_;
  Connections connections_;
  std::size_t count_;
  std::int64_t interval_;
  std::int64_t next_ = 0;
  std::size_t source_ = 0;
  std::uint64_t opened_ = 0;
  std::uint64_t skipped_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("short HTTP connections to a virtual address, and all that answers them");
  Asked asked;
  app.add_option("--target", asked.target, "IPv4 address")->required();
  app.add_option("--port", asked.port);
  app.add_option("--sources", asked.sources, "file of lines: address port")->required();
  app.add_option("--log", asked.log, "file to write")->required();
  app.add_option("--device", asked.device, "where answers come in")->required();
  app.add_option("--rate", asked.rate, "connections per second")->check(CLI::Range(0.1, 1e5));
  app.add_option("--timeout", asked.timeout_ms, "milliseconds a connection may take")
      ->check(CLI::Range(1.0, 6e5));
  app.add_flag("--reset", asked.reset_at_end, "close with RST: the servers keep nothing");
  CLI11_PARSE(app, argc, argv);
  raise_file_limit();
  const Descriptor signals = end_signals();
  Client client(asked);
  client.run(signals);
  return EXIT_SUCCESS;
}
