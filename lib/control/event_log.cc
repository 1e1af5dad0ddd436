// SPDX-License-Identifier: BSD-3-Clause
#include "control/event_log.h"

#include <algorithm>
#include <iterator>
#include <utility>

namespace covey::control {

void EventLog::add(LogLevel level, api::EventRow event) {
  event.id = ++last_id_;
  logger_.log(level, event.event, {{"host", std::to_string(event.host)}, {"detail", event.detail}});
  events_.push_back(std::move(event));
  if (events_.size() > kKept) events_.pop_front();
  for (const auto& [listener, news] : listeners_)
    news();
}

std::vector<api::EventRow> EventLog::after(std::uint64_t id) const {
  std::vector<api::EventRow> rows;
  std::ranges::copy_if(events_, std::back_inserter(rows),
                       [id](const api::EventRow& event) { return event.id > id; });
  return rows;
}

std::uint64_t EventLog::listen(std::function<void()> news) {
  listeners_.emplace(++last_listener_, std::move(news));
  return last_listener_;
}

void EventLog::unlisten(std::uint64_t listener) {
  listeners_.erase(listener);
}

}  // namespace covey::control
