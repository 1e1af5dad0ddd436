// SPDX-License-Identifier: BSD-3-Clause
// Requests and replies of coveyd as values: what `covey --json` prints and the HTTP interface
// serves.
//
// Owner: api. Thread: any; plain values. JSON keys are the member names, except that `is_default`
// is "default". Keys are stable and documented in docs/api.md; decode() ignores keys it does not
// know (a newer daemon) and refuses missing ones, wrong types and numbers out of range. Hosts are
// plain numbers here, 0 for nobody (JSON: null where nobody is an answer). Instants are RFC 3339
// text made by the shell, because only people read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/address.h"
#include "base/result.h"

namespace covey::api {

// ---- GET /v1/status ----

struct HostSummary {
  unsigned id = 0;
  std::string name;
  std::string state;        // stopped suspended joining converging converged draining isolated
  bool is_default = false;  // this host gets what no port rule covers
  friend bool operator==(const HostSummary&, const HostSummary&) = default;
};

struct Member {
  unsigned id = 0;
  std::string name;
  std::string state;
  bool is_default = false;
  unsigned weight = 0;
  std::int64_t age_ms = 0;          // since it was last heard; 0 for the host that answers
  bool in_view = false;             // takes part; a host that was only heard lately does not
  std::vector<std::string> drains;  // rules of which it takes no new connections, though it might
  friend bool operator==(const Member&, const Member&) = default;
};

/// A port rule of which this host does not take its whole part.
struct HeldRule {
  std::string rule;
  std::string state;   // as in RuleStatus
  std::string reason;  // operator | health
  unsigned percent = 0;
  friend bool operator==(const HeldRule&, const HeldRule&) = default;
};

struct Status {
  std::string cluster;
  HostSummary host;         // the host that answers
  std::uint32_t epoch = 0;  // generation of the convergence it is at
  bool converged = false;
  std::string since;   // of the host's state
  std::string reason;  // why it is not converged; empty when it is
  std::vector<Member> members;
  std::uint32_t islands = 0;
  std::vector<HeldRule> rules;      // of the host that answers, in order of rules
  std::vector<std::string> health;  // a line for each health check that is not up
  friend bool operator==(const Status&, const Status&) = default;
};

// ---- GET /v1/health ----

struct HealthRow {
  std::string name;
  std::string rule;        // "all", or names with commas; empty: of the whole host
  std::string kind;        // http https tcp exec
  std::string target;      // what is asked: a URL, an end point, a program
  std::string on_fail;     // drain drain_host weight report
  std::string state;       // starting up down drain maint
  std::string since;       // of the state
  unsigned percent = 0;    // what this host takes of its share because of it
  std::string last;        // the last answer, in words; empty: none yet
  bool last_ok = false;    // it was a good one
  double duration_ms = 0;  // it took so long
  std::uint64_t succeeded = 0;
  std::uint64_t failed = 0;
  friend bool operator==(const HealthRow&, const HealthRow&) = default;
};

// ---- GET /v1/rules ----

struct BucketCounts {
  std::uint32_t owned = 0;  // this host takes new flows for
  std::uint32_t dirty = 0;  // of these: another host still serves older flows
  std::uint32_t total = 0;
  friend bool operator==(const BucketCounts&, const BucketCounts&) = default;
};

struct RuleStatus {
  std::string rule;      // its name; the last row is "default": what no rule covers
  std::string state;     // enabled | disabled | draining
  std::string reason;    // why: operator | health | host | configuration; empty: all is as usual
  unsigned percent = 0;  // of its part in the rule this host takes for the time being
  std::string mode;      // multiple | single | disabled | default
  std::string affinity;  // none | single | network; empty where nothing is hashed
  std::string vip;       // an address or "all"
  std::string protocol;  // tcp | udp | both; "all" for the default row
  std::string ports;     // "80,443,8000-8100"; "all" for the default row
  int map_class = -1;    // which bucket map it uses; -1: none (mode disabled)
  unsigned weight = 0;   // this host's share, mode multiple only
  std::uint64_t accepted = 0;
  std::uint64_t dropped = 0;
  std::uint64_t flows = 0;  // connections held under this rule
  BucketCounts buckets;
  friend bool operator==(const RuleStatus&, const RuleStatus&) = default;
};

// ---- GET /v1/explain?QUERY, see to_query() ----

struct ExplainRequest {
  std::uint8_t protocol = 6;  // 6 TCP, 17 UDP
  base::IpAddress source;
  std::uint16_t source_port = 0;
  base::IpAddress destination;
  std::uint16_t destination_port = 0;
  std::uint8_t tcp_flags = 0x02;  // as on the wire: fin 1, syn 2, rst 4, psh 8, ack 16, urg 32
  std::string without = {};  // an id or a name: who would own the bucket if that host were gone
  friend bool operator==(const ExplainRequest&, const ExplainRequest&) = default;
};

struct Absence {
  unsigned host = 0;              // that is thought away
  std::optional<unsigned> owner;  // of the bucket then; nothing: nobody
  std::string reason;             // one sentence
  friend bool operator==(const Absence&, const Absence&) = default;
};

struct ExplainReply;
/// With the sentence. `owner`: who would own the bucket of that reply.
[[nodiscard]] Absence absence_of(unsigned gone, bool is_member, const ExplainReply& reply,
                                 std::optional<unsigned> owner);

struct ExplainReply {
  std::string rule;
  std::string mode;
  std::string affinity;
  std::string hashed;                   // the hashed fields in words
  std::optional<std::uint32_t> bucket;  // nothing where no map is asked
  std::optional<unsigned> owner;        // nothing: no bucket, or unowned for the moment
  std::string verdict;
  std::string reason;              // one sentence
  bool tracked = false;            // belongs to a connection this host holds
  std::optional<Absence> without;  // if it was asked for
  friend bool operator==(const ExplainReply&, const ExplainReply&) = default;
};

// ---- GET /v1/stats ----

struct FrameCount {
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
  friend bool operator==(const FrameCount&, const FrameCount&) = default;
};

struct PortStats {
  bool link_up = false;
  std::uint64_t rx_frames = 0, rx_bytes = 0, rx_missed = 0, rx_errors = 0;
  std::uint64_t tx_frames = 0, tx_bytes = 0, tx_errors = 0;
  friend bool operator==(const PortStats&, const PortStats&) = default;
};

struct WorkerStats {
  double busy_pct = 0;  // of the cycles since start
  double cycles_per_packet = 0;
  double packets_per_poll = 0;  // of the polls that found any, which are `bursts`
  std::uint64_t packets = 0, bursts = 0, loops = 0, busy_cycles = 0, idle_cycles = 0, sleeps = 0;
  friend bool operator==(const WorkerStats&, const WorkerStats&) = default;
};

/// A name and its value, in an order that means something to readers; a JSON object.
template <typename T>
using Named = std::vector<std::pair<std::string, T>>;

struct HeartbeatStats {           // filled in by control
  std::uint64_t sent = 0;         // messages; a large one is several frames
  std::uint64_t send_failed = 0;  // messages that the link did not take whole
  std::uint64_t received = 0;     // whole messages with a good seal
  std::uint64_t fragments = 0;    // good fragments of messages not whole yet
  std::uint64_t lost = 0;         // the data plane's mailboxes were full
  Named<std::uint64_t> refused;   // not_ours bad_version ... malformed replayed limited
  friend bool operator==(const HeartbeatStats&, const HeartbeatStats&) = default;
};

struct ControlStats {                // of the control thread; filled in by control
  std::uint64_t timers = 0;          // that ran
  Named<std::uint64_t> late;         // ... later than wanted by more than: 1ms 10ms 100ms
  std::int64_t worst_us = 0;         // the latest one, microseconds
  std::int64_t worst_lately_us = 0;  // ... of the last minute or two
  friend bool operator==(const ControlStats&, const ControlStats&) = default;
};

struct CommandStats {            // commands between hosts; filled in by control
  std::uint64_t sent = 0;        // frames, answers among them
  std::uint64_t received = 0;    // frames with a good seal
  std::uint64_t obeyed = 0;      // commands of other hosts
  std::uint64_t challenged = 0;  // ... that had to name a challenge first
  std::uint64_t repeated = 0;    // ... that came again and got the same answer
  std::uint64_t replayed = 0;    // ... of the past: nothing done, nothing said
  std::uint64_t limited = 0;     // ... beyond what is answered in a second
  Named<std::uint64_t> refused;  // as of heartbeats
  friend bool operator==(const CommandStats&, const CommandStats&) = default;
};

struct FlowStats {
  std::uint64_t established = 0, half_open = 0, created = 0, expired = 0, evicted = 0,
                untracked = 0;
  std::uint64_t capacity = 0;
  friend bool operator==(const FlowStats&, const FlowStats&) = default;
};

struct Stats {
  Named<FrameCount> verdicts;  // every verdict, in the order of the policy
  Named<PortStats> ports;
  std::vector<WorkerStats> workers;
  ControlStats control;
  HeartbeatStats heartbeats;
  CommandStats commands;
  FlowStats flows;
  friend bool operator==(const Stats&, const Stats&) = default;
};

// ---- GET /v1/flows?QUERY, see to_query() ----

inline constexpr std::uint64_t kMaxFlowRows = 10'000;  // a megabyte or two of JSON

struct FlowsRequest {
  std::uint64_t limit = 100;            // 0..kMaxFlowRows rows; what is not wanted does not count
  std::optional<std::uint32_t> bucket;  // only flows in the bucket of this number, of any rule
  std::string rule;                     // only flows of this one, or of "default"; empty: any
  friend bool operator==(const FlowsRequest&, const FlowsRequest&) = default;
};

struct FlowRow {
  std::string protocol;
  std::string source;  // client, "10.77.0.100:40000" or "[2001:db8::1]:40000"
  std::string destination;
  std::string state;  // half_open | established | lingering
  std::string rule;
  std::optional<std::uint32_t> bucket;  // none for a moment after a change of configuration
  std::int64_t idle_ms = 0;
  friend bool operator==(const FlowRow&, const FlowRow&) = default;
};

// ---- GET /v1/trace?QUERY, see to_query() (UNIX socket only) ----

inline constexpr std::uint64_t kMaxTraced = 10'000;  // packets: a few megabytes of JSON
inline constexpr std::int64_t kMaxTraceMs = 60'000;

struct TraceRequest {
  std::uint64_t count = 10;             // 1..kMaxTraced packets
  std::int64_t timeout_ms = 10'000;     // 1..kMaxTraceMs; then what was seen is the answer
  std::string verdict;                  // only packets with this one; empty: any
  std::optional<base::IpAddress> host;  // only IP packets from or to it
  friend bool operator==(const TraceRequest&, const TraceRequest&) = default;
};

struct TraceRow {
  std::string time;
  std::int64_t after_us = 0;  // since the first packet of the trace
  unsigned worker = 0;
  std::string direction;  // in: from the segment; out: from the local stack
  std::string protocol;   // tcp udp sctp icmp icmpv6 esp ah gre, a number; arp heartbeat other
  std::string source;     // as FlowRow, without a port where there is none; a MAC if it is not IP
  std::string destination;
  std::string flags;  // of TCP: "syn,ack"
  std::uint32_t length = 0;
  std::string fragment;  // first | later; empty: none
  std::optional<unsigned> vlan;
  std::string verdict;
  std::string reason;  // one sentence
  std::string rule;
  std::optional<std::uint32_t> bucket;
  std::optional<unsigned> owner;
  bool tracked = false;
  std::string flow;  // none | half_open | established | lingering, before this packet
  friend bool operator==(const TraceRow&, const TraceRow&) = default;
};

struct TraceReply {
  unsigned host = 0;       // the host that answers
  std::string ended;       // count: all are here | time | superseded: another trace began
  std::uint64_t seen = 0;  // packets decided meanwhile, with those that were not wanted
  std::vector<TraceRow> packets;
  friend bool operator==(const TraceReply&, const TraceReply&) = default;
};

// ---- POST /v1/reload ----

struct ConfigChange {
  std::string path;    // "port_rules[web].affinity"
  std::string before;  // empty: it was not there
  std::string after;   // empty: it is there no more
  bool needs_restart = false;
  std::string text;  // all of it for people, in a line
  friend bool operator==(const ConfigChange&, const ConfigChange&) = default;
};

struct ReloadReply {
  bool ok = false;
  std::string text;  // what was done, or why nothing was
  int code = 0;      // exit status for the command line
  std::vector<ConfigChange> changes;
  std::vector<std::string> mistakes;  // in the file: "FILE:LINE:COLUMN: PATH: problem"
  friend bool operator==(const ReloadReply&, const ReloadReply&) = default;
};

// ---- GET /v1/buckets?rule=NAME (without: every map) ----

struct BucketMap {
  std::string rule;  // whose map; "default" and "spread" for the two without a rule
  int map_class = 0;
  std::vector<unsigned> owners;  // by bucket; 0 while unowned
  friend bool operator==(const BucketMap&, const BucketMap&) = default;
};

struct BucketMaps {
  unsigned host = 0;  // the host that answers
  std::uint32_t epoch = 0;
  std::vector<BucketMap> maps;
  friend bool operator==(const BucketMaps&, const BucketMaps&) = default;
};

// ---- GET /v1/history, /v1/events, /v1/config ----

struct HistoryRow {
  std::uint32_t generation = 0;
  std::string began;
  double duration_ms = 0;
  std::string trigger;
  std::vector<unsigned> members;
  std::uint32_t moved_buckets = 0;
  friend bool operator==(const HistoryRow&, const HistoryRow&) = default;
};

/// With `Accept: text/event-stream`, /v1/events keeps the connection and sends one of these per
/// event.
struct EventRow {
  std::uint64_t id = 0;  // counts up from 1 since the daemon started
  std::string time;
  std::string event;   // stable name: host_joined, converged, ...
  unsigned host = 0;   // whom it is about
  std::string detail;  // in words
  friend bool operator==(const EventRow&, const EventRow&) = default;
};

struct ConfigReply {
  std::string yaml;  // effective configuration, defaults filled in
  friend bool operator==(const ConfigReply&, const ConfigReply&) = default;
};

// ---- POST /v1/command (UNIX socket only) ----

struct CommandRequest {
  std::string verb;             // start stop drainstop suspend resume weight enable disable drain
  std::string target;           // of the last four: the rule's name; of the last three also all
  std::string value;            // weight: "0".."100" or "equal"
  std::int64_t timeout_ms = 0;  // drainstop: stop anyhow after this; 0: no limit
  std::string host;             // an id, a name or "all"; empty: the host that is asked
  friend bool operator==(const CommandRequest&, const CommandRequest&) = default;
};

struct HostAnswer {
  unsigned id = 0;
  std::string name;  // empty if it is not known
  bool ok = false;
  int code = 0;
  std::string text;
  friend bool operator==(const HostAnswer&, const HostAnswer&) = default;
};

struct CommandReply {
  bool ok = false;   // every host obeyed
  std::string text;  // one sentence for people; of several hosts, a line each
  int code = 0;      // exit status for the command line: 0 ok, 1 failed, 2 usage, 5 refused by
                     // state, 6 no answer; of several hosts, the highest
  std::vector<HostAnswer> hosts;  // by id; empty for what is not about hosts
  friend bool operator==(const CommandReply&, const CommandReply&) = default;
};

// ---- GET /v1/keys, POST /v1/keys (UNIX socket only), answered with CommandReply ----

struct HeldKey {
  unsigned id = 0;
  std::string mark;  // 8 hex digits that tell two keys of one number apart; no secret
  friend bool operator==(const HeldKey&, const HeldKey&) = default;
};

struct KeyHolder {
  unsigned host = 0;
  std::string name;
  std::optional<unsigned> seals_with;  // nothing: not heard yet
  std::vector<HeldKey> keys;           // older first; empty: an earlier version, key 0
  friend bool operator==(const KeyHolder&, const KeyHolder&) = default;
};

struct KeyList {
  unsigned host = 0;  // the host that answers
  std::vector<KeyHolder> hosts;
  friend bool operator==(const KeyList&, const KeyList&) = default;
};

struct KeyRequest {
  std::string verb;    // add generate retire
  std::string text;    // add: the contents of a key file
  unsigned id = 0;     // retire
  bool force = false;  // retire: although a host needs it
  friend bool operator==(const KeyRequest&, const KeyRequest&) = default;
};

/// Body of every reply whose HTTP status is not 2xx, but CommandReply's.
struct ErrorReply {
  std::string error;
  friend bool operator==(const ErrorReply&, const ErrorReply&) = default;
};

// ---- text ----

inline constexpr std::size_t kMaxJsonBytes = 64U << 20;  // decode() refuses more: a peer gone mad

/// One line of JSON. For every type above that has a `GET` or is a body, and vectors of RuleStatus,
/// FlowRow, HistoryRow and EventRow (JSON arrays);
/// encode() also takes a plain string.
template <typename T>
[[nodiscard]] std::string encode(const T& value);

/// ErrorCode::corrupt with the offending key: "members[2].age_ms: not a number".
template <typename T>
[[nodiscard]] base::Result<T> decode(std::string_view text);

/// "protocol=tcp&source=10.77.0.100&...", without the question mark.
[[nodiscard]] std::string to_query(const ExplainRequest& request);
/// Strict: unknown, doubled and missing parameters are errors; `flags` (syn) and
/// `without` may be missing.
[[nodiscard]] base::Result<ExplainRequest> explain_request_from_query(std::string_view query);

/// "limit=100&bucket=7...", what is not wanted left out.
[[nodiscard]] std::string to_query(const FlowsRequest& request);
/// Strict: unknown and doubled parameters are errors, numbers out of range too; all may be missing.
[[nodiscard]] base::Result<FlowsRequest> flows_request_from_query(std::string_view query);

/// "count=10&timeout_ms=10000...", what is not wanted left out.
[[nodiscard]] std::string to_query(const TraceRequest& request);
/// Strict: unknown and doubled parameters are errors, numbers out of range too; all may be missing.
[[nodiscard]] base::Result<TraceRequest> trace_request_from_query(std::string_view query);

/// "syn", "syn,ack", "none" <-> flag bits.
[[nodiscard]] std::string tcp_flags_to_text(std::uint8_t flags);
[[nodiscard]] base::Result<std::uint8_t> tcp_flags_from_text(std::string_view text);

/// `name=value&...` with percent escapes resolved; ErrorCode::invalid_argument for a broken escape
/// or a doubled name.
[[nodiscard]] base::Result<std::vector<std::pair<std::string, std::string>>> parse_query(
    std::string_view query);
/// Escapes everything but unreserved characters (RFC 3986).
[[nodiscard]] std::string percent_encode(std::string_view text);

}  // namespace covey::api
