// SPDX-License-Identifier: BSD-3-Clause
// Node, commands: start, stop, drainstop, suspend, resume, set_weight.
//
// A command that does not fit the state (start while running, set_weight of an elected class) does
// nothing; the shell looks at status() first and tells the operator. Stopping is: no bucket for the
// workers, then, once they follow that table, LEAVE three times, then Stopped. Draining is an
// ordinary generation in which this host counts for nothing, and a stop when its last flow ends; a
// host that drains while nobody can take over leaves its buckets unowned: new connections are
// refused, as in NLB, and old ones go on.
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
      if (life == Life::stopped) start(now);
      if (life == Life::running && draining) draining = false;
      break;
    case Verb::stop:
      if (life == Life::running) stop(now, Life::stopped);
      comes_back = command.comes_back;
      break;
    case Verb::suspend:
      if (life == Life::running) stop(now, Life::suspended);
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
    case Verb::set_weight: {
      const std::size_t c = command.map_class.value;
      if (installed != current) {  // it is meant for the classes of the newest table
        if (c < staged_stated.size()) staged_stated[c].weight = command.weight;
        break;
      }
      if (c >= stated.size() || shape.class_buckets[c] == 1) break;
      if (stated[c].weight == command.weight) break;
      stated[c].weight = command.weight;
      for (heartbeat::StagedClass& staged_class : staged_stated) {
        if (staged_class.from == c) staged_class.weight = command.weight;
      }
      raise(EventKind::weight_changed, self,
            "class " + std::to_string(c) + ": " + std::to_string(command.weight));
      break;
    }
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
