// SPDX-License-Identifier: BSD-3-Clause
// Turns: who works takes one, and whoever else wants to waits for it, in the order they came.
//
// Owner: control. Thread: the control thread.
// A turn is passed on by way of the loop. So however many requests are there at once, heartbeats
// and timers that are due come between two of them, and wait for one answer at most.
#pragma once

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <chrono>
#include <deque>
#include <memory>
#include <utility>

namespace covey::control {

class Turns {
  struct Waiting {
    boost::asio::steady_timer& timer;
    bool has_turn = false;
  };
  struct State {
    void pass() {
      if (waiting.empty()) {
        is_taken = false;
        return;
      }
      const std::shared_ptr<Waiting> next = waiting.front();
      waiting.pop_front();
      next->has_turn = true;
      next->timer.cancel();
    }

    bool is_taken = false;
    std::deque<std::shared_ptr<Waiting>> waiting;
  };

 public:
  /// Passes the turn on when it ends. One that is empty did not come in time.
  class Turn {
   public:
    Turn() = default;
    Turn(boost::asio::io_context& io, std::shared_ptr<State> state)
        : io_(&io), state_(std::move(state)) {}
    Turn(Turn&& other) noexcept : io_(other.io_), state_(std::move(other.state_)) {}
    Turn& operator=(Turn&&) = delete;
    ~Turn() { end(); }

    [[nodiscard]] explicit operator bool() const { return state_ != nullptr; }
    void end() {
      if (state_) boost::asio::post(*io_, [state = std::move(state_)] { state->pass(); });
      state_.reset();
    }

   private:
    boost::asio::io_context* io_ = nullptr;
    std::shared_ptr<State> state_;
  };

  explicit Turns(boost::asio::io_context& io) : io_(io) {}

  /// Waits by the timer, which must be idle. Who cancels it ends the wait.
  boost::asio::awaitable<Turn> take(boost::asio::steady_timer& timer,
                                    std::chrono::milliseconds patience) {
    const std::shared_ptr<State> state = state_;
    if (!std::exchange(state->is_taken, true)) co_return Turn(io_, state);
    const auto me = std::make_shared<Waiting>(Waiting{timer});
    state->waiting.push_back(me);
    timer.expires_after(patience);
    co_await timer.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable));
    if (me->has_turn) co_return Turn(io_, state);
    std::erase(state->waiting, me);
    co_return Turn();
  }

 private:
  boost::asio::io_context& io_;
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

}  // namespace covey::control
