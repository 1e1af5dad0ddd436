// SPDX-License-Identifier: BSD-3-Clause
#include "base/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <vector>

namespace covey::base {
namespace {

struct Unit {
  std::string_view suffix;
  std::int64_t ms;
};
constexpr std::array<Unit, 5> kUnits = {
    {{"d", 86'400'000}, {"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

/// Words longer than this are nobody's typing mistake, and the table below stays small.
constexpr std::size_t kMaxWord = 64;

/// Optimal string alignment: insertions, deletions, replacements and swapped neighbours cost 1
/// each.
std::size_t typing_mistakes(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> cost(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        cost[i][j] = i + j;
        continue;
      }
      const std::size_t replace = cost[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0U : 1U);
      cost[i][j] = std::min({cost[i - 1][j] + 1, cost[i][j - 1] + 1, replace});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
        cost[i][j] = std::min(cost[i][j], cost[i - 2][j - 2] + 1);
      }
    }
  }
  return cost[a.size()][b.size()];
}

/// How many are close. Short words are near many others, so they are allowed one; a word of five
/// letters has often two wrong ("qurye"), a long one in three.
std::size_t forgiven_mistakes(std::size_t letters) {
  constexpr std::size_t few = 5;
  constexpr std::size_t many = 9;
  if (letters >= many) return letters / 3;
  return letters >= few ? 2 : 1;
}

}  // namespace

Result<Duration> parse_duration(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const std::string_view suffix = text.substr(static_cast<std::size_t>(end - text.data()));
  const auto* const unit = std::ranges::find(kUnits, suffix, &Unit::suffix);
  if (error != std::errc() || text.starts_with('-') || unit == kUnits.end()) {
    return fail(ErrorCode::invalid_argument,
                fmt::format("'{}' is not a duration (such as 200ms, 5s, 10m, 1h, 1d)", text));
  }
  constexpr std::int64_t most_ms = Duration::max().count() / 1'000'000;
  if (number > most_ms / unit->ms) {
    return fail(ErrorCode::invalid_argument, fmt::format("'{}' is too long a duration", text));
  }
  return std::chrono::milliseconds(number * unit->ms);
}

std::string format_duration(Duration duration) {
  const std::int64_t ms = to_ms(duration);
  if (ms == 0) return "0s";
  const auto* const unit =
      std::ranges::find_if(kUnits, [ms](const Unit& one) { return ms % one.ms == 0; });
  return fmt::format("{}{}", ms / unit->ms, unit->suffix);
}

std::string_view nearest_word(std::string_view word, std::span<const std::string_view> words) {
  std::string_view nearest;
  std::size_t fewest = forgiven_mistakes(word.size()) + 1;
  for (const std::string_view candidate : words) {
    if (word.size() > kMaxWord || candidate.size() > kMaxWord) continue;
    const std::size_t mistakes = typing_mistakes(word, candidate);
    if (mistakes < fewest) {
      fewest = mistakes;
      nearest = candidate;
    }
  }
  return nearest;
}

}  // namespace covey::base
