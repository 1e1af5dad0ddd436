// SPDX-License-Identifier: BSD-3-Clause
// Node::Impl: the state of one host's part in the agreement, and its functions by concern.
//
// Owner: convergence, inner header. Thread: the caller's, one at a time.
// node.cc is the table of contents (step, timers); listening.cc takes messages in; agreement.cc
// moves between phases; handover.cc moves buckets and computes the lease; speaking.cc makes
// messages; sleeping.cc is careful after an own stall; partition.cc keeps to the partition policy;
// commands.cc obeys the operator; switching.cc stages another configuration and goes over to it;
// status.cc tells people. Every change of phase goes through a become_* function.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "convergence/cluster_map.h"
#include "convergence/differences.h"
#include "convergence/edges.h"
#include "convergence/evidence.h"
#include "convergence/flaps.h"
#include "convergence/node.h"
#include "convergence/ownership.h"
#include "convergence/peers.h"
#include "convergence/send_log.h"
#include "convergence/view.h"

namespace covey::convergence {

/// Whether this host takes part at all, by the operator's will.
enum class Life : std::uint8_t { running, stopping, stopped, suspended };

using Nonces = std::array<std::uint64_t, base::kMaxHosts + 1>;  // by host id

/// The generation this host proposes, prepared or follows.
struct Proposal {
  std::uint32_t generation = 0;
  base::HostSet view;
  Nonces nonces{};
  Part part;                          // own, constant within a generation
  std::uint64_t claims_digest = 0;    // of the claims frozen for it
  std::uint64_t view_digest = 0;      // 0 until every member's part is known
  ConfigurationPtr target;            // which the generation is for, from prepared on
  std::vector<Statement> statements;  // by host id, in the classes of target
  ClusterMap map;                     // likewise
};

/// The newest generation that all its members had prepared.
struct Commitment {
  std::uint32_t generation = 0;
  base::HostSet members;  // empty: this host is nobody's member now
  Nonces nonces{};
  ConfigurationPtr configuration;  // of the map, also of that of the start before
  std::vector<Statement> statements;
  ClusterMap map;
  Bitmaps mine;       // what the map gives to this host
  Bitmaps inherited;  // from the generation before it: `estate`, if the classes are the same
};

/// Generations that this host prepared for the staged configuration, and with whom.
struct Bond {
  bool holds = false;
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  base::HostSet hosts;
  Nonces nonces{};  // of the newest starts
};

/// Another host that uses our id.
struct Namesake {
  std::uint64_t nonce = 0;
  std::uint32_t sequence = 0;
  std::uint32_t heard = 0;
  base::TimePoint last_heard;
  heartbeat::Phase phase = heartbeat::Phase::listen;
  CommittedView committed;
};

/// What the newest message said, as far as a change of it is worth a message of its own.
struct Utterance {
  heartbeat::Phase phase = heartbeat::Phase::listen;
  std::uint32_t generation = 0;
  std::uint32_t committed_generation = 0;
  base::HostSet view;
  base::HostSet alive;
  std::uint64_t view_digest = 0;
  std::uint64_t map_digest = 0;
  std::uint64_t claims_digest = 0;
  Offer offer;
  bool draining = false;
  friend bool operator==(const Utterance&, const Utterance&) = default;
};

/// Since when a bitmap is news to the others.
struct Freshness {
  std::uint64_t digest = 0;
  std::uint32_t since_sequence = 0;
  base::TimePoint since;
};

struct Node::Impl {
  Impl(NodeConfig settings, base::TimePoint now);

  // node.cc
  void step(base::TimePoint now, const Input& input, Effects& out);
  void take(base::TimePoint now, const Input& input);
  void timer_fired(base::TimePoint now);
  void begin_incarnation(base::TimePoint now);
  void raise(EventKind kind, base::HostId host, std::string detail);
  void emit(Effect effect);
  [[nodiscard]] base::TimePoint next_wakeup() const;
  [[nodiscard]] base::Duration silence() const;
  [[nodiscard]] base::Duration lease_passes() const;
  void check_invariants() const;
  void check_frozen() const;

  [[nodiscard]] std::optional<heartbeat::Message> last_words() const;

  // listening.cc
  void hear(base::TimePoint now, const heartbeat::Message& message);
  void note_farewell(base::TimePoint now, const heartbeat::Message& message);
  void hear_namesake(base::TimePoint now, const heartbeat::Message& message);
  void note_evidence(base::TimePoint now, const heartbeat::Message& message);
  void note_candidate(base::TimePoint now, const heartbeat::Message& message);
  void judge_silence(base::TimePoint now);
  [[nodiscard]] bool is_outside(base::HostId host) const;
  [[nodiscard]] std::string reason_to_refuse(base::TimePoint now) const;
  [[nodiscard]] std::string namesake_objection(base::TimePoint now) const;
  [[nodiscard]] std::string configuration_objection() const;
  void hear_other_configuration(const heartbeat::Message& message, const std::string& who,
                                bool& reported);
  [[nodiscard]] std::string difference_from(base::HostId host) const;
  [[nodiscard]] unsigned own_flaps() const;
  [[nodiscard]] base::TimePoint held_until() const;

  // agreement.cc
  void progress(base::TimePoint now);
  bool advance(base::TimePoint now);
  [[nodiscard]] std::vector<CommittedView> views_of_others() const;
  [[nodiscard]] CommittedView senior() const;
  [[nodiscard]] ViewQuestion view_question(base::TimePoint now) const;
  [[nodiscard]] HostFacts facts_of(base::HostId host, const CommittedView& base) const;
  [[nodiscard]] HostFacts own_facts(base::TimePoint now, const CommittedView& base) const;
  [[nodiscard]] bool may_join(base::TimePoint now, const CommittedView& base) const;
  [[nodiscard]] bool may_be_alone(base::TimePoint now) const;
  [[nodiscard]] bool is_invited() const;
  [[nodiscard]] bool must_propose(base::HostSet wanted) const;
  [[nodiscard]] std::uint32_t next_generation() const;
  [[nodiscard]] std::uint32_t generation_to_adopt() const;
  [[nodiscard]] Nonces nonces_of(base::HostSet hosts) const;
  [[nodiscard]] bool all_parts_known() const;
  [[nodiscard]] bool all_prepared() const;
  [[nodiscard]] std::uint64_t digest_of_view() const;
  bool step_aside(base::TimePoint now);
  void become_listening(base::TimePoint now);
  void become_proposing(base::TimePoint now, std::uint32_t generation, base::HostSet wanted);
  bool become_prepared();
  void become_stable(base::TimePoint now);
  void become_evicted(base::TimePoint now);
  void become_refused(base::TimePoint now, std::string reason);
  void give_up_membership(base::TimePoint now);
  [[nodiscard]] std::string trigger_of(base::HostSet wanted) const;

  // handover.cc
  void settle(base::TimePoint now);
  [[nodiscard]] Bitmaps own_target(base::TimePoint now);
  [[nodiscard]] base::TimePoint namesake_until() const;
  [[nodiscard]] base::TimePoint forgotten_until() const;
  void install(base::TimePoint now, Bitmaps own);
  void map_installed(base::TimePoint now, const MapInstalled& input);
  [[nodiscard]] bucket::Bitmap dirty() const;
  [[nodiscard]] bool may_come_back(const Peer& peer) const;
  [[nodiscard]] Bitmaps nothing() const;
  void take_residual(const bucket::Bitmap& counted);
  [[nodiscard]] bool is_seen_committed(base::HostId host) const;
  [[nodiscard]] bool others_have_released() const;
  [[nodiscard]] bucket::Bitmap retained(const bucket::Bitmap& others) const;
  [[nodiscard]] Bitmaps taken_by(base::HostId host) const;
  void note_estate(const Bitmaps& taken);
  void note_given_away(base::TimePoint now, const Bitmaps& own);
  [[nodiscard]] bucket::BucketTable build_table(const Bitmaps& own) const;
  [[nodiscard]] std::vector<base::ClassIndex> closed_classes() const;
  void publish_lease(base::TimePoint now);
  [[nodiscard]] base::TimePoint lease(base::TimePoint now) const;

  // partition.cc
  [[nodiscard]] bool may_serve(base::HostSet view) const;
  [[nodiscard]] base::HostSet electors() const;
  [[nodiscard]] base::HostSet view_together(ViewQuestion question) const;
  [[nodiscard]] bool all_hope_for(base::HostSet view, base::HostSet base) const;
  bool stand_down(base::TimePoint now);
  void note_prepared(base::HostSet view);
  void note_gateway(bool answers);
  void note_lost(base::TimePoint now, base::HostSet lost);
  void note_islands(const heartbeat::Message& message);
  void note_alien_acks(base::TimePoint now, std::uint64_t total);
  [[nodiscard]] std::string why_too_few() const;
  [[nodiscard]] bool lacks_gateway() const;
  [[nodiscard]] bool takes_no_flows() const { return draining || lacks_gateway(); }

  // sleeping.cc
  void doubt_itself_if_late(base::TimePoint now);
  std::optional<bool> advance_asleep(base::TimePoint now, base::HostSet wanted);
  [[nodiscard]] base::HostSet mates() const;
  [[nodiscard]] bool sleeps_apart(base::HostId host) const;
  [[nodiscard]] bool is_contested() const;
  [[nodiscard]] bool is_witnessed() const;
  [[nodiscard]] bool is_undecided(base::TimePoint now) const;

  // speaking.cc
  void speak(base::TimePoint now);
  void send(base::TimePoint now);
  [[nodiscard]] heartbeat::Message compose(base::TimePoint now);
  void add_acknowledgements(base::TimePoint now, heartbeat::Message& message) const;
  void add_bitmaps(base::TimePoint now, heartbeat::Message& message);
  void add_flap_counts(base::TimePoint now, heartbeat::Message& message) const;
  void add_excerpt(base::TimePoint now, heartbeat::Message& message);
  void add_part(heartbeat::Message& message) const;
  [[nodiscard]] Utterance utterance() const;
  [[nodiscard]] base::HostSet spoken_view() const;
  [[nodiscard]] const Bitmaps& spoken_claims() const;
  [[nodiscard]] std::uint64_t spoken_claims_digest() const;
  [[nodiscard]] bool is_news(Freshness& freshness, std::uint64_t digest, std::uint32_t sequence,
                             base::TimePoint now) const;
  [[nodiscard]] base::Duration next_interval() const;

  // commands.cc
  void obey(base::TimePoint now, const OperatorCommand& command);
  void set_weight(const OperatorCommand& command);
  void hold_back(const OperatorCommand& command);
  [[nodiscard]] std::vector<ClassConfig*> parts_of(base::ClassIndex map_class);
  void restate();
  void start(base::TimePoint now);
  void stop(base::TimePoint now, Life afterwards);
  void finish_stopping(base::TimePoint now);
  void take_census(base::TimePoint now, const FlowCensus& census);
  void finish_drain_if_due(base::TimePoint now);

  // switching.cc
  void stage(base::TimePoint now, const ConfigurationPtr& wanted);
  void withdraw(base::TimePoint now);
  void begin_switching(base::TimePoint now);
  void finish_switching(base::TimePoint now);
  void bind();
  [[nodiscard]] bool nobody_committed() const;
  void unbind(base::TimePoint now);
  void note_shapes(base::TimePoint now);
  [[nodiscard]] Offer offer() const;
  [[nodiscard]] Part own_part() const;
  [[nodiscard]] static Part part_of(const Peer& peer);
  [[nodiscard]] bool part_is_stale() const;
  [[nodiscard]] std::optional<std::uint64_t> common_target(base::HostSet hosts,
                                                           const Offer& own) const;
  [[nodiscard]] std::vector<heartbeat::ClassStatement> wants(base::HostId host,
                                                             std::uint64_t digest) const;
  [[nodiscard]] const Shape& next_shape() const { return switching ? staged_shape : shape; }
  [[nodiscard]] const std::vector<ClassConfig>& next_parts() const {
    return switching ? staged_parts : class_parts;
  }
  [[nodiscard]] std::string what_staging_waits_for() const;
  [[nodiscard]] std::string staged_elsewhere() const;

  // status.cc
  [[nodiscard]] Status status(base::TimePoint now) const;
  [[nodiscard]] HostState state() const;
  [[nodiscard]] bool is_settled() const;
  [[nodiscard]] bool is_deserted() const;
  [[nodiscard]] std::string reason() const;
  [[nodiscard]] std::string refused_peers() const;
  [[nodiscard]] std::vector<MemberStatus> member_list(base::TimePoint now) const;
  [[nodiscard]] std::vector<base::ClassIndex> withdrawn(base::HostId host) const;
  void note_state(base::TimePoint now);

  [[nodiscard]] bool is_young() const { return committed.members.empty(); }

  NodeConfig config;
  base::HostId self;
  ConfigurationPtr current;  // of the table that the workers follow, and of all own claims
  Shape shape;               // of current
  std::vector<ClassConfig> class_parts;  // of current, as commands have left them
  std::vector<heartbeat::ClassStatement>
      stated;                             // by class_parts: what this host wants to contribute now
  ConfigurationPtr staged;                // null: none
  Shape staged_shape;                     // likewise
  std::vector<ClassConfig> staged_parts;  // of staged
  std::vector<heartbeat::StagedClass> staged_stated;  // by staged_parts
  Bond bond;                    // others may have committed to staged since this host prepared that
  bool switching = false;       // committed to staged; the workers follow current for the moment
  ConfigurationPtr stage_next;  // wanted meanwhile
  ConfigurationPtr installed;   // of the newest table
  bool draining = false;

  Life life = Life::running;
  Life after_stopping = Life::stopped;    // running: told to start while it stops
  std::vector<std::uint64_t> own_nonces;  // all starts of this object
  SendLog sent;
  PeerTable peers;
  EdgeMatrix edges;
  Evidence evidence;
  Namesake namesake;
  FlapLog flaps;                                    // of the others
  std::map<base::HostId, Differences> differences;  // by host with another configuration
  std::uint32_t excerpt_next = 0;

  heartbeat::Phase phase = heartbeat::Phase::listen;
  std::string refusal;
  Proposal proposal;
  Commitment committed;
  base::HostSet last_members;           // of the newest view this start committed
  std::vector<base::HostSet> attempts;  // views prepared since: others may have committed them
  base::HostSet former_view;            // that this start gave up last; its hosts ...
  base::TimePoint former_until;         // ... may be serving until then
  base::HostSet wanted_view;            // what the partition policy was asked about last
  base::HostSet hoped_view;             // with others that are too few alone
  base::HostSet island;                 // another view, reported
  base::HostSet lost_lately;            // members that fell silent within D of one another
  base::TimePoint lost_since;
  bool gateway_answers = false;
  std::uint64_t alien_acks = 0;  // at the beginning of the span in which they are counted
  base::TimePoint alien_since;
  bool alien_reported = false;  // in this span

  Ownership ownership;
  Bitmaps estate;           // of members of the committed generation that left; or empty
  HandOverStep hand_over;   // what is still open, for status and deadlines
  bucket::Bitmap residual;  // own
  bool comes_back = false;  // when it has stopped
  base::TimePoint absent_until = base::TimePoint::never();  // when the last that left is given up
  bool dirty_news = false;            // somebody's residual buckets may have changed since
  bucket::Bitmap installed_dirty;     // in the newest table
  bucket::Bitmap installed_retained;  // likewise
  std::uint32_t installed_generation = 0;
  bool installed_serving = false;
  std::vector<base::ClassIndex> installed_closed;
  bool installed_moves = false;       // it changed which buckets are own
  Bitmaps given_away;                 // lately; the workers send on what begins a flow there ...
  base::TimePoint hands_on_until;     // ... until then
  base::TimePoint table_refresh_due;  // not before: a table only for changed dirty bits
  base::TimePoint orphans_until;      // hosts outside the view may be serving until then

  base::TimePoint last_now;
  base::TimePoint tick_due;
  base::TimePoint last_sent;
  base::TimePoint send_due;
  base::TimePoint listen_until;
  base::TimePoint outside_since;  // a start, or the loss of the last view
  base::TimePoint alone_after;    // no view of this host alone before
  base::TimePoint unknown_until;  // hosts never heard by this start may be serving until then
  bool lapsed = false;            // the lease ran out during an own stall ...
  base::TimePoint doubted_at;     // end of the newest own stall
  base::TimePoint lapsed_until;   // ... and is not renewed before, unless a member hears us
  base::TimePoint drain_deadline;
  base::TimePoint well_after;  // end of the effect of the newest self-doubt
  std::uint8_t health = 0;
  base::TimePoint lease_until;
  Utterance spoken;
  Freshness claims_freshness;
  Freshness residual_freshness;

  HostState noted_state = HostState::stopped;
  base::TimePoint state_since;
  bool converging = false;
  Convergence record;  // of the convergence under way
  std::vector<Convergence> history;
  Effects* out = nullptr;  // during step() only
};

}  // namespace covey::convergence
