// SPDX-License-Identifier: BSD-3-Clause
#include "talkers.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>

#include <algorithm>
#include <array>
#include <span>
#include <utility>

namespace covey::lab {
namespace {

constexpr std::size_t kEventsPerTurn = 256;
constexpr std::size_t kReadBytes = 4096;

void set_tcp(const Descriptor& one, int option) {
  const int on = 1;
  setsockopt(one.get(), IPPROTO_TCP, option, &on, sizeof on);
}

}  // namespace

Talkers::Talkers(TalkSettings settings, std::function<void(const LastWord&)> report)
    : settings_(std::move(settings)),
      report_(std::move(report)),
      epoll_(must(epoll_create1(EPOLL_CLOEXEC), "epoll")),
      talkers_(settings_.sources.size()) {}

void Talkers::open_next(std::int64_t now) {
  const std::size_t index = opened_++;
  Begun begun = begin_connection(settings_.sources[index], settings_.target);
  const std::uint64_t seed = Stream(static_cast<std::uint64_t>(now) + index).number();
  const Talker& one = talkers_[index].emplace(
      Talker{std::move(begun.socket), Questioner(seed, settings_.interval_ns, now)});
  if (begun.error != 0) {
    finish(index, now, failure(begun.error, false));
    return;
  }
  set_tcp(one.socket, TCP_NODELAY);
  epoll_event wanted{};
  wanted.events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET;
  wanted.data.u64 = index;
  must(epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, one.socket.get(), &wanted), "epoll");
}

void Talkers::advance(std::int64_t now, bool quiet) {
  std::array<epoll_event, kEventsPerTurn> events{};
  const int count = epoll_wait(epoll_.get(), events.data(), kEventsPerTurn, 0);
  for (int turn = 0; turn < count; ++turn) {
    const std::size_t index = events[static_cast<std::size_t>(turn)].data.u64;
    if (talkers_[index] && !talkers_[index]->established) greet(index, now);
    if (talkers_[index] && talkers_[index]->established) hear(index, now);
  }
  for (std::size_t index = 0; index < opened_ && !quiet; ++index) {
    if (talkers_[index] && talkers_[index]->talk.is_due(now)) say(index, now);
  }
}

void Talkers::close_idle(std::int64_t now) {
  for (std::size_t index = 0; index < opened_; ++index) {
    if (talkers_[index] && !talkers_[index]->talk.waits()) finish(index, now, "ok");
  }
}

void Talkers::give_up(std::int64_t now) {
  for (std::size_t index = 0; index < opened_; ++index) {
    if (talkers_[index]) finish(index, now, "stalled");
  }
}

TalkStatus Talkers::status() const {
  TalkStatus status;
  for (const auto& one : talkers_) {
    if (!one) continue;
    const std::uint64_t answers = one->talk.answers();
    status.fewest = status.open == 0 ? answers : std::min(status.fewest, answers);
    ++status.open;
    status.waiting += one->talk.waits() ? 1 : 0;
    status.answers += answers;
  }
  return status;
}

// The seed; the server answers with its number.
void Talkers::greet(std::size_t index, std::int64_t now) {
  Talker& one = *talkers_[index];
  if (const int code = connect_error(one.socket); code != 0) {
    finish(index, now, failure(code, false));
    return;
  }
  const std::array<std::uint8_t, kSeedBytes> seed = one.talk.greeting();
  const ssize_t sent = send(one.socket.get(), seed.data(), seed.size(), MSG_NOSIGNAL);
  if (sent < 0 && errno == EAGAIN) return;  // not connected yet
  if (sent != static_cast<ssize_t>(seed.size())) {
    finish(index, now, failure(errno, false));
    return;
  }
  one.established = true;
}

void Talkers::say(std::size_t index, std::int64_t now) {
  Talker& one = *talkers_[index];
  const Bytes message = one.talk.next_message(now);
  // It fits: everything said before has been answered, so the send buffer is empty.
  const ssize_t sent = send(one.socket.get(), message.data(), message.size(), MSG_NOSIGNAL);
  if (sent != static_cast<ssize_t>(message.size())) finish(index, now, failure(errno, true));
}

void Talkers::hear(std::size_t index, std::int64_t now) {
  Talker& one = *talkers_[index];
  std::array<std::uint8_t, kReadBytes> block{};
  while (true) {
    const ssize_t length = recv(one.socket.get(), block.data(), block.size(), 0);
    if (length < 0) {
      if (errno != EAGAIN) finish(index, now, failure(errno, true));
      return;
    }
    if (length == 0) {
      finish(index, now, "closed");
      return;
    }
    if (!one.talk.hear(std::span(block).first(static_cast<std::size_t>(length)), now)) {
      finish(index, now, "wrong");
      return;
    }
    // Acknowledged at once, so that who is quiet has nothing left to send.
    set_tcp(one.socket, TCP_QUICKACK);
  }
}

void Talkers::finish(std::size_t index, std::int64_t now, std::string what) {
  const Questioner& talk = talkers_[index]->talk;
  report_({settings_.sources[index], now, std::move(what), talk.host(), talk.answers(),
           talk.worst_ns(now), talk.waits_since()});
  talkers_[index].reset();
}

}  // namespace covey::lab
