// SPDX-License-Identifier: BSD-3-Clause
// follow(): the daemon's events as they happen, over its restarts too.
//
// Owner: cli. Thread: the caller's, which is busy with it until Ctrl-C (SIGINT, caught meanwhile),
// until somebody has seen enough, or until the daemon refuses. Nothing is missed and nothing comes
// twice, unless more happens than the daemon keeps: a broken connection resumes behind the last
// event, a daemon that was away for a moment has counted from 1 again.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

#include "api/messages.h"
#include "base/result.h"
#include "base/time.h"

namespace covey::cli {

struct Follower {
  /// The event, and as the daemon wrote it. False: that was enough.
  std::function<bool(const api::EventRow& event, std::string_view json)> each;
  /// That the daemon ended, or is back: for people.
  std::function<void(std::string_view note)> note;
};

struct FollowLimits {
  base::Duration answer = std::chrono::seconds(10);
  // The daemon sends a comment every 15 s: without three of them the connection is dead.
  base::Duration silence = std::chrono::seconds(45);
  // Shorter than a daemon needs to start. One that is there again so soon never ended: the
  // connection did.
  base::Duration again = std::chrono::milliseconds(50);
};

/// Events with a number above `since`. An error if the daemon is not there at the beginning, or
/// refuses.
[[nodiscard]] base::Result<void> follow(const std::string& socket, std::uint64_t since,
                                        const Follower& follower, FollowLimits limits = {});

}  // namespace covey::cli
