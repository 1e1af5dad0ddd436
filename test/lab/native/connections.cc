// SPDX-License-Identifier: BSD-3-Clause
#include "connections.h"

#include <sys/epoll.h>

#include <array>
#include <charconv>
#include <string_view>
#include <utility>

namespace covey::lab {
namespace {

constexpr std::string_view kRequest = "GET / HTTP/1.1\r\nHost: lab\r\nConnection: close\r\n\r\n";
constexpr std::string_view kHeadEnd = "\r\n\r\n";
constexpr std::size_t kEventsPerTurn = 256;
constexpr std::size_t kReadSize = 4096;

/// The value of a header in an answer's head, empty when it is not there.
std::string_view header(std::string_view head, std::string_view name) {
  const std::size_t at = head.find(name);
  if (at == std::string_view::npos) return {};
  const std::string_view rest = head.substr(at + name.size());
  return rest.substr(0, rest.find('\r'));
}

/// The server's name when `answer` is a whole, good answer.
std::optional<std::string> served_by(std::string_view answer) {
  const std::size_t end = answer.find(kHeadEnd);
  if (end == std::string_view::npos || !answer.starts_with("HTTP/1.1 200 ")) return std::nullopt;
  const std::string_view head = answer.substr(0, end + 2);
  const std::string_view length = header(head, "\r\nContent-Length: ");
  const std::string_view host = header(head, "\r\nX-Covey-Host: ");
  std::size_t expected = 0;
  const auto parsed = std::from_chars(length.data(), length.data() + length.size(), expected);
  if (parsed.ec != std::errc{} || host.empty()) return std::nullopt;
  if (answer.size() != end + kHeadEnd.size() + expected) return std::nullopt;
  return std::string(host);
}

}  // namespace

Connections::Connections(ConnectionSettings settings, std::function<void(const End&)> report)
    : settings_(std::move(settings)),
      report_(std::move(report)),
      epoll_(must(epoll_create1(EPOLL_CLOEXEC), "epoll")),
      connections_(settings_.sources.size()) {}

bool Connections::open(std::size_t index, std::int64_t now) {
  if (connections_[index]) return false;
  connections_[index].emplace().started = now;
  ++open_count_;
  deadlines_.push_back({index, now});
  connect_from(index, now);
  return true;
}

void Connections::connect_from(std::size_t index, std::int64_t now) {
  Connection& one = *connections_[index];
  Begun begun = begin_connection(settings_.sources[index], settings_.target);
  one.socket = std::move(begun.socket);
  const int descriptor = one.socket.get();
  if (settings_.reset_at_end) {
    const linger at_once{1, 0};
    setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
  }
  if (begun.error != 0) {
    finish(index, now, failure(begun.error, false));
    return;
  }
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  wanted.data.u64 = index;
  must(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, descriptor, &wanted), "epoll");
}

void Connections::advance(std::int64_t now) {
  std::array<epoll_event, kEventsPerTurn> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, 0);
  for (int turn = 0; turn < count; ++turn)
    move(events[static_cast<std::size_t>(turn)].data.u64, now);
  while (!deadlines_.empty() && deadlines_.front().started + settings_.timeout_ns <= now) {
    const Deadline due = deadlines_.front();
    deadlines_.pop_front();
    const auto& one = connections_[due.index];
    if (one && one->started == due.started) {
      finish(due.index, now, one->established ? "stalled" : "no-answer");
    }
  }
}

std::optional<std::int64_t> Connections::next_deadline() const {
  if (deadlines_.empty()) return std::nullopt;
  return deadlines_.front().started + settings_.timeout_ns;
}

void Connections::move(std::size_t index, std::int64_t now) {
  if (!connections_[index]) return;
  if (!connections_[index]->established) send_request(index, now);
  if (connections_[index] && connections_[index]->established) read_answer(index, now);
}

void Connections::send_request(std::size_t index, std::int64_t now) {
  Connection& one = *connections_[index];
  if (const int code = connect_error(one.socket); code != 0) {
    finish(index, now, failure(code, false));
    return;
  }
  const ssize_t sent = send(one.socket.get(), kRequest.data(), kRequest.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) return;  // not connected yet
  if (sent != static_cast<ssize_t>(kRequest.size())) {
    finish(index, now, failure(errno, true));
    return;
  }
  one.established = true;
}

void Connections::read_answer(std::size_t index, std::int64_t now) {
  Connection& one = *connections_[index];
  std::array<char, kReadSize> buffer{};
  while (true) {
    const ssize_t length = recv(one.socket.get(), buffer.data(), buffer.size(), 0);
    if (length > 0) {
      one.answer.append(buffer.data(), static_cast<std::size_t>(length));
      continue;
    }
    if (length < 0) {
      if (errno != EAGAIN) finish(index, now, failure(errno, true));
      return;
    }
    if (std::optional<std::string> host = served_by(one.answer)) {
      finish(index, now, "ok", std::move(*host));
    } else {
      finish(index, now, one.answer.empty() ? "cut-off" : "bad-answer");
    }
    return;
  }
}

void Connections::finish(std::size_t index, std::int64_t now, std::string what, std::string host) {
  const std::int64_t started = connections_[index]->started;
  connections_[index].reset();
  --open_count_;
  report_({settings_.sources[index], started, now, std::move(what), std::move(host)});
}

}  // namespace covey::lab
