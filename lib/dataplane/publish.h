// SPDX-License-Identifier: BSD-3-Clause
// Publisher: hands immutable values to workers without a lock, and frees each when nobody can still
// read it.
//
// Owner: dataplane. Threads: publish(), is_quiescent(), set_reading(), current() from the control
// thread; newest() and follow() from a reader that is set reading. Values are numbered. Each reader
// says which one it follows; it may use that one and all newer ones, so what is older than all
// readers follow can be freed. Readers never wait: one that does not follow delays only the freeing
// and the answer of is_quiescent().
//
//   control   publish 2 ............................. nobody follows 1 any more --> free 1
//   reader    uses 1 ... sees that 2 is out ... uses 1 ... follow(2), uses 2
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

namespace covey::dataplane {

template <typename T>
class Publisher {
 public:
  struct Edition {
    std::uint64_t number = 0;
    std::unique_ptr<const T> value;
  };

  Publisher(std::unique_ptr<const T> first, unsigned readers) : readers_(readers) {
    publish(std::move(first));
  }
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  [[nodiscard]] const T& current() const { return *kept_.back()->value; }
  [[nodiscard]] const Edition& newest() const noexcept {
    return *newest_.load(std::memory_order_acquire);
  }
  /// The reader uses nothing that is older any more.
  void follow(unsigned reader, const Edition& edition) noexcept {
    readers_[reader].follows.store(edition.number, std::memory_order_release);
  }
  /// From the moment it is reading a reader is waited for.
  void set_reading(unsigned reader, bool reading) {
    readers_[reader].follows.store(reading ? kept_.back()->number : kNothing,
                                   std::memory_order_release);
  }

  /// Makes readers follow `next`; they all do once is_quiescent(returned ticket).
  std::uint64_t publish(std::unique_ptr<const T> next) {
    const std::uint64_t number = kept_.empty() ? 1 : kept_.back()->number + 1;
    kept_.push_back(std::make_unique<const Edition>(number, std::move(next)));
    newest_.store(kept_.back().get(), std::memory_order_release);
    reclaim();
    return number;
  }
  [[nodiscard]] bool is_quiescent(std::uint64_t ticket) {
    reclaim();
    return oldest_followed() >= ticket;
  }
  /// Values that wait to be freed.
  [[nodiscard]] std::size_t retired() const { return kept_.size() - 1; }

 private:
  static constexpr std::uint64_t kNothing = std::numeric_limits<std::uint64_t>::max();
  struct alignas(64) Reader {
    std::atomic<std::uint64_t> follows{kNothing};
  };

  [[nodiscard]] std::uint64_t oldest_followed() const {
    std::uint64_t oldest = kNothing;
    for (const Reader& reader : readers_)
      oldest = std::min(oldest, reader.follows.load(std::memory_order_acquire));
    return oldest;
  }
  void reclaim() {
    const std::uint64_t oldest = oldest_followed();
    const auto used = std::find_if(kept_.begin(), kept_.end() - 1,
                                   [oldest](const auto& kept) { return kept->number >= oldest; });
    kept_.erase(kept_.begin(), used);
  }

  std::vector<Reader> readers_;
  std::vector<std::unique_ptr<const Edition>> kept_;  // oldest first
  std::atomic<const Edition*> newest_{nullptr};
};

/// One reader that works off a queue: it follows a new value only for what comes into the queue
/// after the value was published. What waits there already is judged by the value that was valid
/// when it came, however late that is: else two hosts could take the same frame, each under a table
/// of its own time.
template <typename T>
class Follower {
 public:
  Follower(Publisher<T>& publisher, unsigned reader) : publisher_(publisher), reader_(reader) {}

  /// Begins a round; the reader is set reading. The value is good until end_round().
  [[nodiscard]] const T& begin_round() noexcept {
    const Edition* newest = &publisher_.newest();
    if (newest != newest_) waiting_ = 0;
    newest_ = newest;
    if (followed_ == nullptr) follow();
    return *followed_->value;
  }
  /// `taken` of the `asked` for were in the queue, after begin_round().
  void end_round(std::uint32_t taken, std::uint32_t asked) noexcept {
    if (newest_ == followed_) return;
    waiting_ += taken;
    if (taken == asked && waiting_ < kLongestQueue) return;
    follow();
  }

 private:
  using Edition = typename Publisher<T>::Edition;
  static constexpr std::uint32_t kLongestQueue = 4096;  // more than any ring of frames holds

  void follow() noexcept {
    followed_ = newest_;
    publisher_.follow(reader_, *followed_);
  }

  Publisher<T>& publisher_;
  unsigned reader_;
  const Edition* followed_ = nullptr;
  const Edition* newest_ = nullptr;  // as of the beginning of the round; not older than followed_
  std::uint32_t waiting_ = 0;        // taken since that was seen
};

}  // namespace covey::dataplane
