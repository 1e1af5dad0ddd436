// SPDX-License-Identifier: BSD-3-Clause
#include "cli/watch_commands.h"

#include <fmt/format.h>

#include <cstdint>
#include <limits>

#include "cli/follow.h"
#include "cli/output.h"
#include "cli/show.h"

namespace covey::cli {
namespace {

base::Result<Exit> follow_events(const Context& context, std::uint64_t since) {
  bool is_first = true;
  const auto print = [&](const api::EventRow& event, std::string_view json) {
    if (is_first && !context.json) print_line(context, event_titles(context.colours));
    is_first = false;
    print_line(context, context.json ? std::string(json) : show_line(event));
    // Whoever closes the other end of a pipe has seen enough.
    return context.out.flush().good();
  };
  const auto note = [&](std::string_view text) {
    context.err << "covey: " << text << '\n' << std::flush;
  };
  const auto ended = follow(context.client.socket(), since, {print, note});
  if (!ended) return std::unexpected(ended.error());
  return Exit::ok;
}

}  // namespace

base::Result<Exit> events(const Context& context) {
  std::string target = "/v1/events";
  std::uint64_t since = 0;
  if (context.has("--since")) {
    constexpr std::uint64_t most = std::numeric_limits<std::int64_t>::max();
    const auto number = parse_number(context.argument("--since"), "--since", most);
    if (!number) return std::unexpected(number.error());
    since = *number;
    target += fmt::format("?since={}", since);
  }
  if (context.has("--follow")) return follow_events(context, since);
  return ask_and_show<std::vector<api::EventRow>>(
      context, target, [&](const auto& rows) { return show(rows, context.colours); });
}

}  // namespace covey::cli
