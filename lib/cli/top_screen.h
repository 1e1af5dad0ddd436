// SPDX-License-Identifier: BSD-3-Clause
// top_screen(): what `covey top` shows, as lines for a screen of some size.
//
// Owner: cli. Thread: any; pure functions. Hosts and what this one does are at the top, the newest
// events at the foot; what does not fit is left out, events first.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "api/messages.h"
#include "cli/rates.h"

namespace covey::cli {

struct TopView {
  api::Status status;
  std::optional<api::BucketMaps> maps;  // nothing: too many for one answer
  api::Stats stats;
  std::optional<Rates> rates;  // nothing before the second answer
  std::vector<api::EventRow> events;
  std::string trouble;  // that this is of the past, and why
};

struct ScreenSize {
  std::size_t columns = 80;
  std::size_t rows = 24;
  friend bool operator==(const ScreenSize&, const ScreenSize&) = default;
};

/// All of it, however much it is.
[[nodiscard]] std::vector<std::string> top_lines(const TopView& view, bool colours);
/// At most size.rows lines, none wider than size.columns.
[[nodiscard]] std::vector<std::string> top_screen(const TopView& view, ScreenSize size,
                                                  bool colours);

}  // namespace covey::cli
