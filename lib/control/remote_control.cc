// SPDX-License-Identifier: BSD-3-Clause
#include "control/remote_control.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <optional>
#include <utility>

#include "control/commands.h"

namespace covey::control {

using base::HostId;

namespace {

constexpr std::string_view kAll = "all";
constexpr std::size_t kLongestAnswer = 200;  // escaped it still fits a frame

std::string host_text(HostId host, const std::string& name) {
  const std::string text = "host " + std::to_string(host.value);
  return name.empty() ? text : text + " (" + name + ")";
}

std::optional<HostId> id_from(const std::string& text) {
  HostId host;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), host.value);
  const bool is_number = error == std::errc() && end == text.data() + text.size();
  return is_number && host.is_valid() ? std::optional(host) : std::nullopt;
}

api::HostAnswer answer_of(HostId host, const std::string& name, const api::CommandReply& reply) {
  return {host.value, name, reply.ok, reply.code, reply.text};
}

api::HostAnswer answer_in(HostId host, const std::string& name,
                          const std::optional<std::string>& text) {
  if (!text) {
    return {host.value, name, false, kTimedOut, host_text(host, name) + ": no answer within 2 s"};
  }
  const auto reply = api::decode<api::CommandReply>(*text);
  if (reply) return answer_of(host, name, *reply);
  return {host.value, name, false, kFailed,
          host_text(host, name) + ": its answer cannot be read: " + reply.error().context};
}

/// One line per host; the exit status of the worst.
api::CommandReply joined(std::vector<api::HostAnswer> answers) {
  std::ranges::sort(answers, {}, &api::HostAnswer::id);
  api::CommandReply reply{true, "", kDone, {}};
  for (const api::HostAnswer& answer : answers) {
    reply.ok = reply.ok && answer.ok;
    reply.code = std::max(reply.code, answer.code);
    if (!reply.text.empty()) reply.text += '\n';
    reply.text += answer.text;
  }
  reply.hosts = std::move(answers);
  return reply;
}

}  // namespace

/// Answers still to come; each callback holds it.
struct RemoteControl::Round {
  std::size_t missing = 0;
  std::vector<api::HostAnswer> answers;
  Done done;

  void add(api::HostAnswer answer) {
    answers.push_back(std::move(answer));
    if (answers.size() == missing) done(joined(std::move(answers)));
  }
};

RemoteControl::RemoteControl(boost::asio::io_context& io, ConvergenceDriver& driver,
                             bucket::SipKey secret, Local local)
    : driver_(driver),
      local_(std::move(local)),
      timer_(io),
      channel_(
          {driver.config().self, driver.config().host_name, driver.config().nonce, secret},
          [this](const heartbeat::CommandFrame& frame, std::optional<std::uint8_t> key_id) {
            driver_.send_command(frame, key_id);
          },
          [this](HostId from, const std::string& text) { return obey(from, text); }) {
  driver_.on_command([this](const heartbeat::CommandFrame& frame, std::uint8_t key_id) {
    channel_.receive(driver_.now(), frame, key_id);
    arm();
  });
}

void RemoteControl::close() {
  timer_.cancel();
  timer_.expires_at(boost::asio::steady_timer::time_point::max());
  driver_.on_command({});
}

void RemoteControl::arm() {
  const base::TimePoint next = channel_.next_wakeup();
  if (next == base::TimePoint::never()) {
    timer_.cancel();
    return;
  }
  timer_.expires_at(std::chrono::steady_clock::time_point(std::chrono::nanoseconds(next.ns)));
  timer_.async_wait([this](const boost::system::error_code& error) {
    if (error) return;
    channel_.timer(driver_.now());
    arm();
  });
}

std::string RemoteControl::obey(HostId from, const std::string& text) {
  auto request = api::decode<api::CommandRequest>(text);
  api::CommandReply reply{false, "", kUsage, {}};
  if (request) {
    request->host.clear();
    reply = local_(*request, from);
  } else {
    reply.text = "the command cannot be read: " + request.error().context;
  }
  reply.text.resize(std::min(reply.text.size(), kLongestAnswer));
  return api::encode(reply);
}

RemoteControl::Names RemoteControl::known_hosts() const {
  Names names;
  for (const convergence::MemberStatus& member : driver_.status().members)
    names[member.host] = member.name;
  return names;
}

void RemoteControl::command(const api::CommandRequest& request, Done done) {
  const convergence::NodeConfig& self = driver_.config();
  const auto id = id_from(request.host);
  const bool is_me = request.host.empty() || request.host == self.host_name || id == self.self;
  if (is_me && request.host != kAll) {
    return done(joined({answer_of(self.self, self.host_name, local_(request, base::kNobody))}));
  }
  Names hosts = known_hosts();
  if (id) return ask(request, {{*id, hosts[*id]}}, done);
  const bool is_known = std::ranges::any_of(
      hosts, [&request](const auto& host) { return host.second == request.host; });
  if (is_known) return choose(request, hosts, done);
  // Hosts that were stopped a while ago are not on the list: ask into the round.
  channel_.call(driver_.now(), [this, request, done = std::move(done)](const Names& present) {
    Names found = known_hosts();
    found.insert(present.begin(), present.end());
    choose(request, found, done);
  });
  arm();
}

/// By name, or all of them.
void RemoteControl::choose(const api::CommandRequest& request, const Names& hosts,
                           const Done& done) {
  if (request.host == kAll) return ask(request, hosts, done);
  Names meant;
  std::string names;
  for (const auto& [host, name] : hosts) {
    if (name == request.host) meant[host] = name;
    names += (names.empty() ? "" : ", ") + name;
  }
  if (meant.size() == 1) return ask(request, meant, done);
  done({false,
        meant.empty() ? "no host is named \"" + request.host + "\" (known: " + names + ")"
                      : "several hosts are named \"" + request.host + "\": name one by its id",
        kUsage,
        {}});
}

void RemoteControl::ask(const api::CommandRequest& request, const Names& hosts, const Done& done) {
  const std::string text = api::encode(request);
  if (text.size() > heartbeat::kMaxCommandText) {
    return done({false, "the command is too long for another host", kUsage, {}});
  }
  const auto round = std::make_shared<Round>(Round{hosts.size(), {}, done});
  for (const auto& [host, name] : hosts) {
    if (host == driver_.config().self) continue;
    channel_.ask(driver_.now(), host, text,
                 [round, host = host, name = name](const std::optional<std::string>& reply) {
                   round->add(answer_in(host, name, reply));
                 });
  }
  arm();
  // This host last: what it does to itself may not keep it from asking the others.
  const convergence::NodeConfig& self = driver_.config();
  if (hosts.contains(self.self)) {
    round->add(answer_of(self.self, self.host_name, local_(request, base::kNobody)));
  }
}

}  // namespace covey::control
