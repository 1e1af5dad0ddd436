// SPDX-License-Identifier: BSD-3-Clause
// Roff: a manual page in the man(7) macros, written top down.
//
// Owner: app/manual. Thread: one. Plain text goes in, nothing in it is taken for a request or an
// escape: what means something to roff is escaped here. The page has no date, so that the same
// source gives the same bytes.
#pragma once

#include <string>
#include <string_view>

namespace covey::app {

/// A word in bold type, to be put between plain text; escaped already.
[[nodiscard]] std::string bold(std::string_view text);
/// The same in italics: what the reader puts something else for.
[[nodiscard]] std::string italic(std::string_view text);
[[nodiscard]] std::string plain(std::string_view text);

class Roff {
 public:
  struct Title {
    std::string_view name;  // "coveyd.yaml"
    char section = '1';
    std::string_view version;  // of the program
  };
  Roff(const Title& title, std::string_view summary);

  void section(std::string_view name);
  void subsection(std::string_view name);
  /// A paragraph of plain text.
  void paragraph(std::string_view text);
  /// A paragraph of parts that are escaped already.
  void line(std::string_view escaped);
  /// A term, escaped already, and the plain text that explains it.
  void item(std::string_view term, std::string_view text);
  /// What follows until unindent() stands below the last item.
  void indent();
  void unindent();
  /// As it stands: commands and files.
  void example(std::string_view text);

  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  /// `between`: what ends a line that is not the last.
  void fill(std::string_view escaped, std::string_view between);

  std::string text_;
  bool at_head_ = true;  // a paragraph right below a head needs no request
};

}  // namespace covey::app
