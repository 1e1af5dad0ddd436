// SPDX-License-Identifier: BSD-3-Clause
#include "cli/watch_commands.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdint>
#include <limits>
#include <thread>

#include "base/text.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/rates.h"
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

base::Result<base::Duration> interval_of(const Context& context) {
  constexpr base::Duration by_default = std::chrono::seconds(1);
  constexpr base::Duration least = std::chrono::milliseconds(10);
  constexpr base::Duration most = std::chrono::hours(1);
  if (!context.has("--interval")) return by_default;
  const auto interval = base::parse_duration(context.argument("--interval"));
  if (!interval) return base::wrap("--interval", interval.error());
  if (*interval >= least && *interval <= most) return *interval;
  return base::fail(base::ErrorCode::invalid_argument, "--interval: allowed are 10ms..1h");
}

/// Counters, and when they were read.
struct Sample {
  api::Stats stats;
  std::chrono::steady_clock::time_point at;
};

base::Result<Sample> sample(const Client& client) {
  auto answer = client.ask<api::Stats>("/v1/stats");
  if (!answer) return std::unexpected(std::move(answer.error()));
  return Sample{std::move(answer->value), std::chrono::steady_clock::now()};
}

base::Result<Exit> rates(const Context& context) {
  const auto interval = interval_of(context);
  if (!interval) return std::unexpected(interval.error());
  const auto before = sample(context.client);
  if (!before) return std::unexpected(before.error());
  std::this_thread::sleep_until(before->at + *interval);
  const auto after = sample(context.client);
  if (!after) return std::unexpected(after.error());
  const auto rates = rates_between(before->stats, after->stats, after->at - before->at);
  if (!rates) return std::unexpected(rates.error());
  print_line(context,
             context.json ? to_json(*rates) : show(*rates, context.has("--all"), context.colours));
  return Exit::ok;
}

}  // namespace

base::Result<Exit> stats(const Context& context) {
  if (context.has("--rate")) return rates(context);
  if (context.has("--interval"))
    return base::fail(base::ErrorCode::invalid_argument, "--interval goes with --rate");
  return ask_and_show<api::Stats>(context, "/v1/stats", [&](const auto& reply) {
    return show(reply, context.has("--all"), context.colours);
  });
}

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
