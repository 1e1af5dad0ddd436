// SPDX-License-Identifier: BSD-3-Clause
#include "cli/top_screen.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string_view>
#include <utility>

#include "cli/show.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

using Lines = std::vector<std::string>;

/// Without what is beyond the width; colours have none.
std::string fit(std::string_view line, std::size_t width) {
  std::string kept;
  for (const Piece& piece : pieces(line)) {
    const std::string_view shown = beginning(piece.text, width);
    if (!shown.empty()) kept += coloured(shown, piece.colour, true);
  }
  return kept;
}

void append(Lines& lines, std::string_view text) {
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    lines.emplace_back(text.substr(0, end));
    text.remove_prefix(std::min(end + 1, text.size()));
  }
}

/// Percent of the buckets of all maps; of maps with one bucket nobody has a share.
std::map<unsigned, double> shares(const api::BucketMaps& maps) {
  std::map<unsigned, double> shares;
  double total = 0;
  for (const api::BucketMap& map : maps.maps) {
    if (map.owners.size() < 2) continue;
    total += static_cast<double>(map.owners.size());
    for (const unsigned owner : map.owners)
      ++shares[owner];
  }
  constexpr double percent = 100;
  for (auto& [owner, share] : shares)
    share *= percent / total;
  return shares;
}

std::string hosts(const TopView& view, bool colours) {
  const auto of = view.maps ? shares(*view.maps) : std::map<unsigned, double>();
  Table table({{"host", Align::right},
               {"name", Align::left, true},
               {"state"},
               {"weight", Align::right},
               {"buckets %", Align::right},
               {"heard", Align::right}},
              colours);
  for (const api::Member& member : view.status.members) {
    const auto share = of.find(member.id);
    const bool is_self = member.id == view.status.host.id;
    table.add({fmt::format("{}", member.id), member.name,
               Cell(with_default(member.state, member.is_default), colour_of_state(member.state)),
               fmt::format("{}", member.weight),
               !view.maps          ? "-"
               : share == of.end() ? "0.0"
                                   : fmt::format("{:.1f}", share->second),
               is_self ? "this host" : fmt::format("{} ms", member.age_ms)});
  }
  return table.to_string();
}

std::string busy(const Rates& rates) {
  std::string text;
  for (const WorkerRate& worker : rates.workers)
    text += fmt::format("{}{:.1f} %", text.empty() ? "" : ", ", worker.busy_pct);
  return text;
}

/// The reasons there are, most frequent first.
std::string drops(const Rates& rates) {
  std::vector<std::pair<double, std::string>> found;
  for (const auto& [name, rate] : rates.verdicts) {
    if (name.starts_with("drop_") && rate.frames > 0) found.emplace_back(rate.frames, name);
  }
  std::ranges::stable_sort(found, std::greater(), &std::pair<double, std::string>::first);
  std::string text;
  for (const auto& [rate, name] : found)
    text += fmt::format("{}{} {}", text.empty() ? "" : "\n", per_second(rate), printable(name));
  return text.empty() ? "none" : text;
}

double received(const Rates& rates) {
  double packets = 0;
  for (const WorkerRate& worker : rates.workers)
    packets += worker.packets;
  return packets;
}

Lines upper(const TopView& view, bool colours) {
  const api::Status& status = view.status;
  Lines lines = {fmt::format(
      "{}: host {} ({}) {}, epoch {}", printable(status.cluster), status.host.id,
      printable(status.host.name),
      coloured(status.host.state, colour_of_state(status.host.state), colours), status.epoch)};
  std::string note = printable(view.trouble.empty() ? status.reason : view.trouble);
  std::ranges::replace(note, '\n', ' ');
  lines.push_back(coloured(note, view.trouble.empty() ? Colour::yellow : Colour::red,
                           colours && !note.empty()));
  append(lines, hosts(view, colours));
  lines.emplace_back();
  const auto rate = [&](double value) { return view.rates ? per_second(value) : "-"; };
  const Rates rates = view.rates.value_or(Rates{});
  append(lines,
         facts({{"packets/s", rate(received(rates))},
                {"new flows/s", rate(rates.flows.created)},
                {"flows", grouped(view.stats.flows.established + view.stats.flows.half_open)},
                {"workers busy", view.rates ? busy(rates) : "-"}}));
  // Each reason under the other, behind the word.
  constexpr std::string_view indent = "              ";
  Lines reasons;
  append(reasons, view.rates ? drops(rates) : "-");
  for (std::size_t i = 0; i < reasons.size(); ++i)
    lines.push_back((i == 0 ? "drops/s       " : std::string(indent)) + reasons[i]);
  return lines;
}

}  // namespace

std::vector<std::string> top_lines(const TopView& view, bool colours) {
  Lines lines = upper(view, colours);
  if (!view.events.empty()) lines.emplace_back();
  for (const api::EventRow& event : view.events)
    lines.push_back(show_line(event));
  return lines;
}

std::vector<std::string> top_screen(const TopView& view, ScreenSize size, bool colours) {
  Lines lines = upper(view, colours);
  if (lines.size() + 2 <= size.rows) {
    const std::size_t room = size.rows - lines.size() - 1;
    const std::size_t shown = std::min(room, view.events.size());
    lines.resize(size.rows - shown);
    for (std::size_t i = view.events.size() - shown; i < view.events.size(); ++i)
      lines.push_back(show_line(view.events[i]));
  }
  lines.resize(std::min(lines.size(), size.rows));
  for (std::string& line : lines)
    line = fit(line, size.columns);
  return lines;
}

}  // namespace covey::cli
