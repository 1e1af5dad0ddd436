// SPDX-License-Identifier: BSD-3-Clause
#include "cli/suggest.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/text.h"
#include "cli/live_values.h"

namespace covey::cli {
namespace {

using Words = std::vector<std::string_view>;

std::string_view without_dashes(std::string_view option) {
  option.remove_prefix(std::min(option.find_first_not_of('-'), option.size()));
  return option.substr(0, option.find('='));
}

/// Without their dashes, which are no letters that one mistypes.
Words long_options(const Command* command) {
  Words names;
  if (command != nullptr) {
    for (const Parameter& parameter : command->given()) {
      if (parameter.name.starts_with("--")) names.push_back(without_dashes(parameter.name));
    }
  }
  for (const CommonOption& option : common_options())
    names.push_back(without_dashes(option.parameter.name));
  return names;
}

bool is_known_by_name(Values values) {
  return values == Values::host || values == Values::rule || values == Values::verdict;
}

}  // namespace

std::string did_you_mean(std::string_view word, std::span<const std::string_view> words) {
  const std::string_view nearest = base::nearest_word(word, words);
  return nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest);
}

std::string about_unknown_command(std::string_view word) {
  Words names;
  for (const Command& command : commands()) {
    if (!command.is_hidden()) names.push_back(command.name);
  }
  const std::string nearest = did_you_mean(word, names);
  return fmt::format("unknown command '{}'{}", word,
                     nearest.empty() ? "; `covey --help` lists them" : nearest);
}

std::string about_unknown_option(std::string_view option, const Command* command) {
  std::string text = fmt::format("unknown option '{}'", option);
  const std::string_view word = without_dashes(option);
  // One letter is one mistake from every other.
  const std::string_view nearest =
      word.size() < 2 ? "" : base::nearest_word(word, long_options(command));
  if (!nearest.empty()) text += fmt::format(", did you mean '--{}'?", nearest);
  return fmt::format(
      "{}; usage: {}", text,
      command == nullptr ? std::string(kUsage) : fmt::format("covey {}", usage_of(*command)));
}

std::string about_unknown_name(const Command& command, const Context& context,
                               const base::Error& error) {
  if (error.code != base::ErrorCode::invalid_argument) return "";
  for (const Parameter& parameter : command.given()) {
    const std::string given = context.argument(parameter.name);
    // Where the error is about something else, a suggestion would mislead.
    if (!is_known_by_name(parameter.values) || given.empty()) continue;
    if (error.context.find(given) == std::string::npos) continue;
    const std::vector<std::string> names = live_names(parameter.values, context.client);
    Words words(names.begin(), names.end());
    for (const std::string_view word : words_of(parameter))
      words.push_back(word);
    if (std::ranges::find(words, given) == words.end()) return did_you_mean(given, words);
  }
  return "";
}

}  // namespace covey::cli
