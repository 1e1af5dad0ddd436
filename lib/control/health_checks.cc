// SPDX-License-Identifier: BSD-3-Clause
#include "control/health_checks.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <exception>
#include <utility>

namespace covey::control {

namespace asio = boost::asio;
using base::TimePoint;

namespace {

constexpr auto kValues = asio::as_tuple(asio::use_awaitable);
// All first questions are asked within this time (or a shorter interval).
constexpr base::Duration kFirstRound = std::chrono::seconds(1);
constexpr const char* kDefaultRule = "default";

}  // namespace

struct HealthChecks::Running {
  Running(asio::io_context& io, health::Check check)
      : probe(probe::make_probe(io, check.settings())),
        row{.check = std::move(check), .last = ""},
        wait(io) {}

  std::shared_ptr<probe::Probe> probe;
  Row row;
  asio::steady_timer wait;
  bool is_dismissed = false;
  bool has_ended = false;
};

HealthChecks::HealthChecks(asio::io_context& io, Host host)
    : io_(io), host_(std::move(host)), step_timer_(io) {}

HealthChecks::~HealthChecks() {
  close();
  for (const Pointer& running : leaving_)
    running->probe->finish();
}

void HealthChecks::start(const std::vector<health::Settings>& checks) {
  for (const health::Settings& settings : checks)
    running_.push_back(make(settings, false));
  for (std::size_t i = 0; i < running_.size(); ++i)
    spawn(running_[i], i, running_.size());
  follow();
}

void HealthChecks::adopt(const std::vector<health::Settings>& checks) {
  std::vector<Pointer> before = std::exchange(running_, {});
  std::vector<Pointer> fresh;
  for (const health::Settings& settings : checks) {
    const auto known = std::ranges::find_if(before, [&](const Pointer& running) {
      return running != nullptr && running->row.check.settings().name == settings.name;
    });
    if (known != before.end() && (*known)->row.check.settings() == settings) {
      running_.push_back(std::exchange(*known, nullptr));
      continue;
    }
    // Who was ill under the same name has to show that it is not.
    const bool serves = known == before.end() || (*known)->row.check.percent(host_.now()) > 0;
    fresh.push_back(make(settings, serves));
    running_.push_back(fresh.back());
  }
  for (std::size_t i = 0; i < fresh.size(); ++i)
    spawn(fresh[i], i, fresh.size());
  std::erase_if(leaving_, [](const Pointer& running) { return running->has_ended; });
  for (const Pointer& running : before) {
    if (running == nullptr) continue;
    dismiss(*running);
    leaving_.push_back(running);
  }
  follow();
}

void HealthChecks::close() {
  if (std::exchange(closed_, true)) return;
  step_timer_.cancel();
  for (const Pointer& running : running_) {
    dismiss(*running);
    leaving_.push_back(running);
  }
}

std::vector<HealthChecks::Row> HealthChecks::rows() const {
  std::vector<Row> rows;
  for (const Pointer& running : running_)
    rows.push_back(running->row);
  return rows;
}

HealthChecks::Pointer HealthChecks::make(const health::Settings& settings, bool serves) {
  return std::make_shared<Running>(io_, health::Check(settings, host_.now(), serves));
}

void HealthChecks::spawn(const Pointer& running, std::size_t turn, std::size_t turns) {
  const base::Duration round = std::min(kFirstRound, running->row.check.settings().interval);
  const base::Duration delay = round * static_cast<int>(turn) / static_cast<int>(turns);
  asio::co_spawn(io_, loop(running, delay), [running](const std::exception_ptr& error) {
    running->has_ended = true;
    if (error) std::rethrow_exception(error);
  });
}

void HealthChecks::dismiss(Running& running) {
  running.is_dismissed = true;
  running.wait.cancel();
  running.probe->cancel();
}

asio::awaitable<void> HealthChecks::loop(Pointer running, base::Duration delay) {
  running->wait.expires_after(delay);
  co_await running->wait.async_wait(kValues);
  while (!running->is_dismissed) {
    const TimePoint began = host_.now();
    health::Outcome outcome;
    try {
      outcome = co_await running->probe->ask();
    } catch (const std::exception& error) {
      outcome = probe::failure(error.what());  // no memory, no thread: nothing is known
    }
    if (running->is_dismissed) co_return;
    const base::Duration took = host_.now() - began;
    take(*running, outcome, took);
    running->wait.expires_after(
        std::max(base::Duration::zero(), running->row.check.settings().interval - took));
    co_await running->wait.async_wait(kValues);
  }
}

void HealthChecks::take(Running& running, const health::Outcome& outcome, base::Duration took) {
  Row& row = running.row;
  const health::State before = row.check.state();
  row.check.take(host_.now(), outcome);
  row.was_well = outcome.is_well;
  row.last = outcome.detail;
  row.took = took;
  ++(outcome.is_well ? row.succeeded : row.failed);
  const health::State after = row.check.state();
  if (after != before) {
    const std::string detail = row.check.settings().name + ": " + std::string(name(before)) +
                               " -> " + std::string(name(after)) + ": " + outcome.detail;
    host_.report("health_changed", detail,
                 after == health::State::up ? LogLevel::info : LogLevel::warning);
  }
  follow();
}

/// Whatever has changed: answers, the time, the checks, or the rules that there are.
void HealthChecks::follow() {
  const TimePoint now = host_.now();
  Shares wanted = shares(now);
  if (wanted != held_) {
    held_ = std::move(wanted);
    host_.hold(held_);
  }
  tell_last_resorts();
  arm(now);
}

HealthChecks::Shares HealthChecks::shares(TimePoint now) const {
  std::vector<std::string> all;  // asked for where needed: a report of the workers is behind it
  Shares shares;
  for (const Pointer& running : running_) {
    const health::Check& check = running->row.check;
    const unsigned percent = check.percent(now);
    if (percent == health::kAll) continue;
    const health::Settings& settings = check.settings();
    if (settings.rules.empty() && all.empty()) all = host_.rules();
    for (const std::string& rule : settings.rules.empty() ? all : settings.rules) {
      if (rule == kDefaultRule && settings.on_fail != health::OnFail::drain_host) continue;
      const auto [known, is_new] = shares.emplace(rule, static_cast<std::uint8_t>(percent));
      if (!is_new) known->second = std::min(known->second, static_cast<std::uint8_t>(percent));
    }
  }
  return shares;
}

void HealthChecks::tell_last_resorts() {
  const auto is_closed = [](const auto& held) { return held.second == 0; };
  std::set<std::string> present;
  if (std::ranges::any_of(held_, is_closed)) present = host_.last_resorts();
  std::erase_if(present, [this](const std::string& rule) {
    const auto held = held_.find(rule);
    return held == held_.end() || held->second > 0;
  });
  for (const std::string& rule : present) {
    if (last_resorts_.contains(rule)) continue;
    host_.report("health_overruled", "rule " + rule + ": no host is well, this one goes on serving",
                 LogLevel::warning);
  }
  last_resorts_ = std::move(present);
}

void HealthChecks::arm(TimePoint now) {
  TimePoint next = TimePoint::never();
  for (const Pointer& running : running_)
    next = std::min(next, running->row.check.next_step(now));
  if (next == TimePoint::never() || closed_) return;
  step_timer_.expires_after(next - now);
  step_timer_.async_wait([this](const boost::system::error_code& error) {
    if (!error) follow();
  });
}

}  // namespace covey::control
