// SPDX-License-Identifier: BSD-3-Clause
// ApiServer: HTTP/1.1 on the UNIX socket (everything) and on a TCP address (reading only).
//
// Owner: control. Thread: the control thread.
// It moves bytes; what a request means is in routes.h. Everything a peer can make us hold is
// bounded: connections per listener, bytes of a request, time for it. A peer that breaks a bound
// gets an answer if it can, and is closed.
#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/result.h"
#include "control/api_service.h"
#include "control/settings.h"

namespace covey::control {

struct ApiLimits {
  std::size_t connections = 32;              // per listener, event streams among them
  std::size_t followers = 16;                // event streams per listener: others get through, too
  std::uint32_t header_bytes = 8192;         // no request of ours comes near
  std::uint64_t body_bytes = 4096;           // a command is some hundred bytes
  std::chrono::milliseconds idle{30000};     // between requests, and for one to come in whole
  std::chrono::milliseconds answer{3000};    // for a worker to answer a question
  std::chrono::milliseconds comment{15000};  // an event stream says something at least so often
};

class ApiServer {
 public:
  ApiServer(boost::asio::io_context& io, ApiService& service, ApiLimits limits = {});
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
