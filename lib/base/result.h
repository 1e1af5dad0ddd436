// SPDX-License-Identifier: BSD-3-Clause
// Result<T>: how a library reports that the world failed (a file, a socket, a peer, a device).
//
// Owner: base. Thread: any; plain values.
// An Error carries a code for programs and a context for people; each layer that lets an error rise
// may prepend its own context. It is reported once, at the top. Packets never become errors (they
// become verdicts), and operator mistakes in configuration files become diagnostics instead.
#pragma once

#include <expected>
#include <string>
#include <utility>

namespace covey::base {

enum class ErrorCode {
  invalid_argument,
  not_found,
  permission_denied,
  unavailable,  // the thing exists but cannot serve now
  io,           // a system call failed
  unsupported,  // this build, kernel or device cannot do it
  corrupt,      // bytes that do not decode
  refused,      // the state of the receiver forbids it
  timed_out,
};

struct Error {
  ErrorCode code = ErrorCode::io;
  std::string context;
};

template <typename T>
using Result = std::expected<T, Error>;

/// Shorthand: `return fail(ErrorCode::io, "open /dev/net/tun: " + ...);`
[[nodiscard]] inline std::unexpected<Error> fail(ErrorCode code, std::string context) {
  return std::unexpected<Error>(Error{code, std::move(context)});
}

/// Lets an error rise with what the caller was doing in front: "bring up uplink: open: ...".
[[nodiscard]] inline std::unexpected<Error> wrap(std::string doing, Error error) {
  error.context = std::move(doing) + ": " + error.context;
  return std::unexpected<Error>(std::move(error));
}

/// "open /x: No such file or directory" for the current errno value passed in.
[[nodiscard]] std::unexpected<Error> fail_errno(std::string doing, int errno_value);

}  // namespace covey::base
