// SPDX-License-Identifier: BSD-3-Clause
#include "config/load_health.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <map>

#include "config/load_rules.h"
#include "config/values.h"

namespace covey::config {
namespace {

using forwarding::PortRule;
using forwarding::RuleMode;
using health::Kind;
using health::OnFail;

constexpr std::size_t kMaxArguments = 16;
constexpr std::size_t kMaxArgument = 1024;  // bytes
constexpr std::size_t kMaxRulesNamed = 64;
constexpr std::array<std::string_view, 4> kKinds = {"http", "https", "tcp", "exec"};  // as Kind

bool is_control(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return byte < 0x20 || byte == 0x7f;
}

bool is_server_name(std::string_view text) {
  constexpr std::string_view good =
      "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz._-";
  return !text.empty() && text.size() <= 253 &&
         text.find_first_not_of(good) == std::string_view::npos;
}

bool is_wanted_text(std::string_view text) {
  return !text.empty() && text.size() <= 256 &&
         std::ranges::all_of(text, [](char c) { return c >= ' ' && c < 0x7f; });
}

void load_program(const Section& section, health::Settings& check) {
  for (const Section::Item& item : section.texts("exec", kMaxArguments)) {
    if (check.program.empty() && !is_absolute_path(item.text)) {
      section.mistake_at(item, fmt::format("'{}' is no absolute path", item.text.substr(0, 60)));
    } else if (item.text.size() > kMaxArgument || std::ranges::any_of(item.text, is_control)) {
      section.mistake_at(item, fmt::format("is too long or has control characters (allowed: at "
                                           "most {} bytes of text)",
                                           kMaxArgument));
    }
    check.program.push_back(item.text);
  }
}

void load_target(const Section& section, health::Settings& check) {
  const std::string_view key = kKinds[static_cast<std::size_t>(check.kind)];
  const auto text = section.text(key);
  if (!text) return;
  const auto target = check.kind == Kind::tcp ? parse_service(*text) : parse_url(*text, check.kind);
  if (target) {
    check.target = *target;
  } else {
    section.not_allowed(key, target.error().context);
  }
}

void load_kind(const Section& section, health::Settings& check) {
  std::string_view chosen;
  for (std::size_t i = 0; i < kKinds.size(); ++i) {
    if (!section.has(kKinds[i])) continue;
    if (!chosen.empty()) {
      section.mistake(kKinds[i], fmt::format("is given beside {} (allowed: one of {})", chosen,
                                             "http, https, tcp and exec"));
      continue;
    }
    chosen = kKinds[i];
    check.kind = static_cast<Kind>(i);
  }
  if (chosen.empty()) {
    section.mistake("http", "one of http, https, tcp and exec is required");
  } else if (check.kind == Kind::exec) {
    load_program(section, check);
  } else {
    load_target(section, check);
  }
}

/// What makes an answer of a server a good one.
void load_expectation(const Section& section, health::Settings& check) {
  const bool is_web = check.kind == Kind::http || check.kind == Kind::https;
  for (const std::string_view key : {"status", "text", "host"})
    section.only_with(key, is_web, "http or https");
  section.only_with("verify", check.kind == Kind::https, "https");
  if (const auto text = section.text("status")) {
    if (auto status = parse_status(*text)) {
      check.status = std::move(*status);
    } else {
      section.not_allowed("status", status.error().context);
    }
  }
  section.get_text("text", check.text, is_wanted_text);
  section.get_text("host", check.host, is_server_name);
  section.get_text("verify", check.verify, [](std::string_view text) {
    return text == "no" || text == "yes" || is_absolute_path(text);
  });
  section.get_boolean("agent", check.agent);
}

/// Why a check may not name this rule; empty: it may.
std::string objection(const std::string& name, const std::vector<PortRule>& rules, OnFail on_fail) {
  const auto rule = std::ranges::find(rules, name, &PortRule::name);
  if (rule == rules.end()) return fmt::format("there is no rule '{}'", name.substr(0, 60));
  if (rule->mode == RuleMode::disabled) return fmt::format("rule '{}' is disabled", name);
  if (on_fail == OnFail::weight && rule->mode != RuleMode::multiple)
    return fmt::format("rule '{}' has no weight", name);
  return "";
}

void load_rules_of(const Section& section, const std::vector<PortRule>& rules,
                   health::Settings& check) {
  section.only_with("rule", check.on_fail != OnFail::drain_host,
                    "on_fail: drain, weight or report");
  const auto text = section.text("rule");
  if (!text) {
    const bool is_required = check.on_fail == OnFail::drain || check.on_fail == OnFail::weight;
    if (is_required && !section.has("rule")) section.not_allowed("rule", "is required");
    return;
  }
  if (*text == "all") return;
  for (const std::string_view part : parts_of(*text)) {
    std::string name(part);
    std::string wrong = objection(name, rules, check.on_fail);
    if (wrong.empty() && std::ranges::find(check.rules, name) != check.rules.end())
      wrong = fmt::format("'{}' is named twice", name);
    if (wrong.empty() && check.rules.size() == kMaxRulesNamed) wrong = "names too many rules";
    if (!wrong.empty()) return section.not_allowed("rule", wrong);
    check.rules.push_back(std::move(name));
  }
}

health::Settings load_check(const Section& section, const std::vector<PortRule>& rules,
                            std::map<std::string, int>& lines) {
  health::Settings check;
  load_name(section, lines, check.name);
  section.get_choice("on_fail", check.on_fail);
  load_rules_of(section, rules, check);
  load_kind(section, check);
  load_expectation(section, check);
  section.get_duration("interval", check.interval);
  section.get_duration("timeout", check.timeout);
  if (check.timeout > check.interval) section.mistake("timeout", "is longer than the interval");
  section.get_integer("fall", check.fall);
  section.get_integer("rise", check.rise);
  section.get_duration("start_grace", check.start_grace);
  section.get_duration("slow_start", check.slow_start);
  section.only_with("fail_percent", check.on_fail == OnFail::weight, "on_fail: weight");
  section.only_with("slow_start", check.on_fail != OnFail::report,
                    "on_fail: drain, drain_host or weight");
  section.get_integer("fail_percent", check.fail_percent);
  return check;
}

}  // namespace

void load_health(const Section& root, Config& config) {
  std::map<std::string, int> lines;
  for (const Section& section : root.list("health", kMaxHealthChecks))
    config.health.push_back(load_check(section, config.forwarding.rules, lines));
}

}  // namespace covey::config
