// SPDX-License-Identifier: BSD-3-Clause
// Many long TCP connections that talk as a Questioner (dialogue.h) does. A connection is opened
// once and never replaced.
//
// Owned by the one thread of lab-talk. Nothing here blocks or judges: every end is reported as a
// word, with the longest time that an answer has taken.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "dialogue.h"
#include "endpoint.h"
#include "system.h"

namespace covey::lab {

struct TalkSettings {
  Endpoint target;
  std::vector<Endpoint> sources;
  std::int64_t interval_ns = 0;  // from an answer to the next word
};

/// The end of a connection; times are of CLOCK_MONOTONIC.
struct LastWord {
  Endpoint from;
  std::int64_t time = 0;
  /// ok: closed by us; before the handshake: refused; after it: reset, closed (by the server),
  /// wrong (other bytes than must come), stalled (given up); error-N: the system call that failed
  /// said N.
  std::string what;
  unsigned host = 0;  ///< who has answered; 0: nobody
  std::uint64_t answers = 0;
  std::int64_t worst_ns = 0;     ///< the longest time an answer took, also one that never came
  std::int64_t waits_since = 0;  ///< when that was said to which no answer came; 0: nothing is open
};

struct TalkStatus {
  std::size_t open = 0;
  std::size_t waiting = 0;    // for an answer
  std::uint64_t answers = 0;  // of all
  std::uint64_t fewest = 0;   // answers of the open connection that has had the fewest
};

class Talkers {
 public:
  Talkers(TalkSettings settings, std::function<void(const LastWord&)> report);

  [[nodiscard]] int descriptor() const { return epoll_.get(); }
  /// The next source, while there is one.
  void open_next(std::int64_t now);
  [[nodiscard]] bool all_opened() const { return opened_ == settings_.sources.size(); }
  /// Takes what has come, and says what is due unless `quiet`.
  void advance(std::int64_t now, bool quiet);
  /// Closes every connection that waits for no answer.
  void close_idle(std::int64_t now);
  /// Gives up those that still wait.
  void give_up(std::int64_t now);
  [[nodiscard]] TalkStatus status() const;

 private:
  struct Talker {
    Descriptor socket;
    Questioner talk;
    bool established = false;
  };

  void greet(std::size_t index, std::int64_t now);
  void say(std::size_t index, std::int64_t now);
  void hear(std::size_t index, std::int64_t now);
  void finish(std::size_t index, std::int64_t now, std::string what);

  TalkSettings settings_;
  std::function<void(const LastWord&)> report_;
  Descriptor epoll_;
  std::vector<std::optional<Talker>> talkers_;  // by source
  std::size_t opened_ = 0;
};

}  // namespace covey::lab
