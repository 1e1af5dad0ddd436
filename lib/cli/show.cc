// SPDX-License-Identifier: BSD-3-Clause
#include "cli/show.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <span>

#include "base/text.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

/// At most six characters for a day: "31 ms", "1.5 s", "3600 s".
std::string age(std::int64_t ms) {
  if (ms < 1000) return fmt::format("{} ms", ms);
  return ms < 10'000 ? fmt::format("{}.{} s", ms / 1000, ms % 1000 / 100)
                     : fmt::format("{} s", ms / 1000);
}

std::string yes_no(bool value) {
  return value ? "yes" : "no";
}

std::string dash_if_empty(const std::string& text) {
  return text.empty() ? "-" : text;
}

/// "web, db", "a, b, c, d, e, f and 4 more".
std::string some_of(const std::vector<std::string>& names) {
  constexpr std::size_t most = 6;
  const std::span shown = std::span(names).first(std::min(names.size(), most));
  const std::string text = fmt::format("{}", fmt::join(shown, ", "));
  return shown.size() == names.size()
             ? text
             : fmt::format("{} and {} more", text, names.size() - shown.size());
}

/// "draining", "enabled, 30 %".
std::string taken_words(const auto& rule) {
  const bool is_some = rule.percent > 0 && rule.percent < 100;
  return is_some ? fmt::format("{}, {} %", rule.state, rule.percent) : rule.state;
}

/// "enabled", "draining (operator)", "enabled, 30 % (health)".
std::string state_words(const auto& rule) {
  const std::string text = taken_words(rule);
  return rule.reason.empty() ? text : fmt::format("{} ({})", text, rule.reason);
}

}  // namespace

Colour colour_of_state(std::string_view state) {
  if (state == "converged" || state == "enabled" || state == "up") return Colour::green;
  if (state == "isolated" || state == "stopped" || state == "disabled" || state == "down")
    return Colour::red;
  return Colour::yellow;
}

std::string with_default(const std::string& state, bool is_default) {
  return is_default ? fmt::format("{} (default)", state) : state;
}

Cell link_cell(bool is_up) {
  return {is_up ? "up" : "down", is_up ? Colour::green : Colour::red};
}

std::string grouped(std::uint64_t number) {
  std::string digits = fmt::format("{}", number);
  for (std::size_t at = digits.size(); at > 3;) {
    at -= 3;
    digits.insert(at, 1, ',');
  }
  return digits;
}

std::string show(const api::Status& status, bool colours) {
  std::vector<std::pair<std::string, std::string>> head = {
      {"cluster", printable(status.cluster)},
      {"this host", fmt::format("{} ({})", status.host.id, printable(status.host.name))},
      {"state", coloured(with_default(status.host.state, status.host.is_default),
                         colour_of_state(status.host.state), colours)},
      {"since", status.since},
      {"epoch", fmt::format("{}", status.epoch)}};
  if (!status.converged || !status.reason.empty()) {
    head.emplace_back(status.converged ? "note" : "not converged",
                      printable(dash_if_empty(status.reason)));
  }
  if (status.islands > 0) {
    head.emplace_back("islands", fmt::format("{}: other parts of this cluster are heard that do "
                                             "not take part",
                                             status.islands));
  }
  for (const api::Member& member : status.members) {
    if (member.id == status.host.id || member.drains.empty()) continue;
    head.emplace_back(fmt::format("host {}", member.id),
                      fmt::format("drains {}", printable(some_of(member.drains))));
  }
  for (const api::HeldRule& rule : status.rules) {
    head.emplace_back("rule", fmt::format("{}: {}", printable(rule.rule), state_words(rule)));
  }
  for (const std::string& line : status.health)
    head.emplace_back("health", printable(line));
  Table table({{"host", Align::right},
               {"name", Align::left, true},
               {"state"},
               {"weight", Align::right},
               {"heard", Align::right},
               {"takes part"}},
              colours);
  for (const api::Member& member : status.members) {
    const bool is_self = member.id == status.host.id;
    table.add({fmt::format("{}", member.id), member.name,
               Cell(with_default(member.state, member.is_default), colour_of_state(member.state)),
               fmt::format("{}", member.weight), is_self ? "this host" : age(member.age_ms),
               yes_no(member.in_view)});
  }
  return facts(head) + "\n" + table.to_string();
}

std::string show(const api::ReloadReply& reply) {
  std::string text;
  for (const std::string& mistake : reply.mistakes)
    text += printable(mistake) + "\n";
  for (const api::ConfigChange& change : reply.changes) {
    text += printable(change.text) + (change.needs_restart ? " (needs a restart)" : "") + "\n";
  }
  return text + printable(reply.text);
}

std::string show(const std::vector<api::HealthRow>& checks, bool colours) {
  if (checks.empty()) return "no health checks are configured";
  Table table({{"check", Align::left, true},
               {"rule", Align::left, true},
               {"kind"},
               {"state"},
               {"takes", Align::right},
               {"took", Align::right},
               {"last answer", Align::left, true}},
              colours);
  for (const api::HealthRow& check : checks) {
    const std::string rule = check.rule.empty() ? "(host)" : check.rule;
    const std::string last = check.last.empty() ? "none yet" : check.last;
    table.add({check.name, rule, check.kind, Cell(check.state, colour_of_state(check.state)),
               fmt::format("{} %", check.percent), fmt::format("{:.1f} ms", check.duration_ms),
               fmt::format("{}\nsince {}", last, check.since)});
  }
  return table.to_string();
}

std::string show(const std::vector<api::RuleStatus>& rules, bool colours) {
  Table table({{"rule", Align::left, true},
               {"vip"},
               {"protocol"},
               {"ports", Align::left, true},
               {"mode"},
               {"affinity"},
               {"weight", Align::right},
               {"state"}},
              colours);
  for (const api::RuleStatus& rule : rules) {
    table.add({rule.rule, rule.vip, rule.protocol, rule.ports, rule.mode,
               dash_if_empty(rule.affinity),
               rule.mode == "multiple" ? fmt::format("{}", rule.weight) : "-",
               Cell(taken_words(rule), colour_of_state(rule.state))});
  }
  return table.to_string();
}

std::string show(const api::RuleStatus& rule) {
  const api::BucketCounts& buckets = rule.buckets;
  std::vector<std::pair<std::string, std::string>> rows = {
      {"rule", printable(rule.rule)},
      {"state", state_words(rule)},
      {"covers", fmt::format("{} {} of {}", rule.protocol, rule.ports, rule.vip)},
      {"mode", rule.mode},
      {"affinity", dash_if_empty(rule.affinity)},
      {"accepted", grouped(rule.accepted)},
      {"dropped", grouped(rule.dropped)},
      {"flows", grouped(rule.flows)}};
  if (rule.mode == "multiple") rows.emplace_back("weight", fmt::format("{}", rule.weight));
  if (buckets.total > 0) {
    rows.emplace_back("buckets", fmt::format("{} of {} owned, {} of them dirty", buckets.owned,
                                             buckets.total, buckets.dirty));
  }
  return facts(rows);
}

std::string show(const api::ExplainReply& reply, bool colours) {
  const bool is_drop = reply.verdict.starts_with("drop_");
  std::vector<std::pair<std::string, std::string>> rows = {{"rule", printable(reply.rule)},
                                                           {"mode", reply.mode}};
  if (!reply.affinity.empty()) rows.emplace_back("affinity", reply.affinity);
  if (!reply.hashed.empty()) rows.emplace_back("hashed", printable(reply.hashed));
  if (reply.bucket) {
    rows.emplace_back("bucket", fmt::format("{}", *reply.bucket));
    rows.emplace_back("owner", reply.owner ? fmt::format("host {}", *reply.owner) : "nobody now");
  }
  rows.emplace_back("tracked", yes_no(reply.tracked));
  rows.emplace_back("verdict",
                    coloured(reply.verdict, is_drop ? Colour::yellow : Colour::green, colours));
  rows.emplace_back("because", printable(reply.reason));
  if (reply.without) {
    rows.emplace_back(fmt::format("without {}", reply.without->host),
                      printable(reply.without->reason));
  }
  return facts(rows);
}

std::string show(const std::vector<api::FlowRow>& flows, bool colours) {
  constexpr std::size_t room = 46;  // of two end points in one line; two of IPv6 need two lines
  Table table({{"connection"}, {"state"}, {"rule", Align::left, true}, {"idle", Align::right}},
              colours);
  for (const api::FlowRow& flow : flows) {
    const bool is_short = flow.source.size() + flow.destination.size() + 4 <= room;
    table.add({fmt::format("{} {}{}-> {}", flow.protocol, flow.source, is_short ? " " : "\n",
                           flow.destination),
               flow.state, flow.rule, age(flow.idle_ms)});
  }
  return table.to_string();
}

std::string show(const std::vector<api::HistoryRow>& history, bool colours) {
  Table table({{"epoch", Align::right},
               {"began"},
               {"took ms", Align::right},
               {"moved", Align::right},
               {"members", Align::left, true},
               {"trigger", Align::left, true}},
              colours);
  for (const api::HistoryRow& row : history) {
    table.add({fmt::format("{}", row.generation), row.began, fmt::format("{:.1f}", row.duration_ms),
               grouped(row.moved_buckets), fmt::format("{}", fmt::join(row.members, ",")),
               row.trigger});
  }
  return table.to_string();
}

std::string show(const std::vector<api::EventRow>& events, bool colours) {
  Table table({{"time"}, {"event"}, {"host", Align::right}, {"detail", Align::left, true}},
              colours);
  for (const api::EventRow& event : events) {
    table.add({event.time, event.event, event.host == 0 ? "-" : fmt::format("{}", event.host),
               event.detail});
  }
  return table.to_string();
}

namespace {

// As wide as the longest of each: nobody knows what comes.
constexpr std::string_view kEventLine = "{:<24}  {:<22}  {:>4}  {}";

}  // namespace

std::string event_titles(bool colours) {
  return coloured(fmt::format(kEventLine, "time", "event", "host", "detail"), Colour::dim, colours);
}

std::string show_line(const api::EventRow& event) {
  const std::string host = event.host == 0 ? "-" : fmt::format("{}", event.host);
  std::string line = fmt::format(kEventLine, event.time, event.event, host, event.detail);
  std::ranges::replace(line, '\n', ' ');
  line = printable(std::move(line));
  trim_right(line);
  return line;
}

namespace {

/// "0, 1": the numbers; a key that is another one than ours under the same number is marked.
std::string key_numbers(const std::vector<api::HeldKey>& keys,
                        const std::vector<api::HeldKey>& ours) {
  if (keys.empty()) return "0";
  std::string text;
  for (const api::HeldKey& key : keys) {
    if (!text.empty()) text += ", ";
    const auto same = std::ranges::find(ours, key.id, &api::HeldKey::id);
    const bool is_other = same != ours.end() && same->mark != key.mark;
    text += fmt::format("{}{}", key.id, is_other ? " (another key!)" : "");
  }
  return text;
}

/// How far the rotation is, from the view of a host that holds two keys.
std::string next_step(const api::KeyList& list, const std::vector<api::HeldKey>& ours) {
  if (ours.size() < 2) return "";
  std::size_t without = 0;
  std::size_t unchanged = 0;
  for (const api::KeyHolder& host : list.hosts) {
    if (std::ranges::find(host.keys, ours.back()) == host.keys.end()) ++without;
    if (host.seals_with != ours.back().id) ++unchanged;
  }
  const unsigned fresh = ours.back().id;
  if (without > 0) {
    return fmt::format("\nnext: `covey key add` on the {} without key {}\n",
                       without == 1 ? "host" : "hosts", fresh);
  }
  if (unchanged > 0) return fmt::format("\nnext: wait until all hosts seal with key {}\n", fresh);
  return fmt::format("\nnext: `covey key retire {}` on each host\n", ours.front().id);
}

}  // namespace

std::string show(const api::KeyList& list, bool colours) {
  std::vector<api::HeldKey> ours;
  for (const api::KeyHolder& host : list.hosts) {
    if (host.host == list.host) ours = host.keys;
  }
  Table table({{"host", Align::right}, {"name", Align::left, true}, {"holds keys"}, {"seals with"}},
              colours);
  for (const api::KeyHolder& host : list.hosts) {
    table.add({fmt::format("{}", host.host), host.name, key_numbers(host.keys, ours),
               host.seals_with ? fmt::format("{}", *host.seals_with) : "-"});
  }
  return table.to_string() + next_step(list, ours);
}

}  // namespace covey::cli
