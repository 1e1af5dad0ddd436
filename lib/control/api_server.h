// SPDX-License-Identifier: BSD-3-Clause
// ApiServer: HTTP/1.1 on the UNIX socket (everything) and on a TCP address (reading only).
//
// Owner: control. Thread: the control thread.
// It moves bytes; what a request means is in routes.h. Everything a peer can make us hold is
// bounded: connections per listener and per process, bytes of a request and of answers, time for
// both. Who finds no room is told so at once and closed, who breaks another bound gets an answer if
// it can. Those that were there before notice nothing. Of each listener one request is worked on at
// a time (turns.h).
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "control/api_load.h"
#include "control/api_service.h"
#include "control/settings.h"

namespace covey::control {

struct ApiLimits {
  // Per listener, event streams among them. Both together are far below the 1024 descriptors that a
  // process may open if nobody says otherwise: state files and health checks never lack one.
  std::size_t connections = 32;
  std::size_t of_process = 24;  // on the UNIX socket: one that runs wild leaves room for operators
  std::size_t followers = 16;   // event streams per listener: others get through, too
  // Of large answers per listener, until their readers have them: three of the largest. It is
  // memory of ours, for as long as a reader takes its time.
  std::size_t unsent = 16U << 20;
  std::uint32_t header_bytes = 8192;         // no request of ours comes near
  std::uint64_t body_bytes = 4096;           // a command is some hundred bytes
  std::chrono::milliseconds idle{30000};     // between requests, and for one to come in whole
  std::chrono::milliseconds answer{3000};    // for a worker to answer a question, and for a turn
  std::chrono::milliseconds comment{15000};  // an event stream says something at least so often
};

class ApiServer {
 public:
  /// `load` is kept up to date.
  ApiServer(boost::asio::io_context& io, ApiService& service, ApiLoad& load, ApiLimits limits = {});
  ~ApiServer();
  ApiServer(const ApiServer&) = delete;
  ApiServer& operator=(const ApiServer&) = delete;

  /// Opens both listeners and begins to serve; nothing is left open on failure.
  [[nodiscard]] base::Result<void> open(const Settings& settings);
  /// Ends all connections and removes the socket file.
  void close();
  /// The TCP port in use (for a configured port 0), 0 without TCP.
  [[nodiscard]] std::uint16_t tcp_port() const;

 private:
  class Implementation;
  std::shared_ptr<Implementation> implementation_;  // sessions hold on to it while they end
};

}  // namespace covey::control
