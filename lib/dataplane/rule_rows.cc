// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/rule_rows.h"

#include <algorithm>
#include <bitset>

namespace covey::dataplane {

RuleRows::RuleRows(const forwarding::Policy& policy) {
  for (const forwarding::PortRule& rule : policy.settings().rules)
    rules_.push_back({rule.name, rules_.size(), {}});
}

RuleRows::RuleRows(const RuleRows& before, const forwarding::Policy& policy,
                   const std::function<RuleCount(std::size_t row)>& counted) {
  std::bitset<kRows> taken;
  for (const Rule& rule : before.rules_)
    taken.set(rule.row);
  std::size_t free = 0;
  for (const forwarding::PortRule& rule : policy.settings().rules) {
    const auto same = std::ranges::find(before.rules_, rule.name, &Rule::name);
    if (same != before.rules_.end()) {
      rules_.push_back(*same);
      continue;
    }
    while (taken.test(free))
      ++free;
    rules_.push_back({rule.name, free, counted(free)});
    ++free;
  }
}

RuleCount RuleRows::count(forwarding::RuleIndex rule, const RuleCount& in_row) const {
  if (rule == forwarding::kDefaultRule) return in_row;
  const RuleCount& other = rules_[rule].taken_over;
  return {in_row.accepted - other.accepted, in_row.dropped - other.dropped};
}

}  // namespace covey::dataplane
