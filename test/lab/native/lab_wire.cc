// SPDX-License-Identifier: BSD-3-Clause
// lab-wire: a bad cable between two devices, in user space, because not every kernel has netem.
// Each frame may be lost, repeated, or held back so that later ones overtake it; chance comes from
// a seed. Runs until SIGTERM or SIGINT, then prints one line of JSON with what it did.
#include <poll.h>

#include <CLI/CLI.hpp>
#include <array>
#include <cstddef>
#include <cstdint>
#include <iostream>
#include <queue>
#include <random>
#include <string>
#include <vector>

#include "system.h"

namespace {

using namespace covey::lab;

constexpr std::size_t kMaxFrame = 65'536;
constexpr int kFramesPerTurn = 64;
constexpr int kReceiveBuffer = 8 << 20;

struct Wire {
  std::array<std::string, 2> devices;
  double loss = 0;
  double duplicate = 0;
  double reorder = 0;
  double hold_ms = 2;
  std::uint64_t seed = 1;
};

struct Counts {
  std::uint64_t passed = 0;
  std::uint64_t lost = 0;
  std::uint64_t duplicated = 0;
  std::uint64_t held = 0;
  std::uint64_t refused = 0;  // by the kernel's transmit queue
};

struct Held {
  std::int64_t due = 0;
  std::size_t side = 0;  // the one it leaves by
  std::string frame;

  bool operator>(const Held& other) const { return due > other.due; }
};

class Cable {
 public:
  explicit Cable(const Wire& asked) : asked_(asked), chance_(asked.seed) {
    for (std::size_t side = 0; side < sides_.size(); ++side) {
      sides_[side] = packet_socket();
      setsockopt(sides_[side].get(), SOL_SOCKET, SO_RCVBUFFORCE, &kReceiveBuffer,
                 sizeof kReceiveBuffer);
      bind_to_device(sides_[side], asked.devices[side]);
    }
  }

  void run(const Descriptor& signals) {
    while (true) {
      std::array<pollfd, 3> waits{
          {{sides_[0].get(), POLLIN, 0}, {sides_[1].get(), POLLIN, 0}, {signals.get(), POLLIN, 0}}};
      const timespec timeout = until_next();
      const bool waits_for_one = !held_.empty();
      ppoll(waits.data(), waits.size(), waits_for_one ? &timeout : nullptr, nullptr);
      if (waits[2].revents != 0) return;
      for (std::size_t side = 0; side < sides_.size(); ++side)
        receive(side);
      release();
    }
  }

  [[nodiscard]] const Counts& counts() const { return counts_; }

 private:
  [[nodiscard]] timespec until_next() const {
    if (held_.empty()) return {};
    const std::int64_t left = std::max<std::int64_t>(0, held_.top().due - now_ns());
    return {left / kNanosPerSecond, left % kNanosPerSecond};
  }

  bool happens(double percent) {
    return std::uniform_real_distribution<double>(0, 100)(chance_) < percent;
  }

  void receive(std::size_t side) {
    for (int turn = 0; turn < kFramesPerTurn; ++turn) {
      sockaddr_ll from{};
      socklen_t size = sizeof from;
      const ssize_t length = recvfrom(sides_[side].get(), buffer_.data(), buffer_.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from), &size);
      if (length <= 0) return;
      if (from.sll_pkttype == PACKET_OUTGOING) continue;  // what this program sent itself
      judge(1 - side, std::string(buffer_.data(), static_cast<std::size_t>(length)));
    }
  }

  void judge(std::size_t side, const std::string& frame) {
    if (happens(asked_.loss)) {
      ++counts_.lost;
      return;
    }
    const bool twice = happens(asked_.duplicate);
    if (happens(asked_.reorder)) {
      ++counts_.held;
      const auto wait = static_cast<std::int64_t>(asked_.hold_ms * kNanosPerMilli);
      held_.push({now_ns() + wait, side, frame});
    } else {
      transmit(side, frame);
    }
    if (twice) {
      ++counts_.duplicated;
      transmit(side, frame);
    }
  }

  void release() {
    while (!held_.empty() && held_.top().due <= now_ns()) {
      transmit(held_.top().side, held_.top().frame);
      held_.pop();
    }
  }

  void transmit(std::size_t side, const std::string& frame) {
    const bool sent = send(sides_[side].get(), frame.data(), frame.size(), 0) >= 0;
    ++(sent ? counts_.passed : counts_.refused);
  }

  Wire asked_;
  std::mt19937_64 chance_;
  std::array<Descriptor, 2> sides_;
  std::array<char, kMaxFrame> buffer_{};
  std::priority_queue<Held, std::vector<Held>, std::greater<>> held_;
  Counts counts_;
};

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("a bad cable between two devices of this network namespace");
  Wire asked;
  const CLI::Range percent(0.0, 100.0);
  app.add_option("first", asked.devices[0])->required();
  app.add_option("second", asked.devices[1])->required();
  app.add_option("--loss", asked.loss, "per cent of frames that vanish")->check(percent);
  app.add_option("--duplicate", asked.duplicate, "per cent that come twice")->check(percent);
  app.add_option("--reorder", asked.reorder, "per cent that are held back")->check(percent);
  app.add_option("--hold", asked.hold_ms, "milliseconds they are held back");
  app.add_option("--seed", asked.seed);
  CLI11_PARSE(app, argc, argv);
  const Descriptor signals = end_signals();
  Cable cable(asked);
  std::cout << "ready" << std::endl;
  cable.run(signals);
  const Counts& counts = cable.counts();
  std::cout << "{\"passed\": " << counts.passed << ", \"lost\": " << counts.lost
            << ", \"duplicated\": " << counts.duplicated << ", \"held\": " << counts.held
            << ", \"refused\": " << counts.refused << "}\n";
  return EXIT_SUCCESS;
}
