// SPDX-License-Identifier: BSD-3-Clause
#include "endpoint.h"

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string_view>

namespace covey::lab {

sockaddr_in to_socket_address(Endpoint endpoint) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(endpoint.address);
  address.sin_port = htons(endpoint.port);
  return address;
}

Endpoint to_endpoint(const sockaddr_in& address) {
  return {ntohl(address.sin_addr.s_addr), ntohs(address.sin_port)};
}

const sockaddr* generic(const sockaddr_in& address) {
  return reinterpret_cast<const sockaddr*>(&address);
}

std::uint32_t to_address(const std::string& text) {
  in_addr address{};
  if (inet_pton(AF_INET, text.c_str(), &address) != 1) {
    std::cerr << text << ": not an IPv4 address\n";
    std::exit(EXIT_FAILURE);
  }
  return ntohl(address.s_addr);
}

std::string to_text(Endpoint endpoint) {
  const in_addr raw{htonl(endpoint.address)};
  std::array<char, INET_ADDRSTRLEN> text{};
  inet_ntop(AF_INET, &raw, text.data(), text.size());
  return std::string(text.data()) + " " + std::to_string(endpoint.port);
}

std::string to_text(const std::array<std::uint8_t, 6>& mac) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const std::uint8_t octet : mac) {
    if (!text.empty()) text += ':';
    text += kDigits[octet >> 4U];
    text += kDigits[octet & 15U];
  }
  return text;
}

std::vector<Endpoint> read_endpoints(const std::string& path) {
  std::ifstream file(path);
  std::vector<Endpoint> endpoints;
  std::string address;
  for (std::uint16_t port = 0; file >> address >> port;) {
    endpoints.push_back({to_address(address), port});
  }
  if (endpoints.empty()) {
    std::cerr << path << ": no endpoints\n";
    std::exit(EXIT_FAILURE);
  }
  return endpoints;
}

Begun begin_connection(Endpoint from, Endpoint to) {
  Descriptor one(must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0), "socket"));
  const int on = 1;
  setsockopt(one.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  const sockaddr_in here = to_socket_address(from);
  const sockaddr_in there = to_socket_address(to);
  int error = 0;
  if (bind(one.get(), generic(here), sizeof here) != 0 ||
      (connect(one.get(), generic(there), sizeof there) != 0 && errno != EINPROGRESS)) {
    error = errno;
  }
  return {std::move(one), error};
}

std::string failure(int code, bool established) {
  if (code == ECONNREFUSED) return "refused";
  if (code == ECONNRESET || code == EPIPE) return established ? "reset" : "refused";
  return "error-" + std::to_string(code);
}

int connect_error(const Descriptor& one) {
  int code = 0;
  socklen_t size = sizeof code;
  getsockopt(one.get(), SOL_SOCKET, SO_ERROR, &code, &size);
  return code;
}

}  // namespace covey::lab
