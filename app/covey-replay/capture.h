// SPDX-License-Identifier: BSD-3-Clause
// Capture: the frames of a pcap or pcapng file, one after the other.
//
// Owner: app/covey-replay. Thread: one.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/result.h"
#include "base/time.h"

struct pcap;

namespace covey::app {

struct CapturedFrame {
  base::TimePoint time;                 // of the clock of whoever captured
  std::span<const std::uint8_t> bytes;  // good until the next frame is read
};

class Capture {
 public:
  /// Ethernet only. Errors name the file.
  [[nodiscard]] static base::Result<Capture> open(const std::string& path);

  /// Nothing at the end of the file; an error if it is damaged.
  [[nodiscard]] base::Result<std::optional<CapturedFrame>> next();

 private:
  struct Close {
    void operator()(pcap* file) const;
  };
  Capture(pcap* file, std::string path) : file_(file), path_(std::move(path)) {}

  std::unique_ptr<pcap, Close> file_;
  std::string path_;
};

}  // namespace covey::app
