// SPDX-License-Identifier: BSD-3-Clause
#include "cli/rates.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cmath>

#include "cli/show.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

/// Differences of counters; remembers whether one of them went back.
class Differences {
 public:
  explicit Differences(double seconds) : seconds_(seconds) {}

  double per_second(std::uint64_t before, std::uint64_t after) {
    return of(before, after) / seconds_;
  }
  /// 0 where nothing was counted.
  double ratio(double part, double whole) const { return whole > 0 ? part / whole : 0; }
  double of(std::uint64_t before, std::uint64_t after) {
    if (after < before) went_back_ = true;
    return static_cast<double>(after - before);
  }
  [[nodiscard]] bool went_back() const { return went_back_; }

 private:
  double seconds_;
  bool went_back_ = false;
};

PortRate port_rate(const api::PortStats& before, const api::PortStats& after, Differences& d) {
  return {after.link_up,
          {d.per_second(before.rx_frames, after.rx_frames),
           d.per_second(before.rx_bytes, after.rx_bytes)},
          {d.per_second(before.tx_frames, after.tx_frames),
           d.per_second(before.tx_bytes, after.tx_bytes)},
          d.per_second(before.rx_missed, after.rx_missed),
          d.per_second(before.rx_errors, after.rx_errors),
          d.per_second(before.tx_errors, after.tx_errors)};
}

WorkerRate worker_rate(const api::WorkerStats& before, const api::WorkerStats& after,
                       Differences& d) {
  constexpr double percent = 100;
  const double busy = d.of(before.busy_cycles, after.busy_cycles);
  const double idle = d.of(before.idle_cycles, after.idle_cycles);
  const double packets = d.of(before.packets, after.packets);
  return {percent * d.ratio(busy, busy + idle), d.ratio(busy, packets),
          d.ratio(packets, d.of(before.bursts, after.bursts)),
          d.per_second(before.packets, after.packets)};
}

bool are_of_one_kind(const api::Stats& before, const api::Stats& after) {
  const auto same_names = [](const auto& one, const auto& other) {
    return std::ranges::equal(
        one, other, {}, [](const auto& row) { return row.first; },
        [](const auto& row) { return row.first; });
  };
  return same_names(before.verdicts, after.verdicts) && same_names(before.ports, after.ports) &&
         before.workers.size() == after.workers.size();
}

std::string json_of(const FrameRate& rate) {
  return fmt::format(R"({{"frames":{:.1f},"bytes":{:.1f}}})", rate.frames, rate.bytes);
}

std::string json_of(const PortRate& rate) {
  return fmt::format(
      R"({{"link_up":{},"rx_frames":{:.1f},"rx_bytes":{:.1f},"rx_missed":{:.1f},)"
      R"("rx_errors":{:.1f},"tx_frames":{:.1f},"tx_bytes":{:.1f},"tx_errors":{:.1f}}})",
      rate.link_up, rate.rx.frames, rate.rx.bytes, rate.rx_missed, rate.rx_errors, rate.tx.frames,
      rate.tx.bytes, rate.tx_errors);
}

template <typename Rate>
std::string json_of(const api::Named<Rate>& rates) {
  std::string text;
  for (const auto& [name, rate] : rates)
    text += fmt::format("{}{}:{}", text.empty() ? "" : ",", api::encode(name), json_of(rate));
  return "{" + text + "}";
}

std::string json_of(const std::vector<WorkerRate>& workers) {
  std::string text;
  for (const WorkerRate& worker : workers) {
    text += fmt::format(R"({}{{"busy_pct":{:.1f},"cycles_per_packet":{:.1f},)"
                        R"("packets_per_poll":{:.1f},"packets":{:.1f}}})",
                        text.empty() ? "" : ",", worker.busy_pct, worker.cycles_per_packet,
                        worker.packets_per_poll, worker.packets);
  }
  return "[" + text + "]";
}

std::string megabits(double bytes) {
  constexpr double bytes_per_megabit = 1e6 / 8;
  return fmt::format("{:.2f}", bytes / bytes_per_megabit);
}

std::string verdict_table(const Rates& rates, bool all, bool colours) {
  Table table({{"verdict"}, {"frames/s", Align::right}, {"Mbit/s", Align::right}}, colours);
  for (const auto& [name, rate] : rates.verdicts) {
    if (rate.frames > 0 || all) table.add({name, per_second(rate.frames), megabits(rate.bytes)});
  }
  return table.to_string();
}

std::string port_table(const Rates& rates, bool colours) {
  Table table({{"port", Align::left, true},
               {"link"},
               {"rx frames/s", Align::right},
               {"Mbit/s", Align::right},
               {"missed", Align::right},
               {"errors", Align::right},
               {"tx frames/s", Align::right},
               {"Mbit/s", Align::right},
               {"errors", Align::right}},
              colours);
  for (const auto& [name, port] : rates.ports) {
    table.add({name, link_cell(port.link_up), per_second(port.rx.frames), megabits(port.rx.bytes),
               per_second(port.rx_missed), per_second(port.rx_errors), per_second(port.tx.frames),
               megabits(port.tx.bytes), per_second(port.tx_errors)});
  }
  return table.to_string();
}

std::string worker_table(const Rates& rates, bool colours) {
  Table table({{"worker", Align::right},
               {"busy %", Align::right},
               {"cycles/packet", Align::right},
               {"packets/poll", Align::right},
               {"packets/s", Align::right}},
              colours);
  for (std::size_t i = 0; i < rates.workers.size(); ++i) {
    const WorkerRate& worker = rates.workers[i];
    table.add({fmt::format("{}", i), fmt::format("{:.1f}", worker.busy_pct),
               fmt::format("{:.0f}", worker.cycles_per_packet),
               fmt::format("{:.1f}", worker.packets_per_poll), per_second(worker.packets)});
  }
  return table.to_string();
}

}  // namespace

base::Result<Rates> rates_between(const api::Stats& before, const api::Stats& after,
                                  base::Duration elapsed) {
  const double seconds = std::chrono::duration<double>(elapsed).count();
  if (!are_of_one_kind(before, after) || seconds <= 0)
    return base::fail(base::ErrorCode::io, "coveyd was restarted meanwhile");
  Differences d(seconds);
  Rates rates;
  rates.seconds = seconds;
  for (std::size_t i = 0; i < after.verdicts.size(); ++i) {
    const auto& [name, now] = after.verdicts[i];
    const api::FrameCount& then = before.verdicts[i].second;
    rates.verdicts.emplace_back(name, FrameRate{d.per_second(then.frames, now.frames),
                                                d.per_second(then.bytes, now.bytes)});
  }
  for (std::size_t i = 0; i < after.ports.size(); ++i) {
    const auto& [name, now] = after.ports[i];
    rates.ports.emplace_back(name, port_rate(before.ports[i].second, now, d));
  }
  for (std::size_t i = 0; i < after.workers.size(); ++i)
    rates.workers.push_back(worker_rate(before.workers[i], after.workers[i], d));
  rates.flows = {d.per_second(before.flows.created, after.flows.created),
                 d.per_second(before.flows.expired, after.flows.expired),
                 d.per_second(before.flows.evicted, after.flows.evicted),
                 d.per_second(before.flows.untracked, after.flows.untracked)};
  if (d.went_back()) return base::fail(base::ErrorCode::io, "coveyd was restarted meanwhile");
  return rates;
}

std::string to_json(const Rates& rates) {
  return fmt::format(R"({{"seconds":{:.3f},"verdicts":{},"ports":{},"workers":{},)"
                     R"("flows":{{"created":{:.1f},"expired":{:.1f},"evicted":{:.1f},)"
                     R"("untracked":{:.1f}}}}})",
                     rates.seconds, json_of(rates.verdicts), json_of(rates.ports),
                     json_of(rates.workers), rates.flows.created, rates.flows.expired,
                     rates.flows.evicted, rates.flows.untracked);
}

std::string show(const Rates& rates, bool all, bool colours) {
  const std::string flows =
      fmt::format("{} created, {} expired, {} evicted, {} untracked",
                  per_second(rates.flows.created), per_second(rates.flows.expired),
                  per_second(rates.flows.evicted), per_second(rates.flows.untracked));
  return verdict_table(rates, all, colours) + "\n" + port_table(rates, colours) + "\n" +
         worker_table(rates, colours) + "\n" +
         facts({{"flows/s", flows}, {"measured", fmt::format("{:.3f} s", rates.seconds)}});
}

std::string per_second(double rate) {
  constexpr double tenths_below = 100;
  return rate < tenths_below ? fmt::format("{:.1f}", rate)
                             : grouped(static_cast<std::uint64_t>(std::llround(rate)));
}

}  // namespace covey::cli
