// SPDX-License-Identifier: BSD-3-Clause
#include "control/command_channel.h"

#include <algorithm>
#include <utility>

#include "base/endian.h"

namespace covey::control {

using base::HostId;
using base::TimePoint;
using heartbeat::CommandFrame;
using heartbeat::CommandKind;

namespace {

constexpr base::Duration kRetryTime = std::chrono::milliseconds(200);
// Enough for 64 hosts that ask at once; a flood of recordings gets no more frames than that.
constexpr unsigned kAnswersPerSecond = 200;

}  // namespace

// ---- asking

void CommandChannel::ask(TimePoint now, HostId target, std::string text, Answered answered) {
  Target& to = targets_[target];
  to.orders.push_back({std::move(text), std::move(answered), now + kAnswerTime, 0, now});
  if (to.orders.size() == 1) send_first(now, target);
}

void CommandChannel::call(TimePoint now, Called called) {
  rounds_.push_back({now + kCallTime, {}, std::move(called)});
  send_({CommandKind::command, settings_.self, base::kNobody, settings_.nonce, 0, 0, ""},
        std::nullopt);
}

/// A number of its own for each command, the same for each try of it.
void CommandChannel::send_first(TimePoint now, HostId target) {
  Target& to = targets_[target];
  Order& order = to.orders.front();
  if (order.sequence == 0) order.sequence = ++sequence_;
  order.again = now + kRetryTime;
  send_({CommandKind::command, settings_.self, target, settings_.nonce, to.challenge,
         order.sequence, order.text},
        std::nullopt);
}

void CommandChannel::take_challenge(TimePoint now, const CommandFrame& frame) {
  if (frame.nonce != settings_.nonce) return;
  for (Round& round : rounds_)
    round.names[frame.from] = frame.text;
  const auto target = targets_.find(frame.from);
  if (target == targets_.end() || target->second.orders.empty()) return;
  const bool is_news = target->second.orders.front().sequence == frame.sequence &&
                       target->second.challenge != frame.challenge;
  if (!is_news) return;
  target->second.challenge = frame.challenge;
  send_first(now, frame.from);
}

void CommandChannel::take_reply(TimePoint now, const CommandFrame& frame) {
  const auto target = targets_.find(frame.from);
  if (frame.nonce != settings_.nonce || target == targets_.end()) return;
  std::deque<Order>& orders = target->second.orders;
  if (orders.empty() || orders.front().sequence != frame.sequence) return;
  const Answered answered = std::move(orders.front().answered);
  orders.pop_front();
  if (!orders.empty()) send_first(now, frame.from);
  answered(frame.text);
}

void CommandChannel::timer(TimePoint now) {
  std::vector<Answered> unanswered;
  for (auto& [host, target] : targets_) {
    std::deque<Order>& orders = target.orders;
    while (!orders.empty() && orders.front().deadline <= now) {
      unanswered.push_back(std::move(orders.front().answered));
      orders.pop_front();
    }
    if (!orders.empty() && orders.front().again <= now) send_first(now, host);
  }
  std::vector<Round> over;
  for (Round& round : rounds_) {
    if (round.deadline <= now) over.push_back(std::move(round));
  }
  std::erase_if(rounds_, [now](const Round& round) { return round.deadline <= now; });
  // Last, because who is told may ask again.
  for (const Answered& answered : unanswered)
    answered(std::nullopt);
  for (const Round& round : over)
    round.called(round.names);
}

TimePoint CommandChannel::next_wakeup() const {
  TimePoint next = TimePoint::never();
  for (const auto& [host, target] : targets_) {
    if (target.orders.empty()) continue;
    next = std::min({next, target.orders.front().deadline, target.orders.front().again});
  }
  for (const Round& round : rounds_)
    next = std::min(next, round.deadline);
  return next;
}

// ---- obeying

void CommandChannel::receive(TimePoint now, const CommandFrame& frame, std::uint8_t key_id) {
  const bool is_for_us = frame.to == settings_.self || frame.to.is_nobody();
  if (frame.from == settings_.self || !is_for_us) return;
  switch (frame.kind) {
    case CommandKind::command:
      return take_command(now, frame, key_id);
    case CommandKind::challenge:
      return take_challenge(now, frame);
    case CommandKind::reply:
      return take_reply(now, frame);
  }
}

void CommandChannel::take_command(TimePoint now, const CommandFrame& frame, std::uint8_t key_id) {
  Session& session = sessions_[frame.from.value];
  const bool same_start = session.starts > 0 && session.nonce == frame.nonce;
  const std::uint64_t challenge = same_start ? session.challenge : challenge_for(frame);
  if (frame.to.is_nobody() || frame.challenge != challenge) {
    ++counts_.challenged;
    return answer(now, CommandKind::challenge, frame, challenge, settings_.host_name, key_id);
  }
  const auto ahead = static_cast<std::int32_t>(frame.sequence - session.sequence);
  if (same_start && ahead < 0) {
    ++counts_.replayed;
    return;
  }
  if (same_start && ahead == 0) {
    ++counts_.repeated;
    return answer(now, CommandKind::reply, frame, challenge, session.reply, key_id);
  }
  ++counts_.obeyed;
  const std::uint64_t starts = session.starts + (same_start ? 0 : 1);
  session = {starts, frame.nonce, challenge, frame.sequence, obey_(frame.from, frame.text)};
  answer(now, CommandKind::reply, frame, challenge, session.reply, key_id);
}

void CommandChannel::answer(TimePoint now, CommandKind kind, const CommandFrame& frame,
                            std::uint64_t challenge, std::string text, std::uint8_t key_id) {
  if (now - second_began_ >= std::chrono::seconds(1)) {
    second_began_ = now;
    answers_this_second_ = 0;
  }
  if (++answers_this_second_ > kAnswersPerSecond) {
    ++counts_.limited;
    return;
  }
  send_({kind, settings_.self, frame.from, frame.nonce, challenge, frame.sequence, std::move(text)},
        key_id);
}

std::uint64_t CommandChannel::challenge_for(const CommandFrame& frame) const {
  std::array<std::uint8_t, 17> facts{};
  facts[0] = frame.from.value;
  base::store_be64(facts.data() + 1, frame.nonce);
  base::store_be64(facts.data() + 9, sessions_[frame.from.value].starts);
  const std::uint64_t challenge = bucket::siphash13(settings_.secret, facts);
  return challenge == 0 ? 1 : challenge;  // 0 means: not known
}

}  // namespace covey::control
