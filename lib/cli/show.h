// SPDX-License-Identifier: BSD-3-Clause
// Answers of the daemon as text for people: tables of at most 80 columns.
//
// Owner: cli. Thread: any; pure functions. `colours` is false unless a person is reading at a
// terminal. Nothing is asked for and nothing is decided here.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "api/diagnosis.h"
#include "api/messages.h"
#include "base/address.h"
#include "cli/table.h"

namespace covey::cli {

[[nodiscard]] std::string show(const api::Status& status, bool colours);
/// One health check after the other.
[[nodiscard]] std::string show(const std::vector<api::HealthRow>& checks, bool colours);
/// All rules, one a line.
[[nodiscard]] std::string show(const std::vector<api::RuleStatus>& rules, bool colours);
[[nodiscard]] std::string show(const api::RuleStatus& rule);
[[nodiscard]] std::string show(const api::ExplainReply& reply, bool colours);
/// Verdicts that never happened are left out, unless `all` are wanted.
[[nodiscard]] std::string show(const api::Stats& stats, bool all, bool colours);
/// How many buckets each host has in each map.
[[nodiscard]] std::string show(const api::BucketMaps& maps, bool colours);
/// The owner of each bucket of one map, one character a bucket.
[[nodiscard]] std::string show_owners(const api::BucketMap& map, bool colours);
[[nodiscard]] std::string show(const std::vector<api::FlowRow>& flows, bool colours);
/// `wanted`: how many packets were asked for.
[[nodiscard]] std::string show(const api::TraceReply& trace, std::uint64_t wanted, bool colours);
[[nodiscard]] std::string show(const std::vector<api::HistoryRow>& history, bool colours);
[[nodiscard]] std::string show(const std::vector<api::EventRow>& events, bool colours);

/// Of events one by one: titles, and a line each that is never cut.
[[nodiscard]] std::string event_titles(bool colours);
[[nodiscard]] std::string show_line(const api::EventRow& event);

/// What was found wrong, each with its cure, and how much that is.
[[nodiscard]] std::string show(const api::Diagnosis& diagnosis, bool colours);

/// Mistakes or changes, a line each, and what became of them.
[[nodiscard]] std::string show(const api::ReloadReply& reply);
/// Which host holds and uses which cluster key; what to do next below.
[[nodiscard]] std::string show(const api::KeyList& list, bool colours);

// Words that stand in more than one answer.
[[nodiscard]] Colour colour_of_state(std::string_view state);
[[nodiscard]] std::string with_default(const std::string& state, bool is_default);
[[nodiscard]] Cell link_cell(bool is_up);
/// 1234567 -> "1,234,567".
[[nodiscard]] std::string grouped(std::uint64_t number);

}  // namespace covey::cli
