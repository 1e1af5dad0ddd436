// SPDX-License-Identifier: BSD-3-Clause
#include "cli/run.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <deque>
#include <map>

#include "cli/commands.h"
#include "cli/suggest.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

/// Where the option parser puts what it finds; nothing in here may move while it parses.
struct Parsed {
  std::string socket{kDefaultSocket};
  bool json = false;
  bool no_color = false;
  std::deque<std::string> values;
  std::deque<bool> flags;
};

/// One parameter of the table, tied to the place of its value.
struct Bound {
  std::string_view name;
  CLI::Option* option;
  const std::string* value;  // null for a flag
};
using BoundCommands = std::map<const CLI::App*, std::pair<const Command*, std::vector<Bound>>>;

Bound bind(CLI::App& sub, const Parameter& parameter, Parsed& parsed) {
  const std::string help(parameter.help);
  if (parameter.kind == Parameter::Kind::flag) {
    return {parameter.name,
            sub.add_flag(std::string(parameter.name), parsed.flags.emplace_back(), help), nullptr};
  }
  std::string& value = parsed.values.emplace_back();
  const bool is_option = parameter.kind == Parameter::Kind::option;
  // The parser wants plain words for positionals; people see the name of the table.
  const std::string name =
      is_option ? std::string(parameter.name) : fmt::format("argument{}", parsed.values.size());
  CLI::Option* option = sub.add_option(name, value, help);
  option->option_text(is_option ? "VALUE" : " ");
  if (!is_option) option->type_name("");
  return {parameter.name, option, &value};
}

std::string help_of(const Command& command) {
  std::string text = fmt::format("covey {}\n\n{}\n", usage_of(command), command.help);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Parameter& parameter : command.given())
    rows.emplace_back(fmt::format("  {}", parameter.name), std::string(parameter.help));
  if (!rows.empty()) text += "\n" + facts(rows);
  return text;
}

std::string help() {
  std::string text = fmt::format("{}\n\n", kUsage);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const Command& command : commands()) {
    if (!command.is_hidden())
      rows.emplace_back(fmt::format("  {}", command.name), std::string(command.help));
  }
  text += facts(rows);
  rows.clear();
  for (const auto& [letter, value, parameter] : common_options()) {
    rows.emplace_back(fmt::format("  {}{}{}{}{}", letter, letter.empty() ? "" : ", ",
                                  parameter.name, value.empty() ? "" : " ", value),
                      std::string(parameter.help));
  }
  text += "\n" + facts(rows);
  rows.clear();
  for (const ExitStatus& row : exit_statuses())
    rows.emplace_back(fmt::format("  {}", static_cast<int>(row.status)), std::string(row.meaning));
  return text + "\nexit status\n" + facts(rows);
}

int fail_with(const Surroundings& around, Exit status, const std::string& why) {
  around.err << "covey: " << on_one_line(why) << '\n';
  return static_cast<int>(status);
}

/// What the table says of the arguments; empty if they are as they must be.
std::string complaint(const Command& command, const Context& context) {
  for (const Parameter& parameter : command.given()) {
    if (parameter.kind == Parameter::Kind::required && !context.has(parameter.name))
      return fmt::format("{} is missing; usage: covey {}", parameter.name, usage_of(command));
  }
  for (const Parameter& parameter : command.given()) {
    if (parameter.values != Values::only_words || !context.has(parameter.name)) continue;
    const std::string given = context.argument(parameter.name);
    const std::vector<std::string_view> words = words_of(parameter);
    if (std::ranges::find(words, given) == words.end()) {
      return fmt::format("{}: '{}' is unknown{} (allowed: {})", parameter.name, given,
                         did_you_mean(given, words), fmt::join(words, ", "));
    }
  }
  return "";
}

int run_command(const Command& command, const std::vector<Bound>& bound, const Parsed& parsed,
                const Surroundings& around) {
  const Client client(parsed.socket);
  Context context{client,         around.offline,
                  around.out,     around.err,
                  parsed.json,    around.colours && !parsed.json && !parsed.no_color,
                  around.version, {}};
  for (const Bound& parameter : bound) {
    if (parameter.option->count() == 0) continue;
    context.arguments.emplace(parameter.name, parameter.value == nullptr ? "" : *parameter.value);
  }
  const std::string wrong = complaint(command, context);
  if (!wrong.empty()) return fail_with(around, Exit::usage, wrong);
  const auto status = command.run(context);
  around.out.flush();
  if (!status) {
    const base::Error& error = status.error();
    return fail_with(around, exit_of(error.code),
                     error.context + about_unknown_name(command, context, error));
  }
  return static_cast<int>(*status);
}

BoundCommands build(CLI::App& app, Parsed& parsed) {
  app.set_help_flag();
  for (const auto& [letter, value, parameter] : common_options()) {
    const std::string name =
        fmt::format("{}{}{}", letter, letter.empty() ? "" : ",", parameter.name);
    if (parameter.kind == Parameter::Kind::flag) {
      app.add_flag(name);
    } else {
      app.add_option(name, parsed.socket);
    }
  }
  app.fallthrough();
  app.require_subcommand(0, 1);
  app.prefix_command(false);
  app.allow_extras();
  BoundCommands bound;
  for (const Command& command : commands()) {
    CLI::App* sub = app.add_subcommand(std::string(command.name));
    sub->set_help_flag();
    sub->fallthrough();
    sub->allow_extras(false);
    auto& [row, parameters] = bound[sub];
    row = &command;
    for (const Parameter& parameter : command.given())
      parameters.push_back(bind(*sub, parameter, parsed));
  }
  return bound;
}

}  // namespace

int run(const std::vector<std::string>& arguments, const Surroundings& around) {
  CLI::App app;
  Parsed parsed;
  const BoundCommands bound = build(app, parsed);
  std::vector<std::string> reversed(arguments.rbegin(),
                                    arguments.rend());  // as the parser wants it
  try {
    app.parse(std::move(reversed));
  } catch (const CLI::ParseError& error) {
    return fail_with(around, Exit::usage, error.what());
  }
  parsed.json = app.count("--json") > 0;
  parsed.no_color = app.count("--no-color") > 0;
  const bool wants_help = app.count("--help") > 0;
  const auto chosen = app.get_subcommands();
  if (chosen.empty()) {
    const std::vector<std::string> rest = app.remaining();
    if (!rest.empty()) {
      const std::string& word = rest.front();
      return fail_with(around, Exit::usage,
                       word.starts_with('-') ? about_unknown_option(word, nullptr)
                                             : about_unknown_command(word));
    }
    (wants_help ? around.out : around.err) << help();
    return static_cast<int>(wants_help ? Exit::ok : Exit::usage);
  }
  const auto& [command, parameters] = bound.at(chosen.front());
  if (wants_help) {
    around.out << help_of(*command);
    return static_cast<int>(Exit::ok);
  }
  const std::vector<std::string> rest = app.remaining(true);
  if (!rest.empty()) {
    const std::string& word = rest.front();
    return fail_with(
        around, Exit::usage,
        word.starts_with('-')
            ? about_unknown_option(word, command)
            : fmt::format("'{}' is not expected here; usage: covey {}", word, usage_of(*command)));
  }
  return run_command(*command, parameters, parsed, around);
}

}  // namespace covey::cli
