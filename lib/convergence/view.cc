// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/view.h"

#include <algorithm>
#include <tuple>

namespace covey::convergence {

using base::HostId;
using base::HostSet;

namespace {

/// Members that every voice among the others calls silent. A dead group goes in one step.
HostSet silent_to_all(const ViewQuestion& question, HostSet members) {
  HostSet voices;
  HostSet heard;  // by another one
  members.for_each([&](HostId witness) {
    const HostFacts& facts = question.facts[witness.value];
    if (!facts.voice) return;
    voices.insert(witness);
    HostSet others = facts.hears;
    others.erase(witness);
    heard = heard.united_with(others);
  });
  if (voices.empty()) return {};
  const HostSet silent = members.without(heard);
  return voices.size() > 1 ? silent : silent.without(voices);  // nobody is his own witness
}

int broken_edges(const ViewQuestion& question, const EdgeMatrix& edges, HostSet members,
                 HostId host) {
  int count = 0;
  edges.broken_with(host).intersection(members).for_each([&](HostId other) {
    if (edges.broken_for(host, other, question.now, question.debounce)) ++count;
  });
  return count;
}

/// Drops the host with most broken edges (ties: the highest id) until none is left.
HostSet cut_to_clique(const ViewQuestion& question, const EdgeMatrix& edges, HostSet members) {
  for (int limit = members.size(); limit > 0; --limit) {
    HostId worst = base::kNobody;
    int most = 0;
    members.for_each([&](HostId host) {
      const int broken = broken_edges(question, edges, members, host);
      if (broken > 0 && broken >= most) {
        most = broken;
        worst = host;
      }
    });
    if (worst.is_nobody()) break;
    members.erase(worst);
  }
  return members;
}

bool good_to_all(const EdgeMatrix& edges, HostSet members, HostId host) {
  bool good = true;
  members.for_each([&](HostId other) {
    if (other != host && !edges.good(host, other)) good = false;
  });
  return good;
}

}  // namespace

CommittedView senior_view(const std::vector<CommittedView>& views) {
  CommittedView best;
  for (const CommittedView& view : views) {
    if (view.members.empty()) continue;
    // A view that a newer one overlaps is history, whatever its size.
    const bool stale = std::any_of(views.begin(), views.end(), [&](const CommittedView& other) {
      return other.members.intersects(view.members) && other.generation > view.generation;
    });
    if (stale) continue;
    const auto rank = [](const CommittedView& v) {
      return std::tuple(-v.members.size(), v.members.empty() ? 255 : v.members.lowest().value,
                        ~std::uint64_t{v.generation}, v.members.bits());
    };
    if (best.members.empty() || rank(view) < rank(best)) best = view;
  }
  return best;
}

bool has_majority(HostSet view, HostSet voters) {
  if (voters.empty()) return true;
  const int present = view.intersection(voters).size();
  if (2 * present == voters.size()) return view.contains(voters.lowest());
  return 2 * present > voters.size();
}

HostSet choose_view(const ViewQuestion& question, const EdgeMatrix& edges) {
  HostSet members = question.base.members;
  members.for_each([&](HostId host) {
    if (!question.facts[host.value].member) members.erase(host);
  });
  members = members.without(silent_to_all(question, members));
  members = cut_to_clique(question, edges, members);

  // Without incumbents the first view forms around each host that has listened long enough.
  const bool first = members.empty();
  if (first && question.facts[question.self.value].admissible) members.insert(question.self);
  for (std::uint8_t value = 1; value <= base::kMaxHosts; ++value) {
    const HostId host{value};
    if (members.contains(host) || !question.facts[value].admissible) continue;
    if (good_to_all(edges, members, host)) members.insert(host);
  }
  return members;
}

}  // namespace covey::convergence
