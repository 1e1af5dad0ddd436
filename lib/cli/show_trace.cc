// SPDX-License-Identifier: BSD-3-Clause
// A trace for people: two lines a packet, more where they would be wider than a terminal.
#include <fmt/format.h>

#include <algorithm>

#include "cli/show.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

constexpr std::size_t kIndent = 17;  // the width of "12345.678 ms out "

std::string packet_line(const api::TraceRow& packet) {
  std::string line = fmt::format("{} {} -> {}", packet.protocol, packet.source, packet.destination);
  if (!packet.flags.empty()) line += fmt::format(" {}", packet.flags);
  if (!packet.fragment.empty()) line += fmt::format(", {} fragment", packet.fragment);
  if (packet.vlan) line += fmt::format(", vlan {}", *packet.vlan);
  return line + fmt::format(", {} bytes", packet.length);
}

std::string reason_line(const api::TraceRow& packet) {
  std::string line = fmt::format("{}: {}", packet.verdict, packet.reason);
  if (packet.flow != "none") line += fmt::format("; {}", packet.flow);
  return line;
}

Colour colour_of(const api::TraceRow& packet) {
  if (packet.verdict.starts_with("deliver_")) return Colour::green;
  return packet.verdict.starts_with("drop_") ? Colour::yellow : Colour::none;
}

std::string end_of(const api::TraceReply& trace, std::uint64_t wanted) {
  const std::string seen =
      fmt::format("{} of {} packets", grouped(trace.packets.size()), grouped(trace.seen));
  if (trace.ended == "count") return fmt::format("{}: all that were asked for\n", seen);
  if (trace.ended == "time")
    return fmt::format("{}: the time is up, {} were wanted\n", seen, wanted);
  return fmt::format("{}: another trace began, {} were wanted\n", seen, wanted);
}

}  // namespace

std::string show(const api::TraceReply& trace, std::uint64_t wanted, bool colours) {
  std::string text;
  for (const api::TraceRow& packet : trace.packets) {
    const std::int64_t us = packet.after_us;
    text += fmt::format("{:>5}.{:03} ms {:<3} {}\n", us / 1000, us % 1000, packet.direction,
                        wrapped(printable(packet_line(packet)), kIndent));
    const std::string reason = wrapped(printable(reason_line(packet)), kIndent);
    const std::size_t verdict = std::min(packet.verdict.size(), reason.size());
    text += std::string(kIndent, ' ') +
            coloured(reason.substr(0, verdict), colour_of(packet), colours) +
            reason.substr(verdict) + "\n";
  }
  return text + end_of(trace, wanted);
}

}  // namespace covey::cli
