// SPDX-License-Identifier: BSD-3-Clause
// Counters and bucket maps as text; the rest of show.h is in show.cc.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "cli/show.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

constexpr std::size_t kOwnersPerLine = 64;

std::string number(std::uint64_t value) {
  return fmt::format("{}", value);
}

std::string verdict_table(const api::Stats& stats, bool all, bool colours) {
  Table table({{"verdict"}, {"frames", Align::right}, {"bytes", Align::right}}, colours);
  for (const auto& [name, count] : stats.verdicts) {
    if (count.frames == 0 && !all) continue;
    table.add({name, grouped(count.frames), grouped(count.bytes)});
  }
  return table.to_string();
}

std::string port_table(const api::Stats& stats, bool colours) {
  Table table({{"port", Align::left, true},
               {"link"},
               {"rx frames", Align::right},
               {"missed", Align::right},
               {"errors", Align::right},
               {"tx frames", Align::right},
               {"errors", Align::right}},
              colours);
  for (const auto& [name, port] : stats.ports) {
    table.add({name, link_cell(port.link_up), grouped(port.rx_frames), grouped(port.rx_missed),
               grouped(port.rx_errors), grouped(port.tx_frames), grouped(port.tx_errors)});
  }
  return table.to_string();
}

std::string worker_table(const api::Stats& stats, bool colours) {
  Table table({{"worker", Align::right},
               {"busy %", Align::right},
               {"cycles/packet", Align::right},
               {"packets/poll", Align::right},
               {"packets", Align::right},
               {"sleeps", Align::right}},
              colours);
  for (std::size_t i = 0; i < stats.workers.size(); ++i) {
    const api::WorkerStats& worker = stats.workers[i];
    table.add({number(i), fmt::format("{:.1f}", worker.busy_pct),
               fmt::format("{:.0f}", worker.cycles_per_packet),
               fmt::format("{:.1f}", worker.packets_per_poll), grouped(worker.packets),
               grouped(worker.sleeps)});
  }
  return table.to_string();
}

std::string ms(std::int64_t us) {
  return fmt::format("{:.1f} ms", static_cast<double>(us) / 1000);
}

std::string timers(const api::ControlStats& control) {
  std::string text = grouped(control.timers);
  for (const auto& [limit, count] : control.late)
    text += fmt::format(", {} late by {}", grouped(count), limit);
  return text;
}

std::string other_counters(const api::Stats& stats) {
  const api::HeartbeatStats& beats = stats.heartbeats;
  const api::FlowStats& flows = stats.flows;
  std::vector<std::pair<std::string, std::string>> rows = {
      {"control thread late", fmt::format("{} lately, {} ever", ms(stats.control.worst_lately_us),
                                          ms(stats.control.worst_us))},
      {"  timers", timers(stats.control)},
      {"heartbeats sent",
       fmt::format("{}, {} failed", grouped(beats.sent), grouped(beats.send_failed))},
      {"heartbeats received",
       fmt::format("{}, {} lost", grouped(beats.received), grouped(beats.lost))}};
  for (const auto& [reason, count] : beats.refused) {
    if (count > 0) rows.emplace_back("  refused, " + reason, grouped(count));
  }
  const api::CommandStats& commands = stats.commands;
  rows.emplace_back(
      "commands of other hosts",
      fmt::format("{} obeyed, {} replayed", grouped(commands.obeyed), grouped(commands.replayed)));
  for (const auto& [reason, count] : commands.refused) {
    if (count > 0) rows.emplace_back("  refused, " + reason, grouped(count));
  }
  rows.emplace_back("flows",
                    fmt::format("{} established, {} half open, of {}", grouped(flows.established),
                                grouped(flows.half_open), grouped(flows.capacity)));
  rows.emplace_back("flows so far", fmt::format("{} created, {} expired, {} evicted, {} untracked",
                                                grouped(flows.created), grouped(flows.expired),
                                                grouped(flows.evicted), grouped(flows.untracked)));
  return facts(rows);
}

/// One letter for each of 64 hosts.
char letter_of(unsigned host) {
  constexpr std::string_view letters =
      ".123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz+/@";
  return host < letters.size() ? letters[host] : '?';
}

/// Neighbouring ids differ; there are not 64 colours that people can tell apart.
std::string_view colour_escape(unsigned host) {
  constexpr std::array<std::string_view, 6> escapes = {"\033[32m", "\033[33m", "\033[34m",
                                                       "\033[35m", "\033[36m", "\033[31m"};
  return host == 0 ? "\033[2m" : escapes[(host - 1) % escapes.size()];
}

std::map<unsigned, std::size_t> count_owners(const api::BucketMap& map) {
  std::map<unsigned, std::size_t> counts;
  for (const unsigned owner : map.owners)
    ++counts[owner];
  return counts;
}

/// "hosts: .=nobody 1=1 A=10", in as many lines as that takes.
std::string legend(const api::BucketMap& map) {
  std::string text;
  std::string line = "hosts:";
  for (const auto& [owner, count] : count_owners(map)) {
    const std::string one =
        owner == 0 ? std::string(" .=nobody") : fmt::format(" {}={}", letter_of(owner), owner);
    if (line.size() + one.size() > kWidth) {
      text += line + "\n";
      line.assign(std::string_view("hosts:").size(), ' ');
    }
    line += one;
  }
  return text + line + "\n";
}

}  // namespace

std::string show(const api::Stats& stats, bool all, bool colours) {
  return verdict_table(stats, all, colours) + "\n" + port_table(stats, colours) + "\n" +
         worker_table(stats, colours) + "\n" + other_counters(stats);
}

std::string show(const api::BucketMaps& maps, bool colours) {
  Table table({{"map", Align::left, true},
               {"buckets", Align::right},
               {"host", Align::right},
               {"owns", Align::right},
               {"share %", Align::right}},
              colours);
  for (const api::BucketMap& map : maps.maps) {
    bool is_first = true;
    for (const auto& [owner, count] : count_owners(map)) {
      const double share =
          100.0 * static_cast<double>(count) / static_cast<double>(map.owners.size());
      table.add(
          {is_first ? map.rule : "", is_first ? number(map.owners.size()) : "",
           Cell(owner == 0 ? "nobody" : number(owner), owner == 0 ? Colour::red : Colour::none),
           number(count), fmt::format("{:.1f}", share)});
      is_first = false;
    }
  }
  return fmt::format("epoch {}, as host {} knows it\n\n", maps.epoch, maps.host) +
         table.to_string();
}

std::string show_owners(const api::BucketMap& map, bool colours) {
  std::string text;
  for (std::size_t at = 0; at < map.owners.size(); at += kOwnersPerLine) {
    text += fmt::format("{:>6}  ", at);
    const std::size_t end = std::min(at + kOwnersPerLine, map.owners.size());
    for (std::size_t b = at; b < end; ++b) {
      if (colours && (b == at || map.owners[b] != map.owners[b - 1])) {
        text += colour_escape(map.owners[b]);
      }
      text += letter_of(map.owners[b]);
    }
    text += colours ? "\033[0m\n" : "\n";
  }
  return text + "\n" + legend(map);
}

}  // namespace covey::cli
