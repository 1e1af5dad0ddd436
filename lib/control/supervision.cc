// SPDX-License-Identifier: BSD-3-Clause
#include "control/supervision.h"

#include <algorithm>
#include <utility>

namespace covey::control {

std::vector<std::size_t> Movement::standing_still(std::span<const std::uint64_t> loops) {
  last_.resize(loops.size());
  std::vector<std::size_t> still;
  for (std::size_t worker = 0; worker < loops.size(); ++worker) {
    if (std::exchange(last_[worker], loops[worker]) == loops[worker]) still.push_back(worker);
  }
  return still;
}

std::string status_line(const convergence::Status& status) {
  std::string line(name(status.state));
  if (!status.reason.empty()) return line + ": " + status.reason;
  if (!status.converged) return line;
  const auto members = std::ranges::count_if(status.members, &convergence::MemberStatus::in_view);
  return line + ": " + std::to_string(members) + (members == 1 ? " host" : " hosts") + ", epoch " +
         std::to_string(status.generation);
}

void Supervision::start() {
  if (is_watched()) look();
}

base::Duration Supervision::gap() const {
  if (!ready_) return kFirstGaps;
  const base::Duration patience = supervisor_.patience;
  return patience == base::Duration::zero() ? kLongestGap : std::min(kLongestGap, patience / 2);
}

void Supervision::look() {
  const std::vector<std::size_t> still = movement_.standing_still(parts_.view.worker_loops());
  std::string news;
  if (still.empty()) {
    if (!std::exchange(ready_, true)) news += "READY=1\n";
    if (supervisor_.patience != base::Duration::zero()) news += "WATCHDOG=1\n";
  }
  if (ready_) note_still(still);
  if (std::string line = status_line(parts_.driver.status()); !stopping_ && line != status_) {
    status_ = std::move(line);
    news += "STATUS=" + status_ + '\n';
  }
  if (!news.empty()) supervisor_.tell(news);
  timer_.expires_after(gap());
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) look();
  });
}

/// Once for each change: the log must not fill up while the service manager makes up its mind.
void Supervision::note_still(const std::vector<std::size_t>& still) {
  if (still == still_) return;
  still_ = still;
  if (still.empty()) {
    parts_.logger.log(LogLevel::info, "workers_move_again");
    return;
  }
  std::string which;
  for (const std::size_t worker : still)
    which += (which.empty() ? "" : ", ") + std::to_string(worker);
  parts_.logger.log(LogLevel::error, "workers_stand_still", {{"workers", which}});
}

void Supervision::reloading() {
  if (!ready_ || stopping_) return;
  const std::int64_t now_us = parts_.view.now().ns / 1000;
  supervisor_.tell("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(now_us) + '\n');
}

void Supervision::reloaded() {
  if (ready_ && !stopping_) supervisor_.tell("READY=1\n");
}

void Supervision::stopping() {
  if (!is_watched() || std::exchange(stopping_, true)) return;
  supervisor_.tell("STOPPING=1\nSTATUS=leaving the cluster\n");
}

}  // namespace covey::control
