// SPDX-License-Identifier: BSD-3-Clause
// What differs between our shared settings and those of another host, from the excerpts it sends.
//
// Owner: convergence. Thread: the caller's, one at a time.
// Hosts whose configuration digests differ tell each other their settings, an excerpt with each
// heartbeat. A value that differs is known from the excerpt that has it; a setting that only one
// side has is known when all excerpts are there. A setting and its name hold at most
// base::kMaxSettingText bytes each on the wire, and there are at most 65,535 of them.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/setting.h"
#include "heartbeat/message.h"

namespace covey::convergence {

/// The excerpt that begins at `first`, and moves `first` on (around the end).
[[nodiscard]] heartbeat::SettingsExcerpt next_excerpt(const base::Settings& settings,
                                                      std::uint32_t& first);

class Differences {
 public:
  /// Takes in what a host with this digest said, and compares anew if that is news. The same
  /// settings of ours each time.
  void take(const base::Settings& ours, std::uint64_t digest,
            const heartbeat::SettingsExcerpt& excerpt);
  /// "rule web: affinity none here, single there; ..."; empty while no difference is known.
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  [[nodiscard]] std::string compare(const base::Settings& ours) const;

  std::uint64_t digest_ = 0;
  base::Settings theirs_;  // by position; an empty name is not known yet
  std::string text_;
};

}  // namespace covey::convergence
