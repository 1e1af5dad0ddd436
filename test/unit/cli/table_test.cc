// SPDX-License-Identifier: BSD-3-Clause
#include "cli/table.h"

#include <catch2/catch.hpp>
#include <sstream>

namespace covey::cli {

TEST_CASE("columns line up, numbers to the right, no blanks at the end") {
  Table table({{"name"}, {"count", Align::right}, {"note"}}, false);
  table.add({std::string("a"), std::string("1"), std::string("x")});
  table.add({std::string("longer"), std::string("12345678"), std::string("")});
  CHECK(table.to_string() ==
        "name       count  note\n"
        "a              1  x\n"
        "longer  12345678\n");
}

TEST_CASE("a column that may be cut gives way to fit 80 columns, others never do") {
  Table table({{"name", Align::left, true}, {"address"}, {"note", Align::left, true}}, false);
  table.add({std::string(60, 'n'), std::string(40, 'a'), std::string("note")});
  std::istringstream lines(table.to_string());
  for (std::string line; std::getline(lines, line);)
    CHECK(line.size() <= kWidth);
  CHECK(table.to_string().find(std::string(40, 'a')) != std::string::npos);
  CHECK(table.to_string().find("n..  aaa") != std::string::npos);
}

TEST_CASE("letters of several bytes count once and are not torn apart") {
  Table table({{"name", Align::left, true}, {"wide"}}, false);
  std::string umlauts;
  for (int i = 0; i < 40; ++i)
    umlauts += "\xc3\xa4";
  table.add({umlauts, std::string(60, 'w')});
  const std::string text = table.to_string();
  CHECK(text.find("\xc3\xa4..  www") != std::string::npos);
}

TEST_CASE("a cell of two lines makes a row of two lines") {
  Table table({{"a"}, {"b"}}, false);
  table.add({std::string("one\ntwo"), std::string("x")});
  CHECK(table.to_string() == "a    b\none  x\ntwo\n");
}

TEST_CASE("colours appear only when wanted and do not count as width") {
  for (const bool colours : {false, true}) {
    Table table({{"state"}, {"x"}}, colours);
    table.add({Cell("ok", Colour::green), std::string("y")});
    CHECK(table.to_string() ==
          (colours ? "\033[2mstate\033[0m  \033[2mx\033[0m\n\033[32mok\033[0m     y\n"
                   : "state  x\nok     y\n"));
  }
}

TEST_CASE("what was coloured is known piece by piece") {
  const std::string line = "a " + coloured("b c", Colour::red, true) +
                           coloured("d", Colour::dim, true) + " e" +
                           coloured("", Colour::green, true);
  std::string seen;
  for (const Piece& piece : pieces(line))
    seen += std::to_string(static_cast<int>(piece.colour)) + "[" + std::string(piece.text) + "]";
  CHECK(seen == "0[a ]3[b c]4[d]0[ e]");
  CHECK(pieces("").empty());
  // It was not made by coloured(), so it is a text like any other one.
  CHECK(pieces("\033[2J").front().text == "\033[2J");
}

TEST_CASE("control characters from elsewhere do not reach the terminal") {
  Table table({{"name"}}, false);
  table.add({std::string("a\033[2Jb\x7f")});
  CHECK(table.to_string() == "name\na?[2Jb?\n");
  CHECK(printable("a\tb\nc\r") == "a?b\nc?");
  CHECK(printable("gr\xc3\xbc\xc3\x9f \xe2\x82\xac") == "gr\xc3\xbc\xc3\x9f \xe2\x82\xac");
  CHECK(printable("\xc2\x9b"
                  "31m") == "??31m");  // an escape in one character
  CHECK(printable("\xff\xc3 \xe2\x82") == "?? ??");
  CHECK(on_one_line("a\nb\t") == "a b?");
}

}  // namespace covey::cli
