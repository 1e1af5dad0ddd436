// SPDX-License-Identifier: BSD-3-Clause
// IPv4 endpoints as the clients of the lab read them, write them down and connect between them.
// Thread: any; plain functions.
#pragma once

#include <netinet/in.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "system.h"

namespace covey::lab {

/// IPv4 address and port in host order.
struct Endpoint {
  std::uint32_t address = 0;
  std::uint16_t port = 0;
  bool operator==(const Endpoint&) const = default;
};

sockaddr_in to_socket_address(Endpoint endpoint);
Endpoint to_endpoint(const sockaddr_in& address);

/// The socket API's own idiom: every family's address travels as a sockaddr.
const sockaddr* generic(const sockaddr_in& address);

/// Ends the program when the text is no IPv4 address; host order.
std::uint32_t to_address(const std::string& text);

/// `ADDRESS PORT`.
std::string to_text(Endpoint endpoint);

/// Such as `02:01:0a:4d:00:32`.
std::string to_text(const std::array<std::uint8_t, 6>& mac);

/// One endpoint per line of a file, as to_text() writes it; ends the program when there is none.
std::vector<Endpoint> read_endpoints(const std::string& path);

/// A connection that has begun; `error` is 0 unless bind() or connect() failed at once.
struct Begun {
  Descriptor socket;
  int error = 0;
};
Begun begin_connection(Endpoint from, Endpoint to);

/// What a failed system call means for a connection, in a word: refused, reset, error-N.
std::string failure(int code, bool established);

/// What became of a connect() that was under way: 0 when it is established.
int connect_error(const Descriptor& one);

}  // namespace covey::lab
