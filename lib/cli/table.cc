// SPDX-License-Identifier: BSD-3-Clause
#include "cli/table.h"

#include <algorithm>
#include <array>
#include <utility>

#include "base/assert.h"

namespace covey::cli {
namespace {

constexpr std::size_t kGap = 2;       // blanks between columns
constexpr std::size_t kLeastCut = 6;  // a cut column keeps this much
constexpr std::string_view kEllipsis = "..";

bool begins_character(char c) {
  return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U;  // not a continuation byte of UTF-8
}

std::size_t width_of(std::string_view line) {
  return static_cast<std::size_t>(std::ranges::count_if(line, begins_character));
}

std::string cut(std::string_view line, std::size_t width) {
  if (width_of(line) <= width) return std::string(line);
  std::size_t room = width - kEllipsis.size();
  return std::string(beginning(line, room)).append(kEllipsis);
}

std::vector<std::string_view> lines_of(std::string_view text) {
  std::vector<std::string_view> lines;
  for (;;) {
    const std::size_t end = text.find('\n');
    lines.push_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

// In the order of Colour; the first one ends the others.
constexpr std::array<std::string_view, 5> kEscapes = {"\033[0m", "\033[32m", "\033[33m", "\033[31m",
                                                      "\033[2m"};

/// Bytes of the character that `text` begins with, in UTF-8; 0 if it is none, or one that tells a
/// terminal to do something: below a blank, delete, and from 0x80 to 0x9f.
std::size_t shown_at(std::string_view text) {
  const auto byte = [text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(0);
  if (first < 0x80) return (first >= 0x20 && first != 0x7f) || first == '\n' ? 1 : 0;
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return 0;
  for (std::size_t i = 1; i < length; ++i)
    if ((byte(i) & 0xc0U) != 0x80) return 0;
  return first == 0xc2 && byte(1) < 0xa0 ? 0 : length;
}

}  // namespace

std::string_view beginning(std::string_view line, std::size_t& room) {
  std::size_t end = 0;
  for (; end < line.size(); ++end) {
    if (!begins_character(line[end])) continue;
    if (room == 0) break;
    --room;
  }
  return line.substr(0, end);
}

std::string wrapped(std::string_view text, std::size_t indent) {
  const std::size_t room = kWidth - indent;
  std::string lines;
  while (text.size() > room) {
    std::size_t end = text.rfind(' ', room);
    if (end == std::string_view::npos) end = std::min(text.find(' '), text.size());
    lines.append(text.substr(0, end)).append(1, '\n').append(indent, ' ');
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return lines.append(text);
}

void trim_right(std::string& text) {
  text.erase(text.find_last_not_of(' ') + 1);
}

std::string printable(std::string text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t length = shown_at(std::string_view(text).substr(i));
    if (length == 0) text[i] = '?';
    i += std::max<std::size_t>(length, 1);
  }
  return text;
}

std::string on_one_line(std::string text) {
  std::ranges::replace(text, '\n', ' ');
  return printable(std::move(text));
}

std::string coloured(std::string_view text, Colour colour, bool colours) {
  std::string shown;
  const bool is_coloured = colours && colour != Colour::none;
  if (is_coloured) shown += kEscapes.at(static_cast<std::size_t>(colour));
  shown += text;
  if (is_coloured) shown += kEscapes.front();
  return shown;
}

std::vector<Piece> pieces(std::string_view line) {
  std::vector<Piece> found;
  Colour colour = Colour::none;
  while (!line.empty()) {
    const auto escape = std::ranges::find_if(
        kEscapes, [line](std::string_view one) { return line.starts_with(one); });
    if (escape != kEscapes.end()) {
      colour = static_cast<Colour>(escape - kEscapes.begin());
      line.remove_prefix(escape->size());
      continue;
    }
    const std::size_t end = std::min(line.find('\033', 1), line.size());
    found.push_back({line.substr(0, end), colour});
    line.remove_prefix(end);
  }
  return found;
}

std::string facts(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t width = 0;
  for (const auto& [name, value] : rows)
    width = std::max(width, width_of(name));
  std::string text;
  for (const auto& [name, value] : rows) {
    std::string line = name;
    line.append(width - width_of(name) + kGap, ' ');
    line += value;
    trim_right(line);
    text += line + "\n";
  }
  return text;
}

Table::Table(std::vector<Column> columns, bool colours)
    : columns_(std::move(columns)), colours_(colours) {}

void Table::add(std::vector<Cell> row) {
  COVEY_ASSERT(row.size() == columns_.size());
  for (Cell& cell : row)
    cell.text = printable(std::move(cell.text));
  rows_.push_back(std::move(row));
}

std::vector<std::size_t> Table::widths() const {
  std::vector<std::size_t> widths;
  for (std::size_t c = 0; c < columns_.size(); ++c) {
    std::size_t widest = width_of(columns_[c].title);
    for (const auto& row : rows_) {
      for (const std::string_view line : lines_of(row[c].text)) {
        widest = std::max(widest, width_of(line));
      }
    }
    widths.push_back(widest);
  }
  const auto total = [&] {
    std::size_t sum = kGap * (widths.size() - 1);
    for (const std::size_t width : widths)
      sum += width;
    return sum;
  };
  // The widest of those that may be cut gives way, one character at a time.
  while (total() > kWidth) {
    std::size_t* widest = nullptr;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      const std::size_t least = std::max(kLeastCut, width_of(columns_[c].title));
      if (!columns_[c].may_be_cut || widths[c] <= least) continue;
      if (widest == nullptr || widths[c] > *widest) widest = &widths[c];
    }
    if (widest == nullptr) break;
    --*widest;
  }
  return widths;
}

void Table::append_row(std::string& out, const std::vector<Cell>& row,
                       const std::vector<std::size_t>& widths) const {
  std::size_t height = 1;
  for (const Cell& cell : row)
    height = std::max(height, lines_of(cell.text).size());
  for (std::size_t at = 0; at < height; ++at) {
    std::string line;
    for (std::size_t c = 0; c < row.size(); ++c) {
      const auto cell_lines = lines_of(row[c].text);
      const std::string text = at < cell_lines.size() ? cut(cell_lines[at], widths[c]) : "";
      const std::string blanks(widths[c] - std::min(widths[c], width_of(text)), ' ');
      if (c > 0) line.append(kGap, ' ');
      if (columns_[c].align == Align::right) line += blanks;
      line += coloured(text, text.empty() ? Colour::none : row[c].colour, colours_);
      if (columns_[c].align == Align::left) line += blanks;
    }
    trim_right(line);
    out += line + "\n";
  }
}

std::string Table::to_string() const {
  const std::vector<std::size_t> all = widths();
  std::string out;
  std::vector<Cell> titles;
  for (const Column& column : columns_)
    titles.emplace_back(column.title, Colour::dim);
  append_row(out, titles, all);
  for (const auto& row : rows_)
    append_row(out, row, all);
  return out;
}

}  // namespace covey::cli
