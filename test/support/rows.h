// SPDX-License-Identifier: BSD-3-Clause
// Row: one line of a forwarding table, readable as a sentence of the policy; and checks of tables.
//
// Owner: test/support. Thread: one. For Catch2 programs only; each row is reported by its name.
// With COVEY_ROWS each row is also appended to that file, as one line of five fields with tabs
// between them: table, name, verdict, effect, the bytes of the frame; check_rows.py reads them.
#pragma once

#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iomanip>
#include <string>
#include <vector>

#include "support/world.h"

namespace covey::test {

struct Row {
  std::string name;
  Frame frame;
  World world;
  forwarding::Verdict verdict;
  std::string effect;  // see World::Outcome
};

inline void write_row(const Row& row) {
  const char* path = std::getenv("COVEY_ROWS");
  if (path == nullptr) return;
  std::ofstream file(path, std::ios::app);
  file << Catch::getResultCapture().getCurrentTestName() << '\t' << row.name << '\t'
       << forwarding::name(row.verdict) << '\t' << row.effect << '\t' << std::hex
       << std::setfill('0');
  for (const std::uint8_t byte : row.frame)
    file << std::setw(2) << unsigned{byte};
  file << '\n';
}

inline void check_row(const Row& row, const World::Outcome& outcome) {
  INFO(row.name);
  write_row(row);
  CHECK(std::string(forwarding::name(outcome.decision.verdict)) ==
        std::string(forwarding::name(row.verdict)));
  CHECK(outcome.effect == row.effect);
}

/// Against decide(), and what is settled before it is asked.
inline void check_received(const std::vector<Row>& rows) {
  for (const Row& row : rows) {
    const World::Outcome outcome = row.world.receive(row.frame);
    check_row(row, outcome);
    CHECK(outcome.in_burst.decision == outcome.decision);
  }
}

/// Against decide_egress().
inline void check_sent(const std::vector<Row>& rows) {
  for (const Row& row : rows)
    check_row(row, row.world.send(row.frame));
}

}  // namespace covey::test
