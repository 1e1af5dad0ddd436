// SPDX-License-Identifier: BSD-3-Clause
// Runtime: the control thread. One io_context, one thread, no locks; all concerns start and end
// here.
//
// Owner: control; the app owns the object. Threads: run() makes the calling thread the control
// thread; stop() and figures() may be called from others. SIGTERM and SIGINT leave the cluster
// first (peers take over at once) and end run(); one that comes 300 ms later or more ends it
// without waiting. Pinning and priority of the thread are the caller's business.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/result.h"
#include "bucket/siphash.h"
#include "control/logging.h"
#include "control/ports.h"
#include "control/settings.h"
#include "convergence/node.h"
#include "heartbeat/key_ring.h"
#include "telemetry/figures.h"

namespace covey::control {

/// run() when a further signal ended it while it was leaving.
inline constexpr int kCutShort = 2;

struct Options {
  Settings settings;
  convergence::NodeConfig node;  // start_stopped and start_suspended follow settings.initial_state
  heartbeat::KeyRing keys;
  std::string key_file;           // where they are from, and where they go when they change
  bucket::SipKey command_secret;  // random per start
  Supervisor supervisor = {};
  std::vector<health::Settings> health = {};
};

class Runtime {
  struct Implementation;

 public:
  /// Opens the API listeners and takes the signals; nothing runs yet. All that is lent outlives the
  /// Runtime.
  [[nodiscard]] static base::Result<std::unique_ptr<Runtime>> open(
      Options options, BucketSink& sink, HeartbeatLink& link, DataPlaneView& view,
      ConfigView& config, Logger& logger);
  explicit Runtime(std::unique_ptr<Implementation> implementation);  // for open()
  ~Runtime();
  Runtime(const Runtime&) = delete;
  Runtime& operator=(const Runtime&) = delete;

  /// Serves until stopped. 0: the host left the cluster properly; 1: it could not, or something
  /// failed; kCutShort.
  [[nodiscard]] int run();
  /// As SIGTERM does.
  void stop();
  /// From any thread but the control thread, for which it waits: what figures() says. timed_out if
  /// that has not answered after a second, or answers nobody any more.
  [[nodiscard]] base::Result<telemetry::Figures> figures(std::string path, std::string parameter);
  /// The TCP port of the API in use, 0 without.
  [[nodiscard]] std::uint16_t tcp_port() const;

 private:
  std::unique_ptr<Implementation> implementation_;
};

/// From now on the three signals kill this process never more: not even while a Runtime that has
/// ended is put away with all that it was lent. For a program that has opened one, once.
void outlive_signals();

}  // namespace covey::control
