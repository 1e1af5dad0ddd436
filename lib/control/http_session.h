// SPDX-License-Identifier: BSD-3-Clause
// serve(): one connection from its first request to its end. The only file pair that knows Beast.
//
// Owner: control, internal to api_server.cc. Thread: the control thread.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <functional>
#include <string>

#include "control/api_server.h"
#include "control/routes.h"
#include "control/turns.h"

namespace covey::control {

struct Session {
  ApiService& service;
  const ApiLimits& limits;
  // Of its listener:
  ListenerLoad& load;
  Turns& turns;
  Turns& turns_with_workers;  // of questions to a worker, which take until it has answered
  bool over_socket = false;
};

/// Takes the function that ends a connection from outside, and an empty one when it is over.
using CloserSlot = std::function<void(std::function<void()> close)>;

[[nodiscard]] boost::asio::awaitable<void> serve(
    boost::asio::generic::stream_protocol::socket socket, Session session, CloserSlot closer);

/// A reply as it is sent, for a connection that ends with it.
[[nodiscard]] std::string written(const Reply& reply);

}  // namespace covey::control
