// SPDX-License-Identifier: BSD-3-Clause
// Table: columns of text that line up and fit a terminal of 80 columns.
//
// Owner: cli. Thread: any. Columns that may be cut (names, sentences) are cut when a row would be
// too wide; addresses and numbers never are. A cell may have several lines. Colours do not count as
// width, and control characters in cells, which may come from another host, are not passed on.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace covey::cli {

inline constexpr std::size_t kWidth = 80;

enum class Align : unsigned char { left, right };
enum class Colour : unsigned char { none, green, yellow, red, dim };

struct Column {
  std::string title;
  Align align = Align::left;
  bool may_be_cut = false;
};

struct Cell {
  // Implicit, so that a row is a list of texts with a coloured one here and there.
  Cell(std::string shown, Colour shade = Colour::none)  // NOLINT(google-explicit-constructor)
      : text(std::move(shown)), colour(shade) {}
  std::string text;
  Colour colour;
};

class Table {
 public:
  Table(std::vector<Column> columns, bool colours);
  /// As many cells as there are columns.
  void add(std::vector<Cell> row);
  /// The titles and all rows, each line ending with a newline and none with a blank.
  [[nodiscard]] std::string to_string() const;

 private:
  [[nodiscard]] std::vector<std::size_t> widths() const;
  void append_row(std::string& out, const std::vector<Cell>& row,
                  const std::vector<std::size_t>& widths) const;

  std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
  bool colours_;
};

/// Without control characters except newlines, and without what is no UTF-8.
[[nodiscard]] std::string printable(std::string text);
/// Without newlines, too.
[[nodiscard]] std::string on_one_line(std::string text);
/// Broken at blanks so that it fits behind an indent of so many columns, which the first line has
/// already; a word that is longer stays whole.
[[nodiscard]] std::string wrapped(std::string_view text, std::size_t indent);
/// As many whole characters as there is room for, without colours; there is so much less room then.
[[nodiscard]] std::string_view beginning(std::string_view line, std::size_t& room);
/// No blanks at the end.
void trim_right(std::string& text);
/// Between escape sequences if colours are wanted.
[[nodiscard]] std::string coloured(std::string_view text, Colour colour, bool colours);
struct Piece {
  std::string_view text;
  Colour colour;
};
/// A line with what coloured() made in it, taken apart again; no text is empty.
[[nodiscard]] std::vector<Piece> pieces(std::string_view line);
/// "  name   value" lines under each other.
[[nodiscard]] std::string facts(const std::vector<std::pair<std::string, std::string>>& rows);

}  // namespace covey::cli
