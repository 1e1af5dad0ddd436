// SPDX-License-Identifier: BSD-3-Clause
// serve(): one connection from its first request to its end. The only file pair that knows Beast.
//
// Owner: control, internal to api_server.cc. Thread: the control thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>

#include "control/api_server.h"

namespace covey::control {

struct Session {
  ApiService& service;
  const ApiLimits& limits;
  std::size_t& followers;  // event streams of this listener
  bool over_socket = false;
  bool overloaded = false;  // one 503 and good-bye
};

/// Takes the function that ends a connection from outside, and an empty one when it is over.
using CloserSlot = std::function<void(std::function<void()> close)>;

[[nodiscard]] boost::asio::awaitable<void> serve(
    boost::asio::generic::stream_protocol::socket socket, Session session, CloserSlot closer);

}  // namespace covey::control
