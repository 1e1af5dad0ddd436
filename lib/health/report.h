// SPDX-License-Identifier: BSD-3-Clause
// parse_report(): what a service says about itself, in the words of HAProxy's agent-check.
//
// Owner: health. Thread: any; pure. A report is one line of words with blanks, tabs or commas
// between them, in any case, and perhaps a description behind '#':
//   75%                  of its share, 0..100
//   up                   it is well
//   down failed stopped  it is ill
//   ready                the end of drain and maint
//   drain maint          it wants no new connections
//   maxconn:N            is read and has no meaning here
// A line without any of these, or with another word, is a mistake of the service.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace covey::health {

enum class Wish : unsigned char { ready, drain, maint };

struct Report {
  std::optional<unsigned> percent;
  std::optional<bool> is_up;
  std::optional<Wish> wish;
  std::string description;
  friend bool operator==(const Report&, const Report&) = default;
};

/// Of words that contradict each other the last one counts.
[[nodiscard]] base::Result<Report> parse_report(std::string_view line);

}  // namespace covey::health
