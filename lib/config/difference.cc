// SPDX-License-Identifier: BSD-3-Clause
// Two configurations are compared as the YAML that dump() makes of them, so that no key can be
// forgotten here.
#include "config/difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>
#include <map>
#include <optional>
#include <set>
#include <utility>

namespace covey::config {
namespace {

constexpr std::array<std::string_view, 7> kReloadable = {
    "cluster.buckets", "flows.fast_reset", "flows.udp_track", "icmp",
    "port_rules",      "health",           "log.level"};

struct Entry {
  std::string item;  // "port_rules[web]"; empty: not below a list
  std::string path;
  std::string value;
};

/// All that a configuration says, in the order of the reference.
class Flat {
 public:
  explicit Flat(const Config& config) {
    flatten(YAML::Load(dump(config)), "", "");
    for (std::size_t i = 0; i < entries_.size(); ++i) {
      places_.emplace(entries_[i].path, i);
      items_[entries_[i].item].push_back(i);
    }
  }
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }
  [[nodiscard]] bool has_item(const std::string& item) const { return items_.contains(item); }
  [[nodiscard]] std::optional<std::string> value(const std::string& path) const {
    const auto found = places_.find(path);
    if (found == places_.end()) return std::nullopt;
    return entries_[found->second].value;
  }
  /// "vip all, protocol tcp": all keys of an item of a list but its name.
  [[nodiscard]] std::optional<std::string> text_of(const std::string& item) const {
    const auto found = items_.find(item);
    if (found == items_.end()) return std::nullopt;
    std::string text;
    for (const std::size_t i : found->second) {
      if (entries_[i].path == item + ".name") continue;
      text += text.empty() ? "" : ", ";
      text += entries_[i].path.substr(item.size() + 1) + ' ' + entries_[i].value;
    }
    return text;
  }

 private:
  void flatten(const YAML::Node& node, const std::string& path, const std::string& item) {
    if (node.IsMap()) {
      for (const auto& child : node) {
        const auto key = child.first.as<std::string>();
        flatten(child.second, path.empty() ? key : path + '.' + key, item);
      }
    } else if (node.IsSequence() && node.size() > 0 && node[0].IsMap()) {
      for (const auto& child : node) {
        const std::string name = fmt::format("{}[{}]", path, child["name"].as<std::string>());
        flatten(child, name, name);
      }
    } else if (node.IsSequence()) {
      const auto values = node.as<std::vector<std::string>>();
      if (!values.empty())
        entries_.push_back({item, path, fmt::format("{}", fmt::join(values, ", "))});
    } else {
      entries_.push_back({item, path, node.as<std::string>()});
    }
  }

  std::vector<Entry> entries_;
  std::map<std::string, std::size_t> places_;              // by path
  std::map<std::string, std::vector<std::size_t>> items_;  // which entries each has
};

bool needs_restart(std::string_view path) {
  return std::ranges::none_of(kReloadable, [path](std::string_view key) {
    return path.starts_with(key) &&
           (path.size() == key.size() || path[key.size()] == '.' || path[key.size()] == '[');
  });
}

/// Names of the rules that both have, in the order of one of them.
std::vector<std::string> common_rules(const Config& of, const Config& other) {
  std::vector<std::string> names;
  for (const forwarding::PortRule& rule : of.forwarding.rules) {
    const auto& rules = other.forwarding.rules;
    if (std::ranges::find(rules, rule.name, &forwarding::PortRule::name) != rules.end())
      names.push_back(rule.name);
  }
  return names;
}

}  // namespace

std::string Difference::to_string() const {
  const bool is_item = path.ends_with(']');
  if (before.empty() && is_item) return fmt::format("{}: added ({})", path, after);
  if (before.empty()) return fmt::format("{}: set to {}", path, after);
  if (after.empty()) return fmt::format("{}: removed ({}{})", path, is_item ? "" : "was ", before);
  return fmt::format("{}: {} -> {}", path, before, after);
}

std::vector<Difference> differences(const Config& running, const Config& wanted) {
  const Flat before(running);
  const Flat after(wanted);
  std::vector<Difference> found;
  std::set<std::string> noted;
  const auto add = [&](const std::string& path, std::string old, std::string anew) {
    if (!noted.insert(path).second) return;
    found.push_back({path, std::move(old), std::move(anew), needs_restart(path)});
  };
  const auto compare = [&](const Entry& entry) {
    // An item that only one of them has is one difference.
    const bool is_whole =
        !entry.item.empty() && before.has_item(entry.item) != after.has_item(entry.item);
    const std::string& path = is_whole ? entry.item : entry.path;
    const auto old = is_whole ? before.text_of(path) : before.value(path);
    const auto anew = is_whole ? after.text_of(path) : after.value(path);
    if (old != anew) add(path, old.value_or(""), anew.value_or(""));
  };
  std::ranges::for_each(before.entries(), compare);
  std::ranges::for_each(after.entries(), compare);
  const auto old_order = common_rules(running, wanted);
  const auto new_order = common_rules(wanted, running);
  if (old_order != new_order) {
    add("port_rules", fmt::format("{}", fmt::join(old_order, ", ")),
        fmt::format("{}", fmt::join(new_order, ", ")));
  }
  return found;
}

std::span<const std::string_view> reloadable_keys() {
  return kReloadable;
}

}  // namespace covey::config
