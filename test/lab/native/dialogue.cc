// SPDX-License-Identifier: BSD-3-Clause
#include "dialogue.h"

#include <algorithm>

#include "base/endian.h"

namespace covey::lab {

std::array<std::uint8_t, kSeedBytes> Questioner::greeting() {
  std::array<std::uint8_t, kSeedBytes> seed{};
  base::store_be64(seed.data(), seed_);
  awaited_ = 1;
  return seed;
}

Bytes Questioner::next_message(std::int64_t now) {
  const std::size_t length = 1 + Stream(seed_ + answers_).number() % kLongestMessage;
  Bytes message(kLengthBytes + length);
  base::store_be16(message.data(), static_cast<std::uint16_t>(length));
  ours_.write(std::span(message).subspan(kLengthBytes));
  said_ = now;
  awaited_ = length;
  return message;
}

bool Questioner::hear(std::span<const std::uint8_t> block, std::int64_t now) {
  if (block.empty()) return true;
  if (block.size() > awaited_) return false;
  awaited_ -= block.size();
  if (!theirs_) {
    host_ = block.front();
    theirs_ = server_stream(seed_, block.front());
  } else if (!theirs_->continues_with(block)) {
    return false;
  }
  if (awaited_ > 0) return true;
  worst_ns_ = std::max(worst_ns_, now - said_);
  said_ = 0;
  // Not all at the same moment.
  const std::uint64_t share = Stream(seed_ - answers_).number() % 1024;
  due_ = now + interval_ns_ / 2 + interval_ns_ * static_cast<std::int64_t>(share) / 1024;
  ++answers_;
  return true;
}

std::int64_t Questioner::worst_ns(std::int64_t now) const {
  return std::max(worst_ns_, said_ != 0 ? now - said_ : 0);
}

bool Answerer::hear(std::span<const std::uint8_t> block, Bytes& answer) {
  heard_.insert(heard_.end(), block.begin(), block.end());
  std::size_t at = 0;
  Step step = Step::done;
  while (step == Step::done)
    step = take_message(at, answer);
  heard_.erase(heard_.begin(), heard_.begin() + static_cast<std::ptrdiff_t>(at));
  return step != Step::wrong;
}

/// Takes one whole message (or the seed) out of what was heard, and adds the answer.
Answerer::Step Answerer::take_message(std::size_t& at, Bytes& answer) {
  const std::span<const std::uint8_t> heard = std::span(heard_).subspan(at);
  if (!theirs_) {
    if (heard.size() < kSeedBytes) return Step::more_needed;
    const std::uint64_t seed = base::load_be64(heard.data());
    theirs_ = client_stream(seed);
    ours_ = server_stream(seed, host_);
    answer.push_back(host_);
    at += kSeedBytes;
    return Step::done;
  }
  if (heard.size() < kLengthBytes) return Step::more_needed;
  const std::size_t length = base::load_be16(heard.data());
  if (length == 0 || length > kLongestMessage) return Step::wrong;
  if (heard.size() < kLengthBytes + length) return Step::more_needed;
  if (!theirs_->continues_with(heard.subspan(kLengthBytes, length))) return Step::wrong;
  at += kLengthBytes + length;
  answer.resize(answer.size() + length);
  ours_->write(std::span(answer).last(length));
  return Step::done;
}

}  // namespace covey::lab
