// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/key_ring.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "heartbeat/keys.h"

namespace covey::heartbeat {
namespace {

using base::ErrorCode;
using base::fail;

constexpr std::string_view kDigits = "0123456789abcdef";
constexpr std::string_view kBlanks = " \t\r";

bool is_digit(char c) {
  return kDigits.find(c) != std::string_view::npos;
}

template <std::size_t size>
std::string to_hex(const std::array<std::uint8_t, size>& bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    text += kDigits[byte >> 4U];
    text += kDigits[byte & 15U];
  }
  return text;
}

template <std::size_t size>
bool from_hex(std::string_view text, std::array<std::uint8_t, size>& bytes) {
  if (text.size() != 2 * size || !std::ranges::all_of(text, is_digit)) return false;
  for (std::size_t i = 0; i < size; ++i) {
    bytes[i] =
        static_cast<std::uint8_t>(kDigits.find(text[2 * i]) * 16 + kDigits.find(text[2 * i + 1]));
  }
  return true;
}

std::string_view trimmed(std::string_view text) {
  const std::size_t first = text.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kBlanks) - first + 1);
}

/// Takes the first word off `rest`.
std::string_view next_word(std::string_view& rest) {
  rest = trimmed(rest);
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

/// Reads the form with lines.
class LineReader {
 public:
  base::Result<KeyRing> read(std::string_view text) {
    while (!text.empty() && problem_.empty()) {
      const std::size_t end = std::min(text.find('\n'), text.size());
      ++line_;
      take(trimmed(text.substr(0, end)));
      text.remove_prefix(std::min(end + 1, text.size()));
    }
    if (problem_.empty() && ring_.keys.empty()) problem_ = "no line `key ID HEX`";
    if (problem_.empty() && !has_hash_) problem_ = "no line `hash HEX`";
    if (!problem_.empty()) return fail(ErrorCode::invalid_argument, problem_);
    return ring_;
  }

 private:
  void wrong(std::string_view what) {
    problem_ = "line " + std::to_string(line_) + ": " + std::string(what);
  }

  void take(std::string_view line) {
    if (line.empty() || line.starts_with('#')) return;
    const std::string_view word = next_word(line);
    if (word == "key") return take_key(line);
    if (word == "hash") return take_hash(line);
    wrong("unknown word (allowed: key, hash, comments that begin with #)");
  }

  void take_key(std::string_view rest) {
    const std::string_view number = next_word(rest);
    const std::string_view hex = next_word(rest);
    NumberedKey key;
    const auto [end, error] = std::from_chars(number.data(), number.data() + number.size(), key.id);
    if (error != std::errc() || end != number.data() + number.size() || !from_hex(hex, key.key) ||
        !trimmed(rest).empty()) {
      return wrong(
          "not `key ID HEX` (allowed: a number of 0..255, then 64 lower-case hexadecimal digits)");
    }
    for (const NumberedKey& other : ring_.keys) {
      if (other.id == key.id) return wrong("a second key " + std::to_string(key.id));
      if (other.key == key.key) return wrong("the same key under another number");
    }
    if (ring_.keys.size() == kMaxKeys) return wrong("a third key (allowed: an old and a new one)");
    ring_.keys.push_back(key);
  }

  void take_hash(std::string_view rest) {
    const std::string_view hex = next_word(rest);
    if (has_hash_) return wrong("a second line `hash`");
    if (!from_hex(hex, ring_.lasting) || !trimmed(rest).empty()) {
      return wrong("not `hash HEX` (allowed: 128 lower-case hexadecimal digits)");
    }
    has_hash_ = true;
  }

  KeyRing ring_;
  bool has_hash_ = false;
  std::size_t line_ = 0;
  std::string problem_;
};

/// A file of one word is the bare form, or was meant to be.
std::optional<std::string_view> only_word(std::string_view text) {
  while (text.ends_with('\n') || text.ends_with('\r'))
    text.remove_suffix(1);
  const bool is_word = text.find_first_of(" \t\r\n#") == std::string_view::npos;
  return is_word ? std::optional(text) : std::nullopt;
}

}  // namespace

std::string key_to_hex(const ClusterKey& key) {
  return to_hex(key);
}

base::Result<ClusterKey> key_from_hex(std::string_view text) {
  // A file ends with a newline; nothing else may stand around the digits.
  if (text.ends_with('\n')) text.remove_suffix(1);
  if (text.ends_with('\r')) text.remove_suffix(1);
  ClusterKey key{};
  if (from_hex(text, key)) return key;
  // The text is never repeated: it may be most of a real key.
  return fail(ErrorCode::invalid_argument, "a cluster key is 64 lower-case hexadecimal digits");
}

base::Result<KeyRing> ring_of(const ClusterKey& key) {
  const auto lasting = lasting_secrets(key);
  if (!lasting) return std::unexpected(lasting.error());
  return KeyRing{{{0, key}}, *lasting};
}

base::Result<KeyRing> ring_from_text(std::string_view text) {
  if (text.size() > kMaxKeyFile) {
    return fail(ErrorCode::invalid_argument,
                "longer than " + std::to_string(kMaxKeyFile) + " bytes: not a key file");
  }
  const auto word = only_word(text);
  if (!word) return LineReader().read(text);
  const auto key = key_from_hex(*word);
  if (!key) return std::unexpected(key.error());
  return ring_of(*key);
}

std::string ring_to_text(const KeyRing& ring) {
  std::string text =
      "# Keys of a covey, older first; `covey key` changes them. Whoever has them can join.\n";
  for (const NumberedKey& key : ring.keys)
    text += "key " + std::to_string(key.id) + " " + to_hex(key.key) + "\n";
  text += "# Stays the same when the key changes: bucket hash, assignment, cluster id.\n";
  return text + "hash " + to_hex(ring.lasting) + "\n";
}

base::Result<std::vector<HeldKey>> held_keys(const KeyRing& ring) {
  std::vector<HeldKey> held;
  for (const NumberedKey& key : ring.keys) {
    const auto sub_keys = seal_key(key);
    if (!sub_keys) return std::unexpected(sub_keys.error());
    held.push_back(sub_keys->held);
  }
  return held;
}

base::Result<KeyRing> with_key(const KeyRing& ring, std::string_view given) {
  auto other = ring_from_text(given);
  if (!other) return std::unexpected(other.error());
  NumberedKey fresh = other->keys.back();
  if (only_word(given)) {
    fresh.id = static_cast<std::uint8_t>(ring.keys.back().id + 1U);  // after 255 comes 0
  } else if (other->lasting != ring.lasting) {
    return fail(ErrorCode::refused, "that key file is of another cluster (its line hash differs)");
  }
  const std::string number = std::to_string(fresh.id);
  for (const NumberedKey& key : ring.keys) {
    if (key.key == fresh.key) {
      return fail(ErrorCode::refused,
                  "this host holds that key already, as key " + std::to_string(key.id));
    }
    if (key.id == fresh.id) {
      return fail(ErrorCode::refused, "this host holds another key " + number);
    }
  }
  if (ring.keys.size() >= kMaxKeys) {
    return fail(ErrorCode::refused, "this host holds an old and a new key already: retire key " +
                                        std::to_string(ring.keys.front().id) + " first");
  }
  KeyRing grown = ring;
  grown.keys.push_back(fresh);
  return grown;
}

base::Result<KeyRing> without_key(const KeyRing& ring, std::uint8_t id) {
  const auto found = std::ranges::find(ring.keys, id, &NumberedKey::id);
  if (found == ring.keys.end()) {
    return fail(ErrorCode::not_found, "this host holds no key " + std::to_string(id));
  }
  if (ring.keys.size() == 1) {
    return fail(ErrorCode::refused, "key " + std::to_string(id) + " is the only one");
  }
  KeyRing rest = ring;
  std::erase_if(rest.keys, [id](const NumberedKey& key) { return key.id == id; });
  return rest;
}

bool holds(const std::vector<HeldKey>& keys, const HeldKey& key) {
  return keys.empty() ? key.id == 0 : std::ranges::find(keys, key) != keys.end();
}

std::uint8_t choose_key(std::span<const HeldKey> ours,
                        std::span<const std::vector<HeldKey>> others) {
  for (std::size_t at = ours.size(); at > 0; --at) {
    const HeldKey& key = ours[at - 1];
    const bool is_common = std::ranges::all_of(
        others, [&key](const std::vector<HeldKey>& keys) { return holds(keys, key); });
    if (is_common) return key.id;
  }
  return ours.front().id;
}

}  // namespace covey::heartbeat
