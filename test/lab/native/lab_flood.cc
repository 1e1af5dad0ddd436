// SPDX-License-Identifier: BSD-3-Clause
// lab-flood: puts prepared frames on a device, again and again, at a steady rate. The frames are
// read from a file, each behind its length (two bytes, big-endian). Prints one line of JSON.
#include <CLI/CLI.hpp>
#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "system.h"

namespace {

using namespace covey::lab;

constexpr std::size_t kBurst = 64;

struct Flood {
  std::string device;
  std::string frames;
  std::int64_t rate = 50'000;
  double seconds = 1;
};

std::vector<std::string> read_frames(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  const std::string all{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> frames;
  for (std::size_t at = 0; at + 2 <= all.size();) {
    const auto high = static_cast<unsigned char>(all[at]);
    const auto low = static_cast<unsigned char>(all[at + 1]);
    const std::size_t length = high * 256U + low;
    frames.push_back(all.substr(at + 2, length));
    at += 2 + length;
  }
  if (frames.empty()) {
    std::cerr << path << ": no frames\n";
    std::exit(EXIT_FAILURE);
  }
  return frames;
}

/// Sends the next `count` frames; how many the kernel took.
std::size_t send_burst(const Descriptor& out, std::vector<std::string>& frames, std::uint64_t from,
                       std::size_t count) {
  std::array<iovec, kBurst> parts{};
  std::array<mmsghdr, kBurst> messages{};
  for (std::size_t index = 0; index < count; ++index) {
    std::string& frame = frames[(from + index) % frames.size()];
    parts[index] = {frame.data(), frame.size()};
    messages[index].msg_hdr.msg_iov = &parts[index];
    messages[index].msg_hdr.msg_iovlen = 1;
  }
  const int sent = sendmmsg(out.get(), messages.data(), static_cast<unsigned>(count), 0);
  if (sent < 0 && errno != EAGAIN && errno != ENOBUFS && errno != EINTR) give_up("sendmmsg");
  return static_cast<std::size_t>(std::max(sent, 0));
}

void wait_until_ns(std::int64_t due) {
  const timespec at{due / kNanosPerSecond, due % kNanosPerSecond};
  clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &at, nullptr);
}

int run(const Flood& asked) {
  std::vector<std::string> frames = read_frames(asked.frames);
  const Descriptor out = packet_socket();
  bind_to_device(out, asked.device);
  const auto total = static_cast<std::uint64_t>(asked.seconds * static_cast<double>(asked.rate));
  const std::int64_t began = now_ns();
  std::uint64_t sent = 0;
  while (sent < total) {
    const std::size_t count = std::min<std::uint64_t>(kBurst, total - sent);
    sent += send_burst(out, frames, sent, count);
    const double due = static_cast<double>(sent) / static_cast<double>(asked.rate);
    wait_until_ns(began + static_cast<std::int64_t>(due * kNanosPerSecond));
  }
  const double took = static_cast<double>(now_ns() - began) / kNanosPerSecond;
  std::cout << "{\"sent\": " << sent << ", \"seconds\": " << took
            << ", \"rate\": " << static_cast<double>(sent) / took << "}\n";
  return EXIT_SUCCESS;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("puts prepared frames on a device at a steady rate");
  Flood asked;
  app.add_option("--device", asked.device, "device of this network namespace")->required();
  app.add_option("--frames", asked.frames, "frames, each behind its length")->required();
  app.add_option("--rate", asked.rate, "frames per second")->check(CLI::Range(1, 10'000'000));
  app.add_option("--seconds", asked.seconds, "how long")->check(CLI::Range(0.001, 86400.0));
  CLI11_PARSE(app, argc, argv);
  return run(asked);
}
