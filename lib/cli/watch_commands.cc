// SPDX-License-Identifier: BSD-3-Clause
#include "cli/watch_commands.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <limits>
#include <optional>
#include <thread>

#include "base/text.h"
#include "cli/follow.h"
#include "cli/output.h"
#include "cli/rates.h"
#include "cli/show.h"
#include "cli/terminal.h"
#include "cli/top_screen.h"

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

/// Everything `top` shows, but for rates. Errors are of the first question: whether somebody
/// answers.
base::Result<TopView> look(const Client& client) {
  auto status = client.ask<api::Status>("/v1/status");
  if (!status) return std::unexpected(std::move(status.error()));
  TopView view;
  view.status = std::move(status->value);
  if (auto maps = client.ask<api::BucketMaps>("/v1/buckets")) view.maps = std::move(maps->value);
  if (auto rows = client.ask<std::vector<api::EventRow>>("/v1/events"))
    view.events = std::move(rows->value);
  return view;
}

/// What is on the screen, brought up to date again and again.
class Watch {
 public:
  explicit Watch(const Client& client) : client_(client) {}

  /// Afterwards view() is of now, or says why it is of the past; then the result says so, too.
  base::Result<void> update() {
    auto view = look(client_);
    const auto now = view ? sample(client_) : std::unexpected(view.error());
    if (!now) {
      before_.reset();
      view_.trouble = now.error().context;
      return std::unexpected(now.error());
    }
    if (before_) {
      // No rates over a restart: the next answer has some.
      if (auto rates = rates_between(before_->stats, now->stats, now->at - before_->at))
        view->rates = std::move(*rates);
    }
    view->stats = now->stats;
    before_ = *now;
    view_ = std::move(*view);
    return {};
  }
  [[nodiscard]] const TopView& view() const { return view_; }

 private:
  const Client client_;
  std::optional<Sample> before_;
  TopView view_;
};

base::Result<Exit> top_once(const Context& context, base::Duration interval) {
  constexpr std::size_t events_shown = 5;
  Watch watch(context.client);
  auto updated = watch.update();
  if (updated) {
    std::this_thread::sleep_for(interval);
    updated = watch.update();
  }
  if (!updated) return std::unexpected(updated.error());
  TopView view = watch.view();
  const std::size_t kept = std::min(view.events.size(), events_shown);
  view.events.erase(view.events.begin(), view.events.end() - static_cast<std::ptrdiff_t>(kept));
  for (const std::string& line : top_lines(view, context.colours))
    print_line(context, line);
  return Exit::ok;
}

base::Result<Exit> top_live(const Context& context, base::Duration interval) {
  // Whoever presses q does not want to wait long for a daemon that hangs.
  constexpr base::Duration patience = std::chrono::seconds(1);
  Watch watch(context.client.with_timeout(patience));
  // The first time an error is one; later the daemon may come back.
  if (const auto first = watch.update(); !first) return std::unexpected(first.error());
  const auto terminal = Terminal::open();
  if (!terminal) return std::unexpected(terminal.error());
  for (auto due = std::chrono::steady_clock::now() + interval;;) {
    (*terminal)->draw(top_screen(watch.view(), (*terminal)->size(), context.colours));
    const Terminal::News news = (*terminal)->wait(due - std::chrono::steady_clock::now());
    if (news == Terminal::News::quit) return Exit::ok;
    if (news == Terminal::News::resized) continue;
    // A failure is on the screen, and the next try may do better.
    static_cast<void>(watch.update());
    due = std::chrono::steady_clock::now() + interval;
  }
}

}  // namespace

base::Result<Exit> top(const Context& context) {
  const auto interval = interval_of(context);
  if (!interval) return std::unexpected(interval.error());
  if (context.json)
    return base::fail(base::ErrorCode::invalid_argument,
                      "top is for people; for programs there are query and stats --rate");
  if (context.has("--once")) return top_once(context, *interval);
  if (!Terminal::is_there())
    return base::fail(base::ErrorCode::invalid_argument,
                      "top needs a terminal, top --once does not");
  return top_live(context, *interval);
}

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
