// SPDX-License-Identifier: BSD-3-Clause
// lab-talk: long connections to a virtual address that talk all the time and check every byte
// (talkers.h), and what a client's wire shows of them. Writes a log, one line each (times are
// nanoseconds of CLOCK_MONOTONIC):
//
//   F TIME ADDRESS PORT MAC                  the first frame of a connection came from MAC
//   M TIME ADDRESS PORT MAC rst|-            a frame of it came from another MAC
//   X TIME ADDRESS PORT END HOST ANSWERS WORST SINCE    its end, see LastWord
//   P TIME OPEN WAITING ANSWERS FEWEST       how it goes, a few times a second, see TalkStatus
//   E MISSED                                 the end; MISSED frames were not looked at
//
// SIGTERM or SIGINT: let the open answers come, as long
// as a client may have to wait, close, and end.
#include <poll.h>
#include <sys/signalfd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstdint>
#include <fstream>
#include <string>
#include <unordered_map>

#include "endpoint.h"
#include "system.h"
#include "talkers.h"
#include "watch.h"

namespace {

using namespace covey::lab;

constexpr std::int64_t kTurn = 5 * kNanosPerMilli;
constexpr std::int64_t kStatusEvery = 200 * kNanosPerMilli;
constexpr std::int64_t kLastAnswers = 10 * kNanosPerSecond;
constexpr int kOpenPerTurn = 16;

struct Asked {
  Endpoint target;
  std::string address;
  std::string sources;
  std::string log;
  std::string device;
  double opened_per_second = 500;
  double interval_ms = 250;
};

class Client {
 public:
  explicit Client(const Asked& asked)
      : log_(asked.log),
        watch_(asked.device, asked.target, Watched::everything),
        talkers_({asked.target, read_endpoints(asked.sources),
                  static_cast<std::int64_t>(asked.interval_ms * kNanosPerMilli)},
                 [this](const LastWord& word) { write_end(word); }),
        open_interval_(static_cast<std::int64_t>(kNanosPerSecond / asked.opened_per_second)) {}

  void run(const Descriptor& signals) {
    next_open_ = now_ns();
    while (!is_over(now_ns())) {
      wait(signals);
      obey(signals);
      const std::int64_t now = now_ns();
      watch_.drain([&](const Answer& answer) { see(answer, now); });
      open_due(now);
      talkers_.advance(now, ends_ != 0);
      if (ends_ != 0) talkers_.close_idle(now);
      write_status(now);
    }
    talkers_.give_up(now_ns());
    log_ << "E " << watch_.missed() << std::endl;
  }

 private:
  [[nodiscard]] bool is_over(std::int64_t now) const {
    return ends_ != 0 && (talkers_.status().open == 0 || now >= ends_);
  }

  void wait(const Descriptor& signals) const {
    std::array<pollfd, 3> waits{{{talkers_.descriptor(), POLLIN, 0},
                                 {watch_.descriptor(), POLLIN, 0},
                                 {signals.get(), POLLIN, 0}}};
    poll(waits.data(), waits.size(), static_cast<int>(kTurn / kNanosPerMilli));
  }

  void obey(const Descriptor& signals) {
    signalfd_siginfo info{};
    while (read(signals.get(), &info, sizeof info) > 0) {
      ends_ = now_ns() + kLastAnswers;
    }
  }

  void open_due(std::int64_t now) {
    if (ends_ != 0) return;
    for (int turn = 0; turn < kOpenPerTurn && next_open_ <= now; ++turn) {
      if (talkers_.all_opened()) return;
      talkers_.open_next(now);
      next_open_ += open_interval_;
    }
  }

  void see(const Answer& answer, std::int64_t now) {
    const std::uint64_t key = std::uint64_t{answer.to.address} << 16U | answer.to.port;
    const auto [known, is_first] = macs_.emplace(key, answer.mac);
    if (!is_first && known->second == answer.mac) return;
    log_ << (is_first ? "F " : "M ") << now << " " << to_text(answer.to) << " "
         << to_text(answer.mac);
    if (!is_first) log_ << (answer.reset ? " rst" : " -");
    log_ << "\n";
  }

  void write_end(const LastWord& word) {
    log_ << "X " << word.time << " " << to_text(word.from) << " " << word.what << " " << word.host
         << " " << word.answers << " " << word.worst_ns << " " << word.waits_since << "\n";
  }

  void write_status(std::int64_t now) {
    if (now - status_ < kStatusEvery) return;
    status_ = now;
    const TalkStatus status = talkers_.status();
    log_ << "P " << now << " " << status.open << " " << status.waiting << " " << status.answers
         << " " << status.fewest << std::endl;
  }

  std::ofstream log_;
  Watch watch_;
  Talkers talkers_;
  std::unordered_map<std::uint64_t, std::array<std::uint8_t, 6>> macs_;  // by address and port
  std::int64_t open_interval_;
  std::int64_t next_open_ = 0;
  std::int64_t status_ = 0;
  std::int64_t ends_ = 0;  // 0: not asked to end
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("long connections to a virtual address, every byte of which is checked");
  Asked asked;
  app.add_option("--target", asked.address, "IPv4 address")->required();
  app.add_option("--port", asked.target.port)->required();
  app.add_option("--sources", asked.sources, "file of lines: address port")->required();
  app.add_option("--log", asked.log, "file to write")->required();
  app.add_option("--device", asked.device, "where answers come in")->required();
  app.add_option("--rate", asked.opened_per_second, "connections opened per second")
      ->check(CLI::Range(0.1, 1e5));
  app.add_option("--interval", asked.interval_ms, "milliseconds between words of a connection")
      ->check(CLI::Range(1.0, 6e5));
  CLI11_PARSE(app, argc, argv);
  asked.target.address = to_address(asked.address);
  raise_file_limit();
  const Descriptor signals = end_signals();
  Client client(asked);
  client.run(signals);
  return EXIT_SUCCESS;
}
