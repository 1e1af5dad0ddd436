// SPDX-License-Identifier: BSD-3-Clause
// Publisher: hands immutable snapshots to workers without a lock, and frees each when nobody can
// still read it.
//
// Owner: dataplane. Threads: publish(), is_quiescent(), set_reading() from the control thread;
// current() and quiescent() from a reader that is set reading. A reader may use what current()
// returned until its next quiescent() call.
//
//   control   exchange pointer --> take ticket ........ all readers passed the ticket --> free the
//   old one reader    current() ... use it ... quiescent()  current() ... use the new one ...
//   quiescent()
//
// Reclamation is DPDK's quiescent-state RCU. Readers never wait: a reader that stops calling
// quiescent() delays only the freeing and the answer of is_quiescent().
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <vector>

#include <rte_rcu_qsbr.h>

namespace covey::dataplane {

class QuiescentState {
 public:
  explicit QuiescentState(unsigned readers);

  /// From the moment it is reading a reader is waited for.
  void set_reading(unsigned reader, bool reading);
  /// A number that readers have to pass.
  [[nodiscard]] std::uint64_t take_ticket();
  [[nodiscard]] bool has_passed(std::uint64_t ticket) const;
  void quiescent(unsigned reader) noexcept { rte_rcu_qsbr_quiescent(state_.get(), reader); }

 private:
  struct Free {
    void operator()(rte_rcu_qsbr* state) const { std::free(state); }
  };
  std::unique_ptr<rte_rcu_qsbr, Free> state_;
};

template <typename T>
class Publisher {
 public:
  Publisher(std::unique_ptr<const T> first, unsigned readers)
      : readers_(readers), owned_(std::move(first)), current_(owned_.get()) {}
  Publisher(const Publisher&) = delete;
  Publisher& operator=(const Publisher&) = delete;

  [[nodiscard]] const T& current() const noexcept {
    return *current_.load(std::memory_order_acquire);
  }
  void quiescent(unsigned reader) noexcept { readers_.quiescent(reader); }
  void set_reading(unsigned reader, bool reading) { readers_.set_reading(reader, reading); }

  /// Makes readers follow `next`; they all do once is_quiescent(returned ticket).
  std::uint64_t publish(std::unique_ptr<const T> next) {
    current_.store(next.get(), std::memory_order_release);
    const std::uint64_t ticket = readers_.take_ticket();
    retired_.push_back({ticket, std::move(owned_)});
    owned_ = std::move(next);
    reclaim();
    return ticket;
  }
  [[nodiscard]] bool is_quiescent(std::uint64_t ticket) {
    reclaim();
    return readers_.has_passed(ticket);
  }
  /// Snapshots that wait to be freed.
  [[nodiscard]] std::size_t retired() const { return retired_.size(); }

 private:
  struct Retired {
    std::uint64_t ticket = 0;
    std::unique_ptr<const T> value;
  };
  void reclaim() {
    std::size_t done = 0;
    while (done < retired_.size() && readers_.has_passed(retired_[done].ticket))
      ++done;
    retired_.erase(retired_.begin(), retired_.begin() + static_cast<std::ptrdiff_t>(done));
  }

  QuiescentState readers_;
  std::unique_ptr<const T> owned_;
  std::atomic<const T*> current_;
  std::vector<Retired> retired_;  // oldest first
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
    const T* newest = &publisher_.current();
    if (newest != newest_) waiting_ = 0;
    newest_ = newest;
    if (value_ == nullptr) value_ = newest;
    return *value_;
  }
  /// `taken` of the `asked` for were in the queue, after begin_round().
  void end_round(std::uint32_t taken, std::uint32_t asked) noexcept {
    if (newest_ != value_) {
      waiting_ += taken;
      if (taken == asked && waiting_ < kLongestQueue) return;  // and so this reader is waited for
    }
    if (&publisher_.current() != newest_)
      return;  // what has come in this round is still to be seen
    publisher_.quiescent(reader_);
    value_ = &publisher_.current();
  }

 private:
  static constexpr std::uint32_t kLongestQueue = 4096;  // more than any ring of frames holds

  Publisher<T>& publisher_;
  unsigned reader_;
  const T* value_ = nullptr;
  const T* newest_ = nullptr;  // as of the beginning of the round; compared, not read
  std::uint32_t waiting_ = 0;  // taken since that was seen
};

}  // namespace covey::dataplane
