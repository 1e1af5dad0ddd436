// SPDX-License-Identifier: BSD-3-Clause
// Node: one host's part in the agreement on who is alive and who owns which bucket.
//
// Owner: convergence. Thread: whoever calls it, one at a time (the control thread; the simulator).
// Sans-IO: no clock, thread, socket or chance inside. step() takes the time and one input and
// returns effects; the same state and the same input give the same effects on every host. The shell
// owns one timer, armed from next_wakeup(); what else it must keep to stands above class Node.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/ids.h"
#include "base/setting.h"
#include "base/time.h"
#include "bucket/bitmap.h"
#include "bucket/bucket_table.h"
#include "bucket/siphash.h"
#include "convergence/settings.h"
#include "convergence/staging.h"
#include "heartbeat/message.h"

namespace covey::convergence {

struct NodeConfig {
  base::HostId self;
  std::string host_name;
  std::uint64_t cluster_id = 0;
  std::uint64_t nonce = 0;          // random per start
  std::uint64_t config_digest = 0;  // must be equal on all hosts; of these, and more than that
  base::Settings shared_settings;   // told to hosts whose digest differs
  Timing timing;
  PartitionPolicy partition = PartitionPolicy::serve;
  base::HostSet voters;        // majority: of these hosts; empty: of the members of the last view
  base::Duration hold_down{};  // first span that a host must stay out that vanishes often; 0: none
  bucket::SipKey map_key;      // the same on all hosts
  std::vector<ClassConfig> classes;
  bool start_stopped = false;  // initial_state stopped or suspended
  bool start_suspended = false;
};

// ---- inputs

struct HeartbeatReceived {
  heartbeat::Message message;
};
/// The data plane follows the table of this install now; residual was read after the old one was
/// gone.
struct MapInstalled {
  std::uint32_t install_id = 0;
  bucket::Bitmap residual;
};
/// Regular news from the flow caches.
struct FlowCensus {
  bucket::Bitmap residual;  // buckets not owned in some class where this host still serves flows
  std::uint64_t flows = 0;  // connections held now; 0 ends a drain
  std::uint64_t alien_acks = 0;  // handshakes in own buckets that another host answered, in all
};
enum class Verb : std::uint8_t { start, stop, drainstop, suspend, resume, set_weight, hold_back };
struct OperatorCommand {
  Verb verb = Verb::start;
  base::ClassIndex map_class;      // set_weight and hold_back only
  std::uint16_t weight = 0;        // set_weight only
  base::Duration drain_timeout{};  // drainstop only; 0: no limit
  bool comes_back = false;  // stop only: the connections it has go on when it is started again
  std::uint8_t percent = kWholePart;  // hold_back only: see ClassConfig; more than 100 is 100
  bool closed = false;                // hold_back only: likewise; then the per cent are 0
  bool last_resort = false;           // hold_back only: likewise
};
struct LinkChanged {
  bool up = true;
};
struct TimerFired {};
/// The configured gateway answers, or has stopped to. Until the first news it does not.
struct GatewayChanged {
  bool answers = false;
};

/// Another configuration for the cluster, to be followed as soon as all members have staged it;
/// never this host's own timing, policy or key. The present one withdraws what was staged; its
/// weights and priorities count from now on. How far a class is held back counts only where it is
/// not one of the present classes: those stay as commands left them.
struct StageConfiguration {
  Configuration configuration;
};

using Input = std::variant<HeartbeatReceived, MapInstalled, FlowCensus, OperatorCommand,
                           LinkChanged, TimerFired, GatewayChanged, StageConfiguration>;

// ---- effects

struct SendHeartbeat {
  heartbeat::Message message;
};
struct InstallMap {
  std::uint32_t install_id = 0;
  std::uint64_t config_digest = 0;  // whose classes the table has
  bucket::BucketTable table;
};
/// Workers accept new flows until then; never later than what peers will wait for.
struct PublishLease {
  base::TimePoint valid_until;
};
enum class EventKind : std::uint8_t {
  host_joined,    // a member entered the view
  host_left,      // left on purpose
  host_lost,      // fell silent
  converging,     // a new generation was proposed
  converged,      // ... and committed
  state_changed,  // this host's own state
  weight_changed,
  drain_started,
  drain_finished,
  host_refused,  // duplicate id or different configuration, peer or self
  island_suspected,
  second_owner_suspected,  // clients acknowledge what another host answered in our buckets
  self_doubt,              // this host's own timer was late
  gateway_changed,         // it answers, or does not any more
  configuration_staged,    // ... or withdrawn again
  configuration_switched,  // this host's workers follow another one
};
[[nodiscard]] std::string_view name(EventKind kind);
struct Event {
  EventKind kind = EventKind::state_changed;
  base::HostId host;   // whom it is about
  std::string detail;  // in words
};
struct RaiseEvent {
  Event event;
};
/// The host has left the cluster after stop or drainstop, its leave messages are in the list before
/// this.
struct Stopped {};

using Effect = std::variant<SendHeartbeat, InstallMap, PublishLease, RaiseEvent, Stopped>;
using Effects = std::vector<Effect>;
inline constexpr std::size_t kMaxEffectsPerStep = 256;  // asserted: a step that wants more is a bug

// ---- status, for people and programs

enum class HostState : std::uint8_t {
  stopped,
  suspended,
  joining,
  converging,
  converged,
  draining,
  isolated
};
[[nodiscard]] std::string_view name(HostState state);

struct MemberStatus {
  base::HostId host;
  std::string name;
  HostState state = HostState::joining;
  bool is_default = false;
  std::uint16_t weight = 0;  // in the first rule class (else the spread class)
  base::Duration age{};      // since last heard; zero for this host
  bool in_view = false;
  std::uint64_t nonce = 0;
  std::vector<heartbeat::HeldKey> keys;     // as it said last; empty for this host
  std::vector<base::ClassIndex> withdrawn;  // classes of configuration() of which it takes nothing
};

struct Convergence {  // one line of history
  std::uint32_t generation = 0;
  base::TimePoint began;
  base::TimePoint ended;
  std::string trigger;  // "host 3 lost", "weight of host 1 changed", ...
  base::HostSet members;
  std::uint32_t moved_buckets = 0;  // whose owner changed, all classes
};
inline constexpr std::size_t kHistoryLength = 64;

struct Status {
  HostState state = HostState::joining;
  std::uint32_t generation = 0;
  bool converged = false;
  base::TimePoint since;  // of `state`
  std::string reason;     // why it is not converged, or who is kept out; else empty
  base::HostId default_host;
  std::vector<MemberStatus> members;  // ascending id, every host heard lately and self
  base::TimePoint lease_until;
  std::uint32_t islands = 0;  // other views heard at the same time
  std::string staging;        // what a staged configuration waits for, in words; empty: none
};

/// Contract for shells:
///   - effects are carried out in list order;
///   - all heartbeats already received are stepped BEFORE TimerFired: it alone judges silence;
///   - InstallMap: publish the table, wait until no worker uses the old one, THEN read the residual
///     buckets and step MapInstalled with the same install_id. One table is under way at a time. A
///     host tells its peers that it released a bucket only after that.
///   - what a host claims in heartbeats is always a superset of what its workers accept.
///   - a stopped or suspended node emits nothing and wants no timer, not even a first table.
class Node {
 public:
  explicit Node(NodeConfig config, base::TimePoint now);
  ~Node();
  Node(const Node&) = delete;
  Node& operator=(const Node&) = delete;

  /// Takes one input; appends to `out`.
  void step(base::TimePoint now, const Input& input, Effects& out);
  /// When TimerFired is wanted next; never earlier than the last `now` passed in.
  [[nodiscard]] base::TimePoint next_wakeup() const;

  [[nodiscard]] Status status(base::TimePoint now) const;
  [[nodiscard]] const std::vector<Convergence>& history() const;  // oldest first
  /// The configuration of the newest table; the classes below are those of it.
  [[nodiscard]] const Configuration& configuration() const;
  /// Owner of each bucket of a class by the committed map; kNobody before the first.
  [[nodiscard]] std::vector<base::HostId> owners(base::ClassIndex map_class) const;
  /// Likewise, if a host fell away now and all others stayed as they are. That of a host which is
  /// no member changes nothing.
  [[nodiscard]] std::vector<base::HostId> owners_without(base::HostId gone,
                                                         base::ClassIndex map_class) const;
  [[nodiscard]] bool is_member(base::HostId host) const;
  /// Buckets this host claims (accepts new flows for) in a class now.
  [[nodiscard]] bucket::Bitmap claims(base::ClassIndex map_class) const;
  /// Of the committed map, and the configuration it is for.
  [[nodiscard]] std::uint64_t map_digest() const;
  [[nodiscard]] const Configuration& committed_configuration() const;
  /// This host's part in it, as commands have left it.
  [[nodiscard]] const ClassConfig& part(base::ClassIndex map_class) const;

  /// Which start of the host this node deals with; 0: of none.
  [[nodiscard]] std::uint64_t incarnation_of(base::HostId host) const;
  /// What another process may say for this host should this one die: LEAVE, newer than whatever it
  /// has said. Nothing while it takes no part.
  [[nodiscard]] std::optional<heartbeat::Message> last_words() const;

  /// Asserts what must hold inside one node after every step; the simulator checks across nodes.
  void check_invariants() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace covey::convergence
