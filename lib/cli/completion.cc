// SPDX-License-Identifier: BSD-3-Clause
#include "cli/completion.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "base/assert.h"
#include "cli/output.h"
#include "cli/shell_scripts.h"

namespace covey::cli {
namespace {

using Kind = Parameter::Kind;
using Words = std::vector<std::string_view>;

struct Offer {
  std::string_view word;
  std::string_view help;  // empty: the word says it
};

/// One row of a script: at which places what is offered.
struct Row {
  std::vector<std::string> places;
  std::vector<Offer> offers;
  std::string_view live;  // what `__complete` or the shell itself is asked for; empty: nothing
};

std::string_view word_of(Values values) {
  switch (values) {
    case Values::free:
    case Values::only_words:
      return "";
    case Values::file:
      return "file";
    case Values::host:
      return "host";
    case Values::rule:
      return "rule";
    case Values::virtual_ip:
      return "virtual_ip";
    case Values::service:
      return "service";
    case Values::verdict:
      return "verdict";
  }
  COVEY_ASSERT(false);
}

bool is_typed(const Parameter& parameter) {
  return parameter.kind == Kind::option || parameter.kind == Kind::flag;
}

std::vector<Row> option_rows() {
  std::vector<Offer> common;
  for (const CommonOption& option : common_options()) {
    if (!option.letter.empty()) common.push_back({option.letter, option.parameter.help});
    common.push_back({option.parameter.name, option.parameter.help});
  }
  std::vector<Row> rows;
  for (const Command& command : commands()) {
    Row row{{std::string(command.name)}, {}, ""};
    for (const Parameter& parameter : command.given()) {
      if (is_typed(parameter)) row.offers.push_back({parameter.name, parameter.help});
    }
    if (row.offers.empty()) continue;
    row.offers.insert(row.offers.end(), common.begin(), common.end());
    rows.push_back(std::move(row));
  }
  rows.push_back({{"*"}, common, ""});
  return rows;
}

void add_place(std::vector<Row>& rows, std::vector<std::string> places,
               const Parameter& parameter) {
  Row row{std::move(places), {}, word_of(parameter.values)};
  for (const std::string_view word : words_of(parameter))
    row.offers.push_back({word, ""});
  if (!row.offers.empty() || !row.live.empty()) rows.push_back(std::move(row));
}

std::vector<Row> place_rows() {
  std::vector<Row> rows;
  Row first{{"/0"}, {}, ""};
  for (const Command& command : commands()) {
    if (!command.is_hidden()) first.offers.push_back({command.name, command.help});
  }
  rows.push_back(std::move(first));
  for (const Command& command : commands()) {
    if (command.is_hidden()) continue;
    unsigned before = 0;
    for (const Parameter& parameter : command.given()) {
      const std::string at =
          is_typed(parameter) ? std::string(parameter.name) : fmt::format("{}", before++);
      add_place(rows, {fmt::format("{}/{}", command.name, at)}, parameter);
    }
  }
  for (const CommonOption& option : common_options()) {
    if (option.parameter.kind == Kind::flag) continue;
    std::vector<std::string> places = {fmt::format("*/{}", option.parameter.name)};
    if (!option.letter.empty()) places.push_back(fmt::format("*/{}", option.letter));
    add_place(rows, std::move(places), option.parameter);
  }
  return rows;
}

/// Options after which a word is their value, each once.
Words valued_options() {
  Words words;
  for (const CommonOption& option : common_options()) {
    if (option.parameter.kind != Kind::option) continue;
    if (!option.letter.empty()) words.push_back(option.letter);
    words.push_back(option.parameter.name);
  }
  for (const Command& command : commands()) {
    for (const Parameter& parameter : command.given()) {
      const bool is_new = std::ranges::find(words, parameter.name) == words.end();
      if (parameter.kind == Kind::option && is_new) words.push_back(parameter.name);
    }
  }
  return words;
}

/// All three shells understand this form.
std::string shell_word(std::string_view text) {
  std::string inner;
  for (const char c : text)
    inner.append(c == '\'' ? R"('\'')" : std::string_view(&c, 1));
  return fmt::format("'{}'", inner);
}

std::string joined(const std::vector<Offer>& offers) {
  std::string text;
  for (const Offer& offer : offers)
    text.append(text.empty() ? "" : " ").append(offer.word);
  return text;
}

bool has_help(const Row& row) {
  return std::ranges::any_of(row.offers, [](const Offer& offer) { return !offer.help.empty(); });
}

/// A star at the beginning is a pattern, what follows is a word.
std::string pattern_of(const std::string& place) {
  return place.starts_with("*/") ? fmt::format("*{}", shell_word(place.substr(1))) : place;
}

std::string row_of_bash(const Row& row) {
  std::vector<std::string> patterns;
  for (const std::string& place : row.places)
    patterns.push_back(pattern_of(place));
  std::string text = fmt::format("      {})", fmt::join(patterns, " | "));
  if (!row.offers.empty()) text += fmt::format(" offers=({})", joined(row.offers));
  if (!row.live.empty()) text += fmt::format("{} live={}", row.offers.empty() ? "" : ";", row.live);
  return text + " ;;\n";
}

/// As for bash, and what is shown beside the words.
std::string row_of_zsh(const Row& row) {
  std::string text = row_of_bash(row);
  if (!has_help(row)) return text;
  text.resize(text.size() - std::string_view(" ;;\n").size());
  text += "\n        helps=(\n";
  for (const Offer& offer : row.offers)
    text +=
        fmt::format("          {}\n", shell_word(fmt::format("{:<12} {}", offer.word, offer.help)));
  return text + "        ) ;;\n";
}

std::string row_of_fish(const Row& row) {
  std::string text = "            case";
  for (const std::string& place : row.places)
    text.append(" ").append(shell_word(place));
  text += "\n";
  if (!row.offers.empty())
    text += fmt::format("                set offers {}\n", joined(row.offers));
  if (!row.live.empty()) text += fmt::format("                set live {}\n", row.live);
  if (!has_help(row)) return text;
  text += "                set helps";
  for (const Offer& offer : row.offers)
    text += fmt::format(" \\\n                    {}", shell_word(offer.help));
  return text + "\n";
}

struct Shell {
  std::string_view name;
  std::string_view script;
  std::string_view between;  // the patterns of one case
  std::string (*row)(const Row& row);
};
constexpr auto kShells = std::to_array<Shell>({{"bash", kBashScript, " | ", row_of_bash},
                                               {"zsh", kZshScript, " | ", row_of_zsh},
                                               {"fish", kFishScript, " ", row_of_fish}});

void replace(std::string& script, std::string_view mark, std::string_view text) {
  const std::size_t at = script.find(mark);
  COVEY_ASSERT(at != std::string::npos);
  script.replace(at, mark.size(), text);
}

}  // namespace

std::string completion_script(std::string_view shell) {
  const auto* const found = std::ranges::find(kShells, shell, &Shell::name);
  COVEY_ASSERT(found != kShells.end());
  std::string options;
  for (const Row& row : option_rows())
    options += found->row(row);
  std::string places;
  for (const Row& row : place_rows())
    places += found->row(row);
  std::string script(found->script);
  replace(script, "@valued@", fmt::format("{}", fmt::join(valued_options(), found->between)));
  replace(script, "@options@", options);
  replace(script, "@places@", places);
  return script;
}

base::Result<Exit> completion(const Context& context) {
  print_line(context, completion_script(context.argument("SHELL")));
  return Exit::ok;
}

}  // namespace covey::cli
