// SPDX-License-Identifier: BSD-3-Clause
// Section: one mapping of the file, read strictly; Mistakes: everything that is wrong with the
// file.
//
// Owner: config. Thread: one. A Section checks its keys when it is made (unknown, doubled, not a
// word) and each value when it is asked for. A getter leaves its target untouched when the key is
// missing or wrong, so that defaults stay and one mistake does not hide the next. Limits, choices
// and the word "required" come from the table of keys.
#pragma once

#include <yaml-cpp/yaml.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/time.h"
#include "config/config.h"
#include "config/keys.h"

namespace covey::config {

inline constexpr std::size_t kMaxMistakes = 200;  // enough to work on; a binary file has more

class Mistakes {
 public:
  explicit Mistakes(std::string file) : file_(std::move(file)) {}
  void add(const YAML::Mark& place, std::string path, std::string problem);
  [[nodiscard]] bool empty() const { return list_.empty(); }
  /// In the order of the file.
  [[nodiscard]] std::vector<Mistake> take();

 private:
  std::string file_;
  std::vector<Mistake> list_;
};

class Section {
 public:
  /// The whole file.
  Section(const YAML::Node& root, Mistakes& mistakes);

  /// A missing section is as good as an empty one: required keys below it are missed there.
  [[nodiscard]] Section section(std::string_view name) const;
  /// Sections of a list; more than `limit` are a mistake and are not returned.
  [[nodiscard]] std::vector<Section> list(std::string_view name, std::size_t limit) const;

  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }
  /// The text of a scalar; nothing if it is missing or something else.
  [[nodiscard]] std::optional<std::string> text(std::string_view name) const;
  /// Each text of a list with its place.
  struct Item {
    std::string text;
    YAML::Mark place;
    std::string path;
  };
  [[nodiscard]] std::vector<Item> texts(std::string_view name, std::size_t limit) const;
  [[nodiscard]] std::optional<std::int64_t> integer(std::string_view name) const;
  [[nodiscard]] std::optional<std::size_t> choice(std::string_view name) const;

  template <typename Number>
  void get_integer(std::string_view name, Number& target) const {
    if (const auto value = integer(name)) target = static_cast<Number>(*value);
  }
  template <typename Enum>
  void get_choice(std::string_view name, Enum& target) const {
    static_assert(std::is_enum_v<Enum>);
    if (const auto number = choice(name)) target = static_cast<Enum>(*number);
  }
  /// Text that must pass a test; the table says what is allowed.
  template <typename Test>
  void get_text(std::string_view name, std::string& target, Test&& is_good) const {
    const auto value = text(name);
    if (!value) return;
    if (is_good(*value)) {
      target = *value;
    } else {
      refuse_text(name, *value);
    }
  }
  void get_boolean(std::string_view name, bool& target) const;
  void get_duration(std::string_view name, base::Duration& target) const;

  /// Says what is wrong with the value of a key (or with its absence).
  void mistake(std::string_view name, const std::string& problem) const;
  /// The same, followed by what the table allows.
  void not_allowed(std::string_view name, const std::string& problem) const;
  /// A key that has no meaning unless a condition is met must not be there then.
  void only_with(std::string_view name, bool is_met, std::string_view condition) const;
  void mistake_at(const Item& item, const std::string& problem) const;

  [[nodiscard]] YAML::Mark place(std::string_view name) const;
  [[nodiscard]] int line() const { return place_.line + 1; }

 private:
  void refuse_text(std::string_view name, std::string_view value) const;

  struct Entry {
    std::string name;
    YAML::Mark key_place;
    YAML::Node value;
  };

  Section(const YAML::Node& node, const YAML::Mark& place, std::string path, std::string pattern,
          Mistakes& mistakes);

  void read_entries(const YAML::Node& node);
  void check_name(const std::string& name, const YAML::Mark& place) const;
  [[nodiscard]] const Entry* find(std::string_view name) const;
  [[nodiscard]] std::string path_of(std::string_view name) const;
  [[nodiscard]] const Key& key_of(std::string_view name) const;
  [[nodiscard]] std::vector<std::string_view> known_names() const;
  [[nodiscard]] const YAML::Node* value_of(std::string_view name, YAML::NodeType::value type) const;

  Mistakes* mistakes_;
  YAML::Mark place_;
  std::string path_;     // "port_rules[2]"
  std::string pattern_;  // "port_rules[]", as in the table
  std::vector<Entry> entries_;
};

}  // namespace covey::config
