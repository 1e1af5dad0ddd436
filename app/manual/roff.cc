// SPDX-License-Identifier: BSD-3-Clause
#include "roff.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

namespace covey::app {
namespace {

constexpr std::size_t kWidth = 76;  // of source lines; mandoc complains beyond 80

/// Blanks and quotes of an argument of a request.
std::string argument(std::string_view escaped) {
  return fmt::format("\"{}\"", escaped);
}

std::string upper(std::string_view text) {
  std::string shown(text);
  std::ranges::transform(shown, shown.begin(),
                         [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return shown;
}

}  // namespace

std::string plain(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '\\':
        escaped += "\\e";
        break;
      case '-':
        escaped += "\\-";  // else it is shown as a hyphen, which nobody can copy into a shell
        break;
      case '\'':
        escaped += "\\(aq";
        break;
      case '`':
        escaped += "\\(ga";
        break;
      case '"':
        escaped += "\\(dq";
        break;
      case '~':
        escaped += "\\(ti";
        break;
      case '^':
        escaped += "\\(ha";
        break;
      default:
        escaped += c;
    }
  }
  return escaped;
}

std::string bold(std::string_view text) {
  return fmt::format("\\fB{}\\fR", plain(text));
}

std::string italic(std::string_view text) {
  return fmt::format("\\fI{}\\fR", plain(text));
}

Roff::Roff(const Title& title, std::string_view summary) {
  text_ = ".\\\" SPDX-License-Identifier: BSD-3-Clause\n";
  text_ += fmt::format(".TH {} {} \"\" {} {}\n", argument(upper(title.name)), title.section,
                       argument(plain(fmt::format("covey {}", title.version))), argument("Covey"));
  section("NAME");
  text_ += fmt::format("{} \\- {}\n", plain(title.name), plain(summary));
}

void Roff::section(std::string_view name) {
  text_ += fmt::format(".SH {}\n", argument(plain(name)));
  at_head_ = true;
}

void Roff::subsection(std::string_view name) {
  text_ += fmt::format(".SS {}\n", argument(plain(name)));
  at_head_ = true;
}

void Roff::paragraph(std::string_view text) {
  line(plain(text));
}

void Roff::line(std::string_view escaped) {
  if (!at_head_) text_ += ".PP\n";
  at_head_ = false;
  fill(escaped, "\n");
}

void Roff::item(std::string_view term, std::string_view text) {
  at_head_ = false;
  text_ += ".TP\n";
  // A term is one line for roff: its lines but the last end with an escaped newline.
  fill(term, " \\\n");
  fill(plain(text), "\n");
}

void Roff::indent() {
  text_ += ".RS\n";
}

void Roff::unindent() {
  text_ += ".RE\n";
}

void Roff::example(std::string_view text) {
  if (!at_head_) text_ += ".PP\n";
  at_head_ = false;
  text_ += fmt::format(".nf\n{}.fi\n", plain(text));
}

void Roff::fill(std::string_view escaped, std::string_view between) {
  std::string source;
  for (std::string_view rest = escaped; !rest.empty();) {
    const std::string_view word = rest.substr(0, rest.find(' '));
    rest.remove_prefix(std::min(word.size() + 1, rest.size()));
    if (!source.empty() && source.size() + 1 + word.size() > kWidth) {
      text_.append(source).append(between);
      source.clear();
    }
    if (!source.empty()) source += ' ';
    // At the beginning of a line a point would be a request.
    if (source.empty() && word.starts_with('.')) source += "\\&";
    source += word;
  }
  text_ += source + "\n";
}

}  // namespace covey::app
