// SPDX-License-Identifier: BSD-3-Clause
#include "health/report.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

namespace covey::health {
namespace {

constexpr std::string_view kSeparators = " \t,";
constexpr std::size_t kMaxShown = 40;  // of a word that nobody knows

constexpr std::array<std::pair<std::string_view, bool>, 4> kStates = {
    {{"up", true}, {"down", false}, {"failed", false}, {"stopped", false}}};
constexpr std::array<std::pair<std::string_view, Wish>, 3> kWishes = {
    {{"ready", Wish::ready}, {"drain", Wish::drain}, {"maint", Wish::maint}}};

template <typename Table, typename Value>
bool take_word(const Table& table, std::string_view word, std::optional<Value>& value) {
  const auto* const found = std::ranges::find(table, word, &Table::value_type::first);
  if (found == table.end()) return false;
  value = found->second;
  return true;
}

bool take_percent(std::string_view word, std::optional<unsigned>& percent) {
  unsigned value = 0;
  const char* const end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (error != std::errc() || stop + 1 != end || *stop != '%' || value > 100) return false;
  percent = value;
  return true;
}

}  // namespace

base::Result<Report> parse_report(std::string_view line) {
  Report report;
  const std::size_t mark = std::min(line.find('#'), line.size());
  std::string words(line.substr(0, mark));
  std::ranges::transform(words, words.begin(), [](char c) {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  });
  bool says_something = false;
  for (std::string_view rest = words;;) {
    const std::size_t begin = rest.find_first_not_of(kSeparators);
    if (begin == std::string_view::npos) break;
    rest.remove_prefix(begin);
    const std::string_view word = rest.substr(0, rest.find_first_of(kSeparators));
    rest.remove_prefix(word.size());
    if (word.starts_with("maxconn:")) continue;
    if (!take_percent(word, report.percent) && !take_word(kStates, word, report.is_up) &&
        !take_word(kWishes, word, report.wish)) {
      return base::fail(
          base::ErrorCode::corrupt,
          "says '" + std::string(word.substr(0, kMaxShown)) +
              "' (allowed: 0%..100%, up, down, failed, stopped, ready, drain, maint)");
    }
    says_something = true;
  }
  if (!says_something) return base::fail(base::ErrorCode::corrupt, "says nothing");
  const std::string_view description = line.substr(std::min(mark + 1, line.size()));
  const std::size_t begin = description.find_first_not_of(' ');
  if (begin != std::string_view::npos) report.description = description.substr(begin);
  return report;
}

}  // namespace covey::health
