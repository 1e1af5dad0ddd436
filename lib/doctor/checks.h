// SPDX-License-Identifier: BSD-3-Clause
// The checks of judge(), by what they look at. Each adds what it finds.
//
// Owner: doctor, internal to it. Thread: any; pure. judge.cc calls them in its order.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "doctor/facts.h"

namespace covey::doctor {

using Findings = std::vector<api::Finding>;

/// What is said of one trap but for its name and severity.
struct Words {
  std::string what;
  std::string where;
  std::string cure;
};
inline void add_fault(Findings& out, const char* id, Words words) {
  out.push_back(
      {id, "fault", std::move(words.what), std::move(words.where), std::move(words.cure)});
}
inline void add_note(Findings& out, const char* id, Words words) {
  out.push_back({id, "note", std::move(words.what), std::move(words.where), std::move(words.cure)});
}
[[nodiscard]] inline bool was_found(const Findings& findings, std::string_view id) {
  return std::ranges::find(findings, id, &api::Finding::id) != findings.end();
}
/// Null if there is none of that name.
[[nodiscard]] inline const Interface* find_interface(const Facts& facts, std::string_view name) {
  const auto found = std::ranges::find(facts.machine.interfaces, name, &Interface::name);
  return found == facts.machine.interfaces.end() ? nullptr : &*found;
}

// checks_machine.cc: those that need no network; all but the first need a configuration.
void check_huge_pages(const Facts& facts, Findings& out);
void check_devices(const Facts& facts, Findings& out);
void check_key_file(const Facts& facts, Findings& out);
void check_processors(const Facts& facts, Findings& out);
void check_conntrack(const Facts& facts, Findings& out);

// checks_interfaces.cc: they need a configuration.
void check_uplink(const Facts& facts, Findings& out);
void check_claim(const Facts& facts, Findings& out);
void check_offloads(const Facts& facts, Findings& out);
void check_local(const Facts& facts, Findings& out);
void check_virtual_ips(const Facts& facts, Findings& out);
void check_firewall(const Facts& facts, Findings& out);
void check_listeners(const Facts& facts, Findings& out);
void check_mode(const Facts& facts, Findings& out);

// checks_daemon.cc: they need a daemon that answers.
void check_peers(const Facts& facts, Findings& out);
void check_heartbeats(const Facts& facts, Findings& out);
void check_control(const Facts& facts, Findings& out);
void check_queues(const Facts& facts, Findings& out);
void check_flows(const Facts& facts, Findings& out);
/// Last: only if nothing else explains it.
void check_state(const Facts& facts, Findings& out);

}  // namespace covey::doctor
