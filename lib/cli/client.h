// SPDX-License-Identifier: BSD-3-Clause
// Client: one request to the daemon over its UNIX socket, and its answer.
//
// Owner: cli. Thread: the caller's; a call returns when the answer is there or the time is up. Each
// request has a connection of its own: a command line asks once. Error codes: unavailable (nobody
// listens, or went away), timed_out, and by HTTP status invalid_argument (400), permission_denied
// (403), not_found (404), refused (409), unsupported (501), io (any other).
#pragma once

#include <string>

#include "api/messages.h"
#include "base/result.h"
#include "base/time.h"

namespace covey::cli {

inline constexpr base::Duration kRequestTimeout = std::chrono::seconds(10);

class Client {
 public:
  explicit Client(std::string socket, base::Duration timeout = kRequestTimeout)
      : socket_(std::move(socket)), timeout_(timeout) {}

  /// The same daemon, asked with another patience.
  [[nodiscard]] Client with_timeout(base::Duration timeout) const {
    return Client(socket_, timeout);
  }

  /// The body of a GET: JSON as the daemon wrote it. `patience`: how much longer than others the
  /// answer may take.
  [[nodiscard]] base::Result<std::string> get(const std::string& target,
                                              base::Duration patience = {}) const;

  /// The body, and what it says.
  template <typename T>
  struct Answer {
    std::string json;
    T value;
  };
  template <typename T>
  [[nodiscard]] base::Result<Answer<T>> ask(const std::string& target,
                                            base::Duration patience = {}) const {
    auto json = get(target, patience);
    if (!json) return std::unexpected(json.error());
    auto value = api::decode<T>(*json);
    if (!value) return base::wrap("answer to " + target, std::move(value.error()));
    return Answer<T>{std::move(*json), std::move(*value)};
  }
  /// A refusal by the daemon is an answer (`ok` is false), not an error.
  [[nodiscard]] base::Result<Answer<api::CommandReply>> command(
      const api::CommandRequest& request) const;
  [[nodiscard]] base::Result<Answer<api::CommandReply>> change_keys(
      const api::KeyRequest& request) const;
  [[nodiscard]] base::Result<Answer<api::ReloadReply>> reload() const;

  [[nodiscard]] const std::string& socket() const { return socket_; }

 private:
  struct Response {
    unsigned status = 0;
    std::string body;
  };
  template <typename Reply>
  [[nodiscard]] base::Result<Answer<Reply>> order(const std::string& target,
                                                  const std::string& verb,
                                                  const std::string& body) const;
  [[nodiscard]] base::Result<Response> exchange(const std::string& method,
                                                const std::string& target, const std::string& body,
                                                base::Duration patience = {}) const;

  std::string socket_;
  base::Duration timeout_;
};

/// A path that fits into a socket's address.
[[nodiscard]] base::Result<void> check_socket_path(const std::string& socket);
/// Nobody listens there, and what to do about it.
[[nodiscard]] base::Error unreachable(const std::string& socket, const std::string& why);
/// An answer that is not 2xx.
[[nodiscard]] base::Error refusal_of(unsigned status, const std::string& body);

}  // namespace covey::cli
