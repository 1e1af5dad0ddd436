// SPDX-License-Identifier: BSD-3-Clause
#include "control/convergence_driver.h"

#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <exception>
#include <tuple>
#include <utility>
#include <variant>

#include "base/assert.h"
#include "heartbeat/fragment.h"

namespace covey::control {

namespace asio = boost::asio;

namespace {

constexpr auto kValues = asio::as_tuple(asio::use_awaitable);  // errors are values here

// A flood may refill the mailbox as fast as it is emptied; the timer must get its turn all the
// same.
constexpr int kMaxPayloadsPerTurn = 4096;
// Workers pass a quiescent point every few microseconds unless they sleep: ask at once, then
// seldom.
constexpr int kInstallQuickPolls = 4;
constexpr auto kInstallPollInterval = std::chrono::microseconds(200);

template <typename... Cases>
struct Visitor : Cases... {
  using Cases::operator()...;
};

std::vector<heartbeat::HeldKey> marks_of(const heartbeat::DerivedKeys& keys) {
  std::vector<heartbeat::HeldKey> marks;
  for (const heartbeat::SealKey& key : keys.seals)
    marks.push_back(key.held);
  return marks;
}

api::Named<std::uint64_t> refusals(
    const std::array<std::uint64_t, heartbeat::kOpenStatusCount>& opened) {
  using heartbeat::OpenStatus;
  api::Named<std::uint64_t> refused;
  for (std::size_t at = 0; at < opened.size(); ++at) {
    const auto status = static_cast<OpenStatus>(at);
    if (status == OpenStatus::complete || status == OpenStatus::incomplete) continue;
    refused.emplace_back(heartbeat::name(status), opened[at]);
  }
  return refused;
}

std::chrono::steady_clock::time_point steady(base::TimePoint instant) {
  return std::chrono::steady_clock::time_point(std::chrono::nanoseconds(instant.ns));
}

LogLevel level_of(convergence::EventKind kind) {
  using convergence::EventKind;
  switch (kind) {
    case EventKind::host_lost:
    case EventKind::host_refused:
    case EventKind::island_suspected:
    case EventKind::second_owner_suspected:
    case EventKind::self_doubt:
    case EventKind::gateway_changed:
      return LogLevel::warning;
    case EventKind::host_joined:
    case EventKind::host_left:
    case EventKind::converging:
    case EventKind::converged:
    case EventKind::state_changed:
    case EventKind::weight_changed:
    case EventKind::drain_started:
    case EventKind::drain_finished:
    case EventKind::configuration_staged:
    case EventKind::configuration_switched:
      return LogLevel::info;
  }
  return LogLevel::info;
}

}  // namespace

ConvergenceDriver::ConvergenceDriver(asio::io_context& io, convergence::NodeConfig config,
                                     const heartbeat::DerivedKeys& keys, Ports ports,
                                     EventLog& events)
    : io_(io),
      config_(std::move(config)),
      ports_(ports),
      events_(events),
      codec_(keys),
      held_keys_(marks_of(keys)),
      node_(config_, ports_.view.now()),
      wake_(io),
      timer_(io),
      install_timer_(io),
      census_timer_(io),
      gateway_timer_(io) {}

ConvergenceDriver::~ConvergenceDriver() {
  close();
}

void ConvergenceDriver::start(std::function<void(const std::string& why)> failed) {
  failed_ = std::move(failed);
  wake_.assign(ports_.link.wake_fd());
  wake_.non_blocking(true);
  take_census();  // so that its first word tells of the connections it has from before
  spawn(receive_loop(), "receive");
  spawn(timer_loop(), "timer");
  spawn(install_loop(), "install");
  spawn(census_loop(), "census");
  if (config_.partition == convergence::PartitionPolicy::gateway) spawn(gateway_loop(), "gateway");
}

void ConvergenceDriver::close() {
  if (std::exchange(closed_, true)) return;
  if (wake_.is_open()) wake_.release();  // the link's descriptor, not ours to close
  timer_.cancel();
  install_timer_.cancel();
  census_timer_.cancel();
  gateway_timer_.cancel();
}

void ConvergenceDriver::spawn(Nothing loop, const char* name) {
  asio::co_spawn(io_, std::move(loop), [this, name](const std::exception_ptr& error) {
    std::string why = "ended early";
    try {
      if (error) std::rethrow_exception(error);
      if (closed_) return;
    } catch (const std::exception& caught) {
      why = caught.what();
    }
    failed_(std::string(name) + " loop: " + why);
  });
}

void ConvergenceDriver::command(const convergence::OperatorCommand& command) {
  step(command);
}

void ConvergenceDriver::stage(convergence::Configuration configuration) {
  step(convergence::StageConfiguration{std::move(configuration)});
}

api::HeartbeatStats ConvergenceDriver::heartbeats() const {
  using heartbeat::OpenStatus;
  const auto count = [this](OpenStatus status) {
    return opened_[static_cast<std::size_t>(status)];
  };
  api::HeartbeatStats stats;
  stats.sent = sent_;
  stats.send_failed = send_failed_;
  stats.received = count(OpenStatus::complete);
  stats.fragments = count(OpenStatus::incomplete);
  stats.refused = refusals(opened_);
  stats.refused.emplace_back("replayed", turned_away_.replayed);
  stats.refused.emplace_back("limited", turned_away_.limited);
  return stats;
}

api::CommandStats ConvergenceDriver::commands() const {
  api::CommandStats stats;
  stats.sent = commands_sent_;
  stats.received = commands_opened_[static_cast<std::size_t>(heartbeat::OpenStatus::complete)];
  stats.limited = commands_turned_away_.limited;
  stats.refused = refusals(commands_opened_);
  return stats;
}

// ---- the loops ----

ConvergenceDriver::Nothing ConvergenceDriver::receive_loop() {
  while (!closed_) {
    const auto [error] =
        co_await wake_.async_wait(asio::posix::descriptor_base::wait_read, kValues);
    if (closed_ || error) co_return;
    drain_link();
    ports_.view.dispatch_answers();
  }
}

ConvergenceDriver::Nothing ConvergenceDriver::timer_loop() {
  arm();
  while (!closed_) {
    // A step that moves the deadline cancels this wait; then the wait starts again with the new
    // one.
    const auto [error] = co_await timer_.async_wait(kValues);
    if (closed_) co_return;
    if (error || ports_.view.now() < node_.next_wakeup()) {
      arm();
      continue;
    }
    drain_link();
    step(convergence::TimerFired{});
  }
}

ConvergenceDriver::Nothing ConvergenceDriver::install_loop() {
  while (!closed_) {
    if (installs_.empty()) {
      install_timer_.expires_at(asio::steady_timer::time_point::max());
      co_await install_timer_.async_wait(kValues);
      continue;
    }
    const Install next = installs_.front();
    for (int polls = 0; !ports_.sink.is_installed(next.ticket); ++polls) {
      if (polls < kInstallQuickPolls) {
        co_await asio::post(io_, asio::use_awaitable);
      } else {
        install_timer_.expires_after(kInstallPollInterval);
        co_await install_timer_.async_wait(kValues);
      }
      if (closed_) co_return;
    }
    installs_.pop_front();
    step(convergence::MapInstalled{next.id, ports_.view.flow_news().residual});
  }
}

ConvergenceDriver::Nothing ConvergenceDriver::census_loop() {
  while (!closed_) {
    census_timer_.expires_after(config_.timing.interval / 2);
    co_await census_timer_.async_wait(kValues);
    if (closed_) co_return;
    take_census();
  }
}

void ConvergenceDriver::take_census() {
  FlowNews news = ports_.view.flow_news();
  const auto forgotten = forgotten_.note(news.evicted, news.untracked, ports_.view.now());
  if (forgotten) report("flows_forgotten", config_.self, *forgotten, LogLevel::warning);
  step(convergence::FlowCensus{std::move(news.residual), news.flows, news.alien_acks});
}

/// The gateway is asked as often as a heartbeat is sent, and may stay silent as long as a host may.
ConvergenceDriver::Nothing ConvergenceDriver::gateway_loop() {
  while (!closed_) {
    ports_.view.ask_gateway();
    gateway_timer_.expires_after(config_.timing.interval);
    co_await gateway_timer_.async_wait(kValues);
    if (closed_) co_return;
    const base::Duration silent = ports_.view.now() - ports_.view.gateway_answered();
    step(convergence::GatewayChanged{.answers = silent < config_.timing.silence()});
  }
}

// ---- inputs ----

void ConvergenceDriver::drain_link() {
  // The signal first, then the mailbox: what arrives in between signals again.
  std::uint64_t signals = 0;
  static_cast<void>(::read(ports_.link.wake_fd(), &signals, sizeof(signals)));
  std::vector<std::uint8_t> payload;
  for (int taken = 0; taken < kMaxPayloadsPerTurn && ports_.link.receive(payload); ++taken) {
    take_payload(payload);
  }
}

void ConvergenceDriver::take_payload(const std::vector<std::uint8_t>& payload) {
  if (heartbeat::is_command(payload)) return take_command(payload);
  const auto said = heartbeat::peek(config_.cluster_id, payload);
  if (said && !pass(gate_.judge(*said, ports_.view.now()), turned_away_)) return;
  heartbeat::Opened opened = codec_.open(payload);
  ++opened_[static_cast<std::size_t>(opened.status)];
  if (opened.status != heartbeat::OpenStatus::complete) return;
  const heartbeat::Message& message = opened.message;
  const auto [host, nonce, sequence] = std::tuple(message.host, message.nonce, message.sequence);
  sealed_with_[host.value] = opened.key_id;
  step(convergence::HeartbeatReceived{std::move(opened.message)});
  gate_.bind(host, node_.incarnation_of(host));
  gate_.opened(host, nonce, sequence);
}

/// Counts what does not.
bool ConvergenceDriver::pass(heartbeat::Gate::Verdict verdict, TurnedAway& counts) {
  using Verdict = heartbeat::Gate::Verdict;
  counts.replayed += verdict == Verdict::replayed ? 1 : 0;
  counts.limited += verdict == Verdict::limited ? 1 : 0;
  return verdict == Verdict::check;
}

void ConvergenceDriver::take_command(const std::vector<std::uint8_t>& payload) {
  if (!pass(gate_.judge_command(ports_.view.now()), commands_turned_away_)) return;
  const heartbeat::OpenedCommand opened = codec_.open_command(payload);
  ++commands_opened_[static_cast<std::size_t>(opened.status)];
  if (opened.status == heartbeat::OpenStatus::complete && told_) told_(opened.frame, opened.key_id);
}

void ConvergenceDriver::send_command(const heartbeat::CommandFrame& frame,
                                     std::optional<std::uint8_t> key_id) {
  if (ports_.link.send(codec_.seal_command(frame, key_id))) ++commands_sent_;
}

void ConvergenceDriver::step(const convergence::Input& input) {
  convergence::Effects effects;
  const base::TimePoint now = ports_.view.now();
  note_lateness(now);
  node_.step(now, input, effects);
  for (convergence::Effect& effect : effects)
    carry_out(effect);
  arm();
}

/// At the first step after the timer was due, whichever it is: it may move the timer.
void ConvergenceDriver::note_lateness(base::TimePoint now) {
  const base::TimePoint due = node_.next_wakeup();
  if (now < due || due == noted_due_) return;
  noted_due_ = due;
  lateness_.note(due, now);
}

void ConvergenceDriver::arm() {
  const auto deadline = steady(node_.next_wakeup());
  if (timer_.expiry() != deadline) timer_.expires_at(deadline);
}

// ---- effects ----

void ConvergenceDriver::carry_out(convergence::Effect& effect) {
  std::visit(Visitor{
                 [this](convergence::SendHeartbeat& send_it) { send(send_it.message); },
                 [this](convergence::InstallMap& map) { install(map); },
                 [this](const convergence::PublishLease& lease) {
                   ports_.sink.publish_lease(lease.valid_until);
                 },
                 [this](const convergence::RaiseEvent& raised) { raise(raised.event); },
                 [this](const convergence::Stopped&) {
                   if (stopped_) stopped_();
                 },
             },
             effect);
}

void ConvergenceDriver::set_keys(const heartbeat::DerivedKeys& keys) {
  const std::uint8_t before = codec_.sends_with();
  codec_.set_keys(keys);
  held_keys_ = marks_of(keys);
  choose_key(before);
}

/// Hosts that were not heard for a minute and are no members are not on the list; when one of them
/// comes back with the old key alone, everybody seals with that again.
void ConvergenceDriver::choose_key(std::uint8_t before) {
  if (held_keys_.size() > 1) {
    std::vector<std::vector<heartbeat::HeldKey>> others;
    for (convergence::MemberStatus& member : status().members) {
      if (member.host != config_.self) others.push_back(std::move(member.keys));
    }
    codec_.send_with(heartbeat::choose_key(held_keys_, others));
  }
  if (codec_.sends_with() != before) {
    report("key_switched", config_.self,
           "messages are sealed with key " + std::to_string(codec_.sends_with()), LogLevel::info);
  }
}

void ConvergenceDriver::send(heartbeat::Message& message) {
  choose_key(codec_.sends_with());
  message.keys = held_keys_;
  const auto payloads = codec_.seal(message);
  bool whole = payloads.has_value();
  if (whole) {
    for (const auto& payload : *payloads)
      whole = ports_.link.send(payload) && whole;
  }
  ++(whole ? sent_ : send_failed_);
  keep_last_words();
}

/// Under the key that peers were just shown to hold; nothing any more once the host has left.
void ConvergenceDriver::keep_last_words() {
  std::optional<heartbeat::Message> words = node_.last_words();
  if (!words) return ports_.link.keep_last_words({});
  words->keys = held_keys_;
  const auto payloads = codec_.seal(*words);
  if (payloads && payloads->size() == 1) ports_.link.keep_last_words(payloads->front());
}

void ConvergenceDriver::install(convergence::InstallMap& effect) {
  table_ = std::move(effect.table);
  installs_.push_back({effect.install_id, ports_.sink.install(effect.config_digest, table_)});
  if (installs_.size() == 1) install_timer_.cancel();
}

void ConvergenceDriver::raise(const convergence::Event& event) {
  report(convergence::name(event.kind), event.host, event.detail, level_of(event.kind));
  if (event.kind == convergence::EventKind::configuration_switched && switched_) switched_();
}

void ConvergenceDriver::report(std::string_view name, base::HostId host, const std::string& detail,
                               LogLevel level) {
  const base::TimePoint now = ports_.view.now();
  clock_.observe(now, std::chrono::system_clock::now());
  api::EventRow row;
  row.time = clock_.text(now);
  row.event = name;
  row.host = host.value;
  row.detail = detail;
  events_.add(level, std::move(row));
}

}  // namespace covey::control
