// SPDX-License-Identifier: BSD-3-Clause
#include "doctor/judge.h"

#include <fmt/format.h>

#include <array>

#include "doctor/checks.h"

namespace covey::doctor {
namespace {

enum class Needs : unsigned char { nothing, configuration, daemon };
struct Check {
  Needs needs;
  void (*look)(const Facts& facts, Findings& out);
};

void check_reachable(const Facts& facts, Findings& out) {
  if (facts.about.daemon) return;
  add_fault(
      out, "daemon_unreachable",
      {facts.about.unreachable, facts.about.socket,
       facts.about.file.empty()
           ? "start it; `covey doctor -f FILE` checks the machine by a configuration until then"
           : "start it; its log says what keeps it from starting"});
}

void check_configuration(const Facts& facts, Findings& out) {
  if (facts.mistakes.empty()) return;
  const std::size_t more = facts.mistakes.size() - 1;
  add_fault(out, "configuration_invalid",
            {more == 0 ? facts.mistakes.front()
                       : fmt::format("{} (and {} more)", facts.mistakes.front(), more),
             facts.about.file, "mend it; `coveyd --check -f FILE` lists all mistakes"});
}

constexpr std::array<Check, 21> kChecks = {{
    {Needs::nothing, check_reachable},      {Needs::nothing, check_configuration},
    {Needs::nothing, check_huge_pages},     {Needs::configuration, check_devices},
    {Needs::configuration, check_key_file}, {Needs::configuration, check_processors},
    {Needs::nothing, check_conntrack},      {Needs::configuration, check_uplink},
    {Needs::configuration, check_claim},    {Needs::configuration, check_offloads},
    {Needs::configuration, check_local},    {Needs::configuration, check_virtual_ips},
    {Needs::configuration, check_firewall}, {Needs::configuration, check_listeners},
    {Needs::configuration, check_mode},     {Needs::daemon, check_peers},
    {Needs::daemon, check_heartbeats},      {Needs::daemon, check_control},
    {Needs::daemon, check_queues},          {Needs::daemon, check_flows},
    {Needs::daemon, check_state},
}};

}  // namespace

api::Diagnosis judge(const Facts& facts) {
  api::Diagnosis diagnosis;
  if (facts.about.daemon) diagnosis.host = facts.about.daemon->status.host.id;
  diagnosis.configuration = !facts.config ? "none" : facts.about.file.empty() ? "daemon" : "file";
  for (const Check& check : kChecks) {
    const bool can_look = check.needs == Needs::nothing ||
                          (check.needs == Needs::configuration && facts.config) ||
                          (check.needs == Needs::daemon && facts.about.daemon);
    if (can_look) check.look(facts, diagnosis.findings);
  }
  diagnosis.faults = static_cast<unsigned>(
      std::ranges::count(diagnosis.findings, std::string_view("fault"), &api::Finding::severity));
  return diagnosis;
}

}  // namespace covey::doctor
