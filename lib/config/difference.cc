// SPDX-License-Identifier: BSD-3-Clause
// Two configurations are compared as the YAML that dump() makes of them, so that no key can be
// forgotten here.
#include "config/difference.h"

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <array>

namespace covey::config {
namespace {

constexpr std::array<std::string_view, 4> kReloadable = {"cluster.buckets", "icmp", "port_rules",
                                                         "log.level"};

struct Entry {
  std::string item;  // "port_rules[web]"; empty: not below a list
  std::string path;
  std::string value;
};

void flatten(const YAML::Node& node, const std::string& path, const std::string& item,
             std::vector<Entry>& entries) {
  if (node.IsMap()) {
    for (const auto& child : node) {
      const auto key = child.first.as<std::string>();
      flatten(child.second, path.empty() ? key : path + '.' + key, item, entries);
    }
  } else if (node.IsSequence() && node.size() > 0 && node[0].IsMap()) {
    for (const auto& child : node) {
      const std::string name = fmt::format("{}[{}]", path, child["name"].as<std::string>());
      flatten(child, name, name, entries);
    }
  } else if (node.IsSequence()) {
    const auto values = node.as<std::vector<std::string>>();
    if (!values.empty())
      entries.push_back({item, path, fmt::format("{}", fmt::join(values, ", "))});
  } else {
    entries.push_back({item, path, node.as<std::string>()});
  }
}

std::vector<Entry> entries_of(const Config& config) {
  std::vector<Entry> entries;
  flatten(YAML::Load(dump(config)), "", "", entries);
  return entries;
}

const Entry* find(const std::vector<Entry>& entries, const std::string& path) {
  const auto found = std::ranges::find(entries, path, &Entry::path);
  return found == entries.end() ? nullptr : &*found;
}

bool has_item(const std::vector<Entry>& entries, const std::string& item) {
  return std::ranges::find(entries, item, &Entry::item) != entries.end();
}

/// "vip all, protocol tcp": all keys of an item of a list but its name.
std::string text_of(const std::vector<Entry>& entries, const std::string& item) {
  std::string text;
  for (const Entry& entry : entries) {
    if (entry.item != item || entry.path == item + ".name") continue;
    text += text.empty() ? "" : ", ";
    text += entry.path.substr(item.size() + 1) + ' ' + entry.value;
  }
  return text;
}

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
  const std::vector<Entry> before = entries_of(running);
  const std::vector<Entry> after = entries_of(wanted);
  std::vector<Difference> found;
  const auto add = [&found](const std::string& path, std::string old, std::string anew) {
    if (std::ranges::find(found, path, &Difference::path) != found.end()) return;
    found.push_back({path, std::move(old), std::move(anew), needs_restart(path)});
  };
  for (const Entry& entry : before) {
    const Entry* same = find(after, entry.path);
    if (same != nullptr && same->value == entry.value) continue;
    const bool is_gone = !entry.item.empty() && !has_item(after, entry.item);
    if (is_gone) {
      add(entry.item, text_of(before, entry.item), "");
    } else {
      add(entry.path, entry.value, same == nullptr ? "" : same->value);
    }
  }
  for (const Entry& entry : after) {
    if (find(before, entry.path) != nullptr) continue;
    const bool is_new = !entry.item.empty() && !has_item(before, entry.item);
    if (is_new) {
      add(entry.item, "", text_of(after, entry.item));
    } else {
      add(entry.path, "", entry.value);
    }
  }
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
