// SPDX-License-Identifier: BSD-3-Clause
// Row: one line of a forwarding table, readable as a sentence of the policy; and checks of tables.
//
// Owner: test/support. Thread: one. For Catch2 programs only; each row is reported by its name.
#pragma once

#include <catch2/catch.hpp>
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

inline void check_row(const Row& row, const World::Outcome& outcome) {
  INFO(row.name);
  CHECK(std::string(forwarding::name(outcome.decision.verdict)) ==
        std::string(forwarding::name(row.verdict)));
  CHECK(outcome.effect == row.effect);
}

/// Against decide().
inline void check_received(const std::vector<Row>& rows) {
  for (const Row& row : rows)
    check_row(row, row.world.receive(row.frame));
}

/// Against decide_egress().
inline void check_sent(const std::vector<Row>& rows) {
  for (const Row& row : rows)
    check_row(row, row.world.send(row.frame));
}

}  // namespace covey::test
