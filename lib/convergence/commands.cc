// SPDX-License-Identifier: BSD-3-Clause
// Node, commands: start, stop, drainstop, suspend, resume, set_weight, hold_back.
//
// A command that does not fit the state (start while running, set_weight of an elected class) does
// nothing; the shell looks at status() first and tells the operator. A class that is held back is
// one in which this host counts for less, or for nothing: as draining, but of this class alone.
// Stopping is: no bucket for the workers, then, once they follow that table, LEAVE three times,
// then Stopped; whoever is told to start meanwhile does so then. Draining is an ordinary generation
// in which this host counts for nothing, and a stop when its last flow ends; a host that drains
// while nobody can take over leaves its buckets unowned: new connections are refused, as in NLB,
// and old ones go on.
#include <algorithm>
#include <string>
#include <utility>

#include "bucket/siphash.h"
#include "convergence/digest.h"
#include "convergence/state.h"

namespace covey::convergence {

using base::TimePoint;
using bucket::Bitmap;
using heartbeat::Phase;

namespace {

constexpr int kLeaveMessages = 3;  // nobody acknowledges them

}  // namespace

void Node::Impl::obey(TimePoint now, const OperatorCommand& command) {
  switch (command.verb) {
    case Verb::start:
      if (life == Life::stopping && after_stopping == Life::stopped) after_stopping = Life::running;
      if (life == Life::stopped) start(now);
      if (life == Life::running && draining) draining = false;
      break;
    case Verb::stop:
      if (life == Life::running) stop(now, Life::stopped);
      if (life == Life::stopping && after_stopping == Life::running) after_stopping = Life::stopped;
      comes_back = command.comes_back;
      break;
    case Verb::suspend:
      if (life == Life::running) stop(now, Life::suspended);
      if (life == Life::stopping) after_stopping = Life::suspended;
      if (life == Life::stopped) life = Life::suspended;
      break;
    case Verb::resume:  // allows `start` again, no more
      if (life == Life::suspended) life = Life::stopped;
      break;
    case Verb::drainstop:
      if (life != Life::running || draining) break;
      draining = true;
      drain_deadline = command.drain_timeout > base::Duration::zero() ? now + command.drain_timeout
                                                                      : TimePoint::never();
      raise(EventKind::drain_started, self, "no new flows; leaves when the last one ends");
      break;
    case Verb::set_weight:
      set_weight(command);
      break;
    case Verb::hold_back:
      hold_back(command);
      break;
  }
}

void Node::Impl::set_weight(const OperatorCommand& command) {
  const std::vector<ClassConfig*> meant = parts_of(command.map_class);
  if (meant.empty() || meant.front()->buckets == 1) return;
  if (meant.front()->weight == command.weight) return;
  for (ClassConfig* part : meant)
    part->weight = command.weight;
  restate();
  raise(EventKind::weight_changed, self,
        "class " + std::to_string(command.map_class.value) + ": " + std::to_string(command.weight));
}

/// The shell knows the names of rules, and why: it tells people.
void Node::Impl::hold_back(const OperatorCommand& command) {
  for (ClassConfig* part : parts_of(command.map_class)) {
    part->percent = command.closed ? std::uint8_t{0} : std::min(command.percent, kWholePart);
    part->closed = command.closed;
    part->last_resort = command.last_resort && !command.closed;
  }
  restate();
}

/// Of a class of the newest table, for which commands are meant; then of the same class in what is
/// staged. Empty if there is no such class.
std::vector<ClassConfig*> Node::Impl::parts_of(base::ClassIndex map_class) {
  const std::size_t c = map_class.value;
  std::vector<ClassConfig*> meant;
  if (installed != current) {
    if (c < staged_parts.size()) meant.push_back(&staged_parts[c]);
    return meant;
  }
  if (c < class_parts.size()) meant.push_back(&class_parts[c]);
  for (std::size_t s = 0; s < staged_parts.size(); ++s) {
    if (staged_stated[s].from == c) meant.push_back(&staged_parts[s]);
  }
  return meant;
}

void Node::Impl::restate() {
  stated = statements_of(class_parts);
  for (std::size_t s = 0; s < staged_parts.size(); ++s) {
    const heartbeat::ClassStatement statement = statement_of(staged_parts[s]);
    staged_stated[s].weight = statement.weight;
    staged_stated[s].priority = statement.priority;
  }
}

/// Chance enters only with the first nonce: each further start derives its own from it.
void Node::Impl::start(TimePoint now) {
  const bucket::SipKey key{.k0 = own_nonces.front(), .k1 = self.value};
  own_nonces.push_back(bucket::siphash13_short(key, own_nonces.size(), 4));
  begin_incarnation(now);
}

void Node::Impl::stop(TimePoint now, Life afterwards) {
  if (draining) raise(EventKind::drain_finished, self, "stopping");
  give_up_membership(now);
  phase = Phase::evicted;
  life = Life::stopping;
  after_stopping = afterwards;
}

/// Leaves once no worker accepts anything any more. Its last word tells of all connections it has,
/// if they are to go on.
void Node::Impl::finish_stopping(TimePoint now) {
  const bool workers_stopped = !installed_serving && !ownership.under_way();
  if (life != Life::stopping || !workers_stopped || switching) return;
  if (!comes_back) residual = Bitmap(shape.residual_buckets);
  phase = Phase::leave;
  for (int i = 0; i < kLeaveMessages; ++i)
    send(now);
  life = after_stopping;
  draining = false;
  emit(Stopped{});
  if (life == Life::running) start(now);
}

void Node::Impl::take_census(TimePoint now, const FlowCensus& census) {
  take_residual(census.residual);
  note_alien_acks(now, census.alien_acks);
  const bool drained = draining && life == Life::running && census.flows == 0 &&
                       all_none(ownership.claims()) && !ownership.under_way() &&
                       proposal.part.draining && phase == Phase::stable;
  if (drained) stop(now, Life::stopped);
}

void Node::Impl::finish_drain_if_due(TimePoint now) {
  if (!draining || life != Life::running || now < drain_deadline) return;
  stop(now, Life::stopped);
  settle(now);
}

}  // namespace covey::convergence
