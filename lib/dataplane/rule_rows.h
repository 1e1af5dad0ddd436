// SPDX-License-Identifier: BSD-3-Clause
// RuleRows: in which row of their counters workers count the frames of a rule, so that a rule keeps
// its counts while rules around it come and go.
//
// Owner: dataplane. Threads: built by the control thread, then read-only and shared. A rule is
// known by its name. There are rows for two configurations, so that a new rule never gets a row in
// which a worker may still count by the configuration before; what was counted there once is taken
// off.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "forwarding/policy.h"

namespace covey::dataplane {

struct RuleCount {
  std::uint64_t accepted = 0;
  std::uint64_t dropped = 0;
  friend bool operator==(const RuleCount&, const RuleCount&) = default;
};

class RuleRows {
 public:
  static constexpr std::size_t kRows = 2 * std::size_t{base::kMaxRules} + 1;
  /// For frames that no rule covers.
  static constexpr std::size_t kDefaultRow = kRows - 1;

  /// For the first configuration: nothing has been counted.
  explicit RuleRows(const forwarding::Policy& policy);
  /// For the next one; `counted(row)` is what workers have counted there until now.
  RuleRows(const RuleRows& before, const forwarding::Policy& policy,
           const std::function<RuleCount(std::size_t row)>& counted);

  [[nodiscard]] std::size_t of(forwarding::RuleIndex rule) const noexcept {
    return rule == forwarding::kDefaultRule ? kDefaultRow : rules_[rule].row;
  }
  /// What is counted for the rule, given what is in its row.
  [[nodiscard]] RuleCount count(forwarding::RuleIndex rule, const RuleCount& in_row) const;

 private:
  struct Rule {
    std::string name;
    std::size_t row = 0;
    RuleCount taken_over;  // in the row, from another rule
  };
  std::vector<Rule> rules_;  // by rule
};

}  // namespace covey::dataplane
