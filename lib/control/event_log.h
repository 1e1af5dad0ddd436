// SPDX-License-Identifier: BSD-3-Clause
// EventLog: the last kKept events of this host, numbered, logged, and announced to who listens.
//
// Owner: control. Thread: the control thread.
// A slow listener loses nothing of its own making: it reads by number when it can, and sees from
// the numbers if the ring went past it. Listeners are told that there is news, not what; they must
// not add events.
#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "api/messages.h"
#include "control/logging.h"

namespace covey::control {

class EventLog {
 public:
  static constexpr std::size_t kKept = 256;

  explicit EventLog(Logger& logger) : logger_(logger) {}
  EventLog(const EventLog&) = delete;
  EventLog& operator=(const EventLog&) = delete;

  /// Numbers and keeps the event (its `id` is overwritten), logs it, tells the listeners.
  void add(LogLevel level, api::EventRow event);
  /// Kept events with a number above `id`, oldest first.
  [[nodiscard]] std::vector<api::EventRow> after(std::uint64_t id) const;
  [[nodiscard]] std::uint64_t last_id() const { return last_id_; }

  /// Calls `news` after every add() until unlisten().
  [[nodiscard]] std::uint64_t listen(std::function<void()> news);
  void unlisten(std::uint64_t listener);
  [[nodiscard]] std::size_t listeners() const { return listeners_.size(); }

 private:
  Logger& logger_;
  std::deque<api::EventRow> events_;
  std::uint64_t last_id_ = 0;
  std::map<std::uint64_t, std::function<void()>> listeners_;
  std::uint64_t last_listener_ = 0;
};

}  // namespace covey::control
