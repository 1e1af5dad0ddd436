// SPDX-License-Identifier: BSD-3-Clause
// The table of wrong files is test/golden/config_mistakes.txt.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <set>
#include <sstream>

#include "config/config.h"
#include "config/section.h"

namespace covey::config {
namespace {

struct Case {
  std::string title;
  std::string yaml;
  std::string mistakes;  // one a line
};

const std::string kPath = std::string(COVEY_SOURCE_ROOT) + "/test/golden/config_mistakes.txt";
constexpr std::string_view kTitle = "=== ";
constexpr std::string_view kEnd = ">>>";  // of the file

std::vector<Case> read_cases(std::string& comment) {
  std::ifstream file(kPath);
  std::vector<Case> cases;
  bool is_yaml = false;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kTitle)) {
      cases.push_back({line.substr(kTitle.size()), "", ""});
      is_yaml = true;
    } else if (cases.empty()) {
      comment += line + "\n";
    } else if (is_yaml && line == kEnd) {
      is_yaml = false;
    } else {
      (is_yaml ? cases.back().yaml : cases.back().mistakes) += line + "\n";
    }
  }
  return cases;
}

std::string mistakes_in(const std::string& yaml) {
  const Loaded loaded = load_text(yaml, "file");
  std::string text;
  if (const auto* mistakes = std::get_if<std::vector<Mistake>>(&loaded)) {
    for (const Mistake& mistake : *mistakes)
      text += mistake.to_string().substr(5) + "\n";
  }
  return text;
}

}  // namespace

TEST_CASE("every wrong file is refused with all its mistakes and their places") {
  std::string comment;
  std::vector<Case> cases = read_cases(comment);
  REQUIRE(cases.size() >= 60);
  if (std::getenv("COVEY_REWRITE_GOLDEN") != nullptr) {
    std::ofstream file(kPath);
    file << comment;
    for (Case& one : cases) {
      one.mistakes = mistakes_in(one.yaml);
      file << kTitle << one.title << "\n" << one.yaml << kEnd << "\n" << one.mistakes;
    }
  }
  std::set<std::string> titles;
  for (const Case& one : cases) {
    INFO(one.title);
    CHECK(titles.insert(one.title).second);
    CHECK_FALSE(one.mistakes.empty());
    CHECK(mistakes_in(one.yaml) == one.mistakes);
  }
}

TEST_CASE("a file that cannot be read is one mistake without a place") {
  const Loaded loaded = load_file("/nonexistent/coveyd.yaml");
  const auto& mistakes = std::get<std::vector<Mistake>>(loaded);
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes[0].to_string() == "/nonexistent/coveyd.yaml: cannot be read");
  CHECK(std::holds_alternative<std::vector<Mistake>>(load_file("/")));
}

TEST_CASE("a huge file is refused unread") {
  const Loaded loaded = load_text(std::string(2U << 20U, '#'), "file");
  const auto& mistakes = std::get<std::vector<Mistake>>(loaded);
  REQUIRE(mistakes.size() == 1);
  CHECK(mistakes[0].problem == "has 2097152 bytes (allowed: at most 1048576)");
}

TEST_CASE("the list of mistakes ends somewhere") {
  std::string yaml;
  for (int i = 0; i < 1000; ++i)
    yaml += "wrong" + std::to_string(i) + ": 1\n";
  const Loaded loaded = load_text(yaml, "file");
  const auto& mistakes = std::get<std::vector<Mistake>>(loaded);
  CHECK(mistakes.size() == kMaxMistakes + 1);
}

TEST_CASE("deep nesting is a mistake, not a crash") {
  const Loaded loaded = load_text(std::string(100000, '['), "file");
  CHECK(std::holds_alternative<std::vector<Mistake>>(loaded));
}

}  // namespace covey::config
