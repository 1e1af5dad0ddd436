// SPDX-License-Identifier: BSD-3-Clause
// Text for people: durations as "200ms" or "1h", and the nearest word to a misspelt one.
//
// Owner: base. Thread: any; pure functions.
// A duration is a whole number and a unit, without space: ms, s, m, h or d. Compound forms
// ("1h30m") are left out on purpose: one way to write a value.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"

namespace covey::base {

/// Error (invalid_argument) if the text is no duration or too long for a Duration.
[[nodiscard]] Result<Duration> parse_duration(std::string_view text);
/// In the largest unit that needs no fraction; below a millisecond it is cut off. Zero is "0s".
[[nodiscard]] std::string format_duration(Duration duration);

/// The word with the fewest typing mistakes from `word`, if it is close enough to suggest; else
/// empty. Close is one mistake in a word of less than five letters, two from five letters on, and
/// from nine on one in three letters. A tie goes to the earlier word.
[[nodiscard]] std::string_view nearest_word(std::string_view word,
                                            std::span<const std::string_view> words);

}  // namespace covey::base
