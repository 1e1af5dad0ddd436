// SPDX-License-Identifier: BSD-3-Clause
// ApiLoad: what the listeners of the API carry at present, and whom they had to turn away.
//
// Owner: control. Thread: the control thread. The server and its sessions write it, the metrics
// read it.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string_view>

namespace covey::control {

/// For what there was no room.
enum class Refusal : unsigned char {
  connection,  // the listener has as many as it may
  process,     // the process at the other end has as many as it may
  stream,      // a stream of events
  turn,        // a request, while others were worked on
  answer,      // a large answer, while others wait for slow readers
};
inline constexpr std::array<std::string_view, 5> kRefusalNames = {"connection", "process", "stream",
                                                                  "turn", "answer"};

struct ListenerLoad {
  void refuse(Refusal what) { ++refused[static_cast<std::size_t>(what)]; }

  std::size_t connections = 0;              // event streams among them
  std::size_t followers = 0;                // event streams
  std::size_t unsent = 0;                   // bytes of large answers that are being sent
  std::map<pid_t, std::size_t> of_process;  // connections; over TCP nobody knows
  std::array<std::uint64_t, kRefusalNames.size()> refused{};  // since the start, as the next
  std::uint64_t dropped = 0;  // connections whose peer took too long
};

struct ApiLoad {
  ListenerLoad socket;
  ListenerLoad tcp;
};

}  // namespace covey::control
