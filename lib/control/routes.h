// SPDX-License-Identifier: BSD-3-Clause
// route(): one HTTP request -> one reply, without a socket in sight. The table of paths is in
// routes.cc.
//
// Owner: control. Thread: the control thread. Whatever the request holds, there is exactly one
// reply; it comes at once, except for questions to a worker (see ApiService). Commands are taken
// from the UNIX socket only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "base/time.h"
#include "control/api_service.h"

namespace covey::control {

struct Request {
  std::string method;  // "GET"
  std::string target;  // "/v1/buckets?rule=web"
  std::string body;
  std::string accept;  // the Accept header, if any
  bool over_socket = false;
  std::string last_event_id = {};  // the header of who comes back to a stream, if any
  std::string content_type = {};   // what the body is said to be, if anything
};

struct Reply {
  unsigned status = 200;
  std::string content_type = "application/json";
  std::string body;
  std::string allow;  // for 405: the methods that would do
};

void route(ApiService& service, const Request& request, std::function<void(Reply)> done);

/// Whether a worker has to answer it, for which nothing is done meanwhile.
[[nodiscard]] bool asks_worker(const Request& request);

/// How much longer than others this request may take: a trace waits for packets.
[[nodiscard]] base::Duration patience(const Request& request);

/// {"error": why} with a status.
[[nodiscard]] Reply error_reply(unsigned status, const std::string& why);

/// The number after which an event stream starts, if the request is for one: GET /v1/events with
/// `Accept: text/event-stream`. `Last-Event-ID` goes before `since` in the query, because a browser
/// that comes back repeats the query; with neither it starts with the next event. A number that was
/// not given yet is of an earlier run of the daemon: the stream starts with the first event then.
[[nodiscard]] std::optional<std::uint64_t> wants_event_stream(const Request& request,
                                                              std::uint64_t last_id);

/// GET /v1/capture, which is answered with a stream: what to capture, or the refusal. Nothing if it
/// is another request.
[[nodiscard]] std::optional<std::variant<api::CaptureRequest, Reply>> wants_capture(
    const Request& request);
/// What an error of the service becomes.
[[nodiscard]] Reply error_reply_for(const base::Error& error);

/// One server-sent event.
[[nodiscard]] std::string event_frame(const api::EventRow& event);

}  // namespace covey::control
