// SPDX-License-Identifier: BSD-3-Clause
// Node, partition policy: whether a view may take new flows, and what is noticed of other views.
//
// `serve` lets every view serve. With `gateway` a host stays a member without its gateway, but
// takes no new flow: it is treated like one that drains, and its lease ends at once. `majority`
// counts hosts: of the configured voters, so that two views can never both have a majority,
// whatever restarts and wherever the cut runs; without voters, of the members of the last view this
// host committed, less those that took their leave. A view that was prepared may have been
// committed by others, so the next one needs a majority of it too. A host that has just been
// started remembers no view: without voters it accepts any that it hears.
#include <algorithm>
#include <string>

#include "convergence/state.h"
#include "convergence/words.h"

namespace covey::convergence {

using base::HostId;
using base::HostSet;
using base::TimePoint;
using heartbeat::Phase;

namespace {

/// Agreements that came to nothing one after the other; of more than that the oldest is forgotten.
constexpr std::size_t kMaxAttempts = 64;
/// Within D.
constexpr std::uint64_t kManyAlienAcks = 5;

}  // namespace

HostSet Node::Impl::electors() const {
  if (!config.voters.empty()) return config.voters;
  HostSet electors = last_members;
  last_members.for_each([&](HostId host) {
    if (host != self && peers.at(host).left) electors.erase(host);
  });
  return electors;
}

bool Node::Impl::may_serve(HostSet view) const {
  if (config.partition != PartitionPolicy::majority) return true;
  return has_majority(view, electors()) &&
         std::all_of(attempts.begin(), attempts.end(),
                     [&](HostSet attempt) { return has_majority(view, attempt); });
}

/// No new flows here until the policy allows them again.
bool Node::Impl::stand_down(TimePoint now) {
  if (!is_young()) {
    give_up_membership(now);
    phase = Phase::minority;
    raise(EventKind::island_suspected, self, why_too_few());
    return true;
  }
  if (phase == Phase::minority || (phase == Phase::listen && now < listen_until)) return false;
  become_listening(now);
  phase = Phase::minority;
  return true;
}

/// Each of several hosts that wait beside a view may be one too few for it, and all of them enough:
/// what they would make together, or nobody if that is too few as well.
HostSet Node::Impl::view_together(ViewQuestion question) const {
  if (!is_young()) return {};
  peers.heard().for_each([&](HostId host) {
    const Peer& peer = peers.at(host);
    const bool waits = peer.said.phase == Phase::minority && peer.edge;
    if (waits && peer.claims_known && peer.claims_nothing) {
      question.facts[host.value].admissible = true;
    }
  });
  const HostSet together = choose_view(question, edges);
  return together.contains(self) && may_serve(together) ? together : HostSet{};
}

/// Hosts that wait say which view they hope for. They come forward when all newcomers in it say the
/// same: a host that would not follow must not be proposed to those who serve.
bool Node::Impl::all_hope_for(HostSet view, HostSet base) const {
  bool all = !view.empty();
  view.without(base).for_each([&](HostId host) {
    if (host != self && peers.at(host).said.view != view) all = false;
  });
  return all;
}

void Node::Impl::note_prepared(HostSet view) {
  if (config.partition != PartitionPolicy::majority || !config.voters.empty()) return;
  if (std::find(attempts.begin(), attempts.end(), view) != attempts.end()) return;
  if (attempts.size() == kMaxAttempts) attempts.erase(attempts.begin());
  attempts.push_back(view);
}

bool Node::Impl::lacks_gateway() const {
  return config.partition == PartitionPolicy::gateway && !gateway_answers;
}

void Node::Impl::note_gateway(bool answers) {
  if (answers == gateway_answers) return;
  gateway_answers = answers;
  raise(EventKind::gateway_changed, self, answers ? "it answers" : "it does not answer any more");
}

/// One member that falls silent has died, as far as anybody can tell; several at once rather sit
/// behind a cut, and may be serving there.
void Node::Impl::note_lost(TimePoint now, HostSet lost) {
  if (lost.empty()) return;
  if (now - lost_since > config.timing.silence()) {
    lost_lately = {};
    lost_since = now;
  }
  const int before = lost_lately.size();
  lost_lately = lost_lately.united_with(lost);
  const bool deserted = peers.heard().intersection(committed.members).empty();
  const bool several = before < 2 && lost_lately.size() >= 2;
  if (!several && !(deserted && committed.members.size() >= 3)) return;
  raise(EventKind::island_suspected, self,
        hosts_text(lost_lately) + " fell silent together" +
            (deserted ? ", no other member is heard" : ""));
}

/// A view that has nothing in common with ours serves the same buckets, or did until now.
void Node::Impl::note_islands(const heartbeat::Message& message) {
  const HostSet theirs = message.committed_view;
  if (is_young() || theirs.empty() || theirs.intersects(committed.members)) return;
  if (theirs == island) return;
  island = theirs;
  raise(EventKind::island_suspected, message.host,
        hosts_text(theirs) + " had a view of their own, without " + hosts_text(committed.members));
}

/// Few of them are normal while a bucket moves: its old owner may have answered just before.
void Node::Impl::note_alien_acks(TimePoint now, std::uint64_t total) {
  if (now - alien_since >= config.timing.silence()) {
    alien_since = now;
    alien_acks = total;
    alien_reported = false;
  }
  if (alien_reported || total - alien_acks < kManyAlienAcks) return;
  alien_reported = true;
  raise(EventKind::second_owner_suspected, self,
        std::to_string(total - alien_acks) + " handshakes in own buckets were answered elsewhere");
}

std::string Node::Impl::why_too_few() const {
  HostSet voters = electors();
  for (const HostSet attempt : attempts) {
    if (has_majority(wanted_view, voters)) voters = attempt;
  }
  std::string text = "on the smaller side of a partition: " +
                     std::to_string(wanted_view.intersection(voters).size()) + " of " +
                     std::to_string(voters.size()) + " hosts are here, more than half needed";
  if (voters.size() % 2 == 0) {
    text += ", or half with host " + std::to_string(voters.lowest().value);
  }
  return text;
}

}  // namespace covey::convergence
