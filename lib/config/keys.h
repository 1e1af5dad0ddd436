// SPDX-License-Identifier: BSD-3-Clause
// The table of configuration keys: everything the loader knows, in the order of the reference.
//
// Owner: config. Thread: any; constants. One row is one key: its type, default, limits and meaning.
// The loader refuses what is not in it and takes limits and choices from it, error messages and
// docs/configuration.md repeat them, and tests hold the defaults against the settings structs.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace covey::config {

enum class KeyType : std::uint8_t {
  section,  // keys below it
  list,     // of sections
  integer,  // min..max
  boolean,
  duration,  // min..max, in ms
  choice,    // one word of `allowed`, in the order of the enumerators
  text,      // `allowed` says of what form
  text_list,
};

struct Key {
  std::string_view path;  // "cluster.heartbeat.interval"; below a list: "port_rules[].name"
  KeyType type = KeyType::text;
  std::string_view fallback;  // as one would write it; "required", or "nothing": leaving it out
  std::string_view allowed;   // choice and text only
  std::string_view meaning;
  std::int64_t min = 0;  // integer and duration only
  std::int64_t max = 0;
};

inline constexpr std::string_view kRequired = "required";
inline constexpr std::string_view kNone = "nothing";

[[nodiscard]] std::span<const Key> keys();
/// Asserts that there is such a key: paths come from our own code.
[[nodiscard]] const Key& key_at(std::string_view path);
/// What may stand there, for people: "1..64", "tcp | udp | both", "10ms..10s".
[[nodiscard]] std::string allowed_text(const Key& key);
/// The word of a choice, by the number of its enumerator.
[[nodiscard]] std::string_view choice_word(const Key& key, std::size_t number);

}  // namespace covey::config
