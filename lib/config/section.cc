// SPDX-License-Identifier: BSD-3-Clause
#include "config/section.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <charconv>
#include <tuple>

#include "base/text.h"

namespace covey::config {
namespace {

// Values are repeated in messages up to this length: a file may hold anything.
constexpr std::size_t kMaxShown = 60;

std::string shown(std::string_view text) {
  return fmt::format("{}{}", text.substr(0, kMaxShown), text.size() > kMaxShown ? "..." : "");
}

std::string in_quotes(std::string_view text) {
  return fmt::format("'{}'", shown(text));
}

/// A terminal must not obey what stands in a file.
std::string printable(std::string text) {
  for (char& c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte == 0x7f) c = '?';
  }
  return text;
}

std::string_view describe(const YAML::Node& node) {
  switch (node.Type()) {
    case YAML::NodeType::Map:
      return "a section";
    case YAML::NodeType::Sequence:
      return "a list";
    case YAML::NodeType::Scalar:
      return "a value";
    case YAML::NodeType::Null:
    case YAML::NodeType::Undefined:
      return "nothing";
  }
  return "nothing";
}

std::string joined(std::string_view path, std::string_view name) {
  return path.empty() ? std::string(name) : fmt::format("{}.{}", path, name);
}

}  // namespace

void Mistakes::add(const YAML::Mark& place, std::string path, std::string problem) {
  if (list_.size() > kMaxMistakes) return;
  if (list_.size() == kMaxMistakes) {
    path.clear();
    problem = "more mistakes are not shown";
  }
  const bool has_place = place.line >= 0;
  list_.push_back({file_, has_place ? place.line + 1 : 0, has_place ? place.column + 1 : 0,
                   printable(std::move(path)), printable(std::move(problem))});
}

std::vector<Mistake> Mistakes::take() {
  std::ranges::stable_sort(list_, {},
                           [](const Mistake& m) { return std::tuple(m.line, m.column); });
  return std::move(list_);
}

Section::Section(const YAML::Node& root, Mistakes& mistakes)
    // An empty file has no place of its own: its mistakes are at its beginning.
    : Section(root, root.IsMap() ? root.Mark() : YAML::Mark(), "", "", mistakes) {}

Section::Section(const YAML::Node& node, const YAML::Mark& place, std::string path,
                 std::string pattern, Mistakes& mistakes)
    : mistakes_(&mistakes), place_(place), path_(std::move(path)), pattern_(std::move(pattern)) {
  if (node.IsMap()) {
    read_entries(node);
  } else if (node.IsDefined() && !node.IsNull()) {
    mistakes_->add(place_, path_,
                   fmt::format("is {} (allowed: the keys {})", describe(node),
                               fmt::join(known_names(), ", ")));
  }
}

void Section::read_entries(const YAML::Node& node) {
  for (const auto& pair : node) {
    const YAML::Mark at = pair.first.Mark();
    if (!pair.first.IsScalar()) {
      mistakes_->add(at, path_,
                     fmt::format("has {} as a key (allowed: a word)", describe(pair.first)));
      continue;
    }
    const std::string& name = pair.first.Scalar();
    if (const Entry* first = find(name)) {
      mistakes_->add(at, joined(path_, shown(name)),
                     fmt::format("is given twice, first in line {}", first->key_place.line + 1));
      continue;
    }
    check_name(name, at);
    entries_.push_back({name, at, pair.second});
  }
}

void Section::check_name(const std::string& name, const YAML::Mark& at) const {
  const std::vector<std::string_view> known = known_names();
  if (std::ranges::find(known, name) != known.end()) return;
  const std::string_view nearest = base::nearest_word(name, known);
  mistakes_->add(at, path_,
                 fmt::format("unknown key {}{} (allowed: {})", in_quotes(name),
                             nearest.empty() ? "" : fmt::format(", did you mean '{}'?", nearest),
                             fmt::join(known, ", ")));
}

std::vector<std::string_view> Section::known_names() const {
  std::vector<std::string_view> names;
  for (const Key& key : keys()) {
    std::string_view rest = key.path;
    if (!pattern_.empty()) {
      if (!rest.starts_with(pattern_) || rest.substr(pattern_.size()).substr(0, 1) != ".") continue;
      rest.remove_prefix(pattern_.size() + 1);
    }
    if (rest.find_first_of(".[") == std::string_view::npos) names.push_back(rest);
  }
  return names;
}

const Section::Entry* Section::find(std::string_view name) const {
  const auto entry = std::ranges::find(entries_, name, &Entry::name);
  return entry == entries_.end() ? nullptr : &*entry;
}

std::string Section::path_of(std::string_view name) const {
  return joined(path_, name);
}

const Key& Section::key_of(std::string_view name) const {
  return key_at(joined(pattern_, name));
}

YAML::Mark Section::place(std::string_view name) const {
  const Entry* entry = find(name);
  if (entry == nullptr) return place_;
  // yaml-cpp gives a missing value the place of whatever comes next.
  return entry->value.IsNull() ? entry->key_place : entry->value.Mark();
}

void Section::mistake(std::string_view name, const std::string& problem) const {
  mistakes_->add(place(name), path_of(name), problem);
}

void Section::not_allowed(std::string_view name, const std::string& problem) const {
  mistake(name, fmt::format("{} (allowed: {})", problem, allowed_text(key_of(name))));
}

void Section::only_with(std::string_view name, bool is_met, std::string_view condition) const {
  if (!has(name) || is_met) return;
  mistake(name, fmt::format("means nothing here (allowed: only with {})", condition));
}

void Section::refuse_text(std::string_view name, std::string_view value) const {
  not_allowed(name, fmt::format("'{}' is not allowed", value.substr(0, kMaxShown)));
}

void Section::mistake_at(const Item& item, const std::string& problem) const {
  mistakes_->add(item.place, item.path, problem);
}

const YAML::Node* Section::value_of(std::string_view name, YAML::NodeType::value type) const {
  const Key& key = key_of(name);
  const Entry* entry = find(name);
  if (entry == nullptr) {
    if (key.fallback == kRequired) not_allowed(name, "is required");
    return nullptr;
  }
  if (entry->value.Type() == type) return &entry->value;
  not_allowed(
      name, entry->value.IsNull() ? "has no value" : fmt::format("is {}", describe(entry->value)));
  return nullptr;
}

Section Section::section(std::string_view name) const {
  const Entry* entry = find(name);
  const YAML::Node node = entry == nullptr ? YAML::Node() : entry->value;
  return {node, place(name), path_of(name), joined(pattern_, name), *mistakes_};
}

std::vector<Section> Section::list(std::string_view name, std::size_t limit) const {
  const Entry* entry = find(name);
  if (entry == nullptr || entry->value.IsNull()) return {};
  const YAML::Node* node = value_of(name, YAML::NodeType::Sequence);
  std::vector<Section> sections;
  if (node == nullptr) return sections;
  if (node->size() > limit) {
    mistake(name, fmt::format("has {} entries (allowed: at most {})", node->size(), limit));
    return sections;
  }
  for (const YAML::Node& item : *node) {
    const std::string path = fmt::format("{}[{}]", path_of(name), sections.size());
    // An empty item, too, has the place of whatever comes next: the list's is nearer.
    const YAML::Mark at = item.IsNull() ? place(name) : item.Mark();
    sections.push_back(Section(item, at, path, joined(pattern_, name) + "[]", *mistakes_));
    if (item.IsNull()) mistakes_->add(at, path, "has no value");
  }
  return sections;
}

std::optional<std::string> Section::text(std::string_view name) const {
  const YAML::Node* node = value_of(name, YAML::NodeType::Scalar);
  if (node == nullptr) return std::nullopt;
  return node->Scalar();
}

std::vector<Section::Item> Section::texts(std::string_view name, std::size_t limit) const {
  std::vector<Item> items;
  const YAML::Node* node = value_of(name, YAML::NodeType::Sequence);
  if (node == nullptr) return items;
  if (node->size() == 0 || node->size() > limit) {
    not_allowed(name, fmt::format("has {} entries", node->size()));
    return items;
  }
  std::size_t index = 0;
  for (const YAML::Node& item : *node) {
    const std::string path = fmt::format("{}[{}]", path_of(name), index++);
    if (item.IsScalar()) {
      items.push_back({item.Scalar(), item.Mark(), path});
    } else {
      mistakes_->add(
          item.Mark(), path,
          fmt::format("is {} (allowed: {})", describe(item), allowed_text(key_of(name))));
    }
  }
  return items;
}

std::optional<std::int64_t> Section::integer(std::string_view name) const {
  const YAML::Node* node = value_of(name, YAML::NodeType::Scalar);
  if (node == nullptr) return std::nullopt;
  const Key& key = key_of(name);
  const std::string& digits = node->Scalar();
  const bool is_plain = node->Tag() == "?";  // "5" in quotes is text
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const bool is_number =
      is_plain && end == digits.data() + digits.size() && error != std::errc::invalid_argument;
  // A leading zero means octal to some readers of YAML and nothing to others.
  if (!is_number || (digits.size() > 1 && digits.starts_with('0'))) {
    not_allowed(name, fmt::format("{} is not a whole number", in_quotes(digits)));
    return std::nullopt;
  }
  if (error == std::errc::result_out_of_range || value < key.min || value > key.max) {
    not_allowed(name, fmt::format("{} is out of range", shown(digits)));
    return std::nullopt;
  }
  return value;
}

std::optional<std::size_t> Section::choice(std::string_view name) const {
  const auto word = text(name);
  if (!word) return std::nullopt;
  const Key& key = key_of(name);
  for (std::size_t number = 0;; ++number) {
    const std::string_view candidate = choice_word(key, number);
    if (candidate.empty()) break;
    if (candidate == *word) return number;
  }
  not_allowed(name, fmt::format("{} is unknown", in_quotes(*word)));
  return std::nullopt;
}

void Section::get_boolean(std::string_view name, bool& target) const {
  const auto word = text(name);
  if (!word) return;
  if (*word == "true" || *word == "false") {
    target = *word == "true";
  } else {
    not_allowed(name, fmt::format("{} is neither true nor false", in_quotes(*word)));
  }
}

void Section::get_duration(std::string_view name, base::Duration& target) const {
  const auto word = text(name);
  if (!word) return;
  const Key& key = key_of(name);
  const auto parsed = base::parse_duration(*word);
  if (!parsed) {
    not_allowed(name,
                fmt::format("{} is not a duration such as 200ms, 5s, 10m, 1h", in_quotes(*word)));
  } else if (base::to_ms(*parsed) < key.min || base::to_ms(*parsed) > key.max) {
    not_allowed(name, fmt::format("{} is out of range", *word));
  } else {
    target = *parsed;
  }
}

}  // namespace covey::config
