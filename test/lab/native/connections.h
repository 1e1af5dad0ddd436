// SPDX-License-Identifier: BSD-3-Clause
// Many short HTTP connections over IPv4: each is opened from a given address and port, asks for
// `/`, and must be answered in full and closed by the server within a time limit. A pair of address
// and port carries one connection at a time and may be used again and again.
//
// Owned by the one thread of lab-client, which calls advance() whenever descriptor() is readable or
// a deadline has passed. Nothing here blocks. It does not judge: every end is reported as a word.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "endpoint.h"
#include "system.h"

namespace covey::lab {

/// How one connection ended.
struct End {
  Endpoint from;
  std::int64_t started = 0;
  std::int64_t ended = 0;
  /// ok; before the handshake was complete: no-answer, refused; after it: stalled, reset, cut-off,
  /// bad-answer; error-N: the system call that failed said N.
  std::string what;
  std::string host;  ///< what the answer's X-Covey-Host said
};

struct ConnectionSettings {
  Endpoint target;
  std::vector<Endpoint> sources;
  std::int64_t timeout_ns = 0;
  bool reset_at_end = false;  ///< close with RST instead of FIN
};

class Connections {
 public:
  Connections(ConnectionSettings settings, std::function<void(const End&)> report);

  [[nodiscard]] int descriptor() const { return epoll_.get(); }

  /// Opens a connection from source number `index`; false when its last one has not ended yet.
  bool open(std::size_t index, std::int64_t now);

  /// Moves on whatever can move, and ends what is out of time.
  void advance(std::int64_t now);

  /// When the oldest connection runs out of time.
  [[nodiscard]] std::optional<std::int64_t> next_deadline() const;

  [[nodiscard]] std::size_t open_count() const { return open_count_; }

 private:
  struct Connection {
    Descriptor socket;
    std::int64_t started = 0;
    bool established = false;
    std::string answer;
  };
  struct Deadline {
    std::size_t index = 0;
    std::int64_t started = 0;
  };

  void connect_from(std::size_t index, std::int64_t now);
  void move(std::size_t index, std::int64_t now);
  void send_request(std::size_t index, std::int64_t now);
  void read_answer(std::size_t index, std::int64_t now);
  void finish(std::size_t index, std::int64_t now, std::string what, std::string host = {});

  ConnectionSettings settings_;
  std::function<void(const End&)> report_;
  Descriptor epoll_;
  std::vector<std::optional<Connection>> connections_;  // by source
  std::deque<Deadline> deadlines_;                      // oldest first; some have ended already
  std::size_t open_count_ = 0;
};

}  // namespace covey::lab
