// SPDX-License-Identifier: BSD-3-Clause
#include "model_cluster.h"

#include <algorithm>

namespace covey::test {

namespace {

using forwarding::Decision;
using forwarding::Verdict;
using packet::TcpFlags;

/// The world's, and one for datagrams that are answered.
std::vector<forwarding::PortRule> first_rules() {
  std::vector<forwarding::PortRule> rules = world_rules();
  forwarding::PortRule talk;
  talk.name = "talk";
  talk.protocol = forwarding::RuleProtocol::udp;
  talk.ports = {{7000, 7100}};
  rules.push_back(talk);
  return rules;
}

/// The first ones, but for: web by client instead of connection, app gone; port 8080, free before,
/// is blocked.
std::vector<forwarding::PortRule> second_rules() {
  std::vector<forwarding::PortRule> rules = first_rules();
  rules[0].hash.affinity = bucket::Affinity::single;
  rules[3].ports.push_back({8080, 8080});
  rules.erase(rules.begin() + 1);
  return rules;
}

forwarding::Settings settings(std::vector<forwarding::PortRule> rules, std::uint32_t buckets) {
  return World().rules(std::move(rules)).bucket_count(buckets).udp_track().settings();
}

flow::Segment seen_by_cache(const TcpSegment& segment) {
  return {segment.flags, segment.sequence, segment.acknowledgement, segment.length != 0};
}

}  // namespace

ModelCluster::ModelCluster(std::uint64_t seed)
    : random_(seed), settings_{settings(first_rules(), 64), settings(second_rules(), 128)} {
  hosts_.reserve(kHosts);
  for (std::uint8_t number = 1; number <= kHosts; ++number)
    hosts_.emplace_back(number, settings_[0], random_());
  for (unsigned i = 0; i < kClients; ++i)
    clients_.push_back(make_peer(i, true));
  for (unsigned i = 0; i < kStrangers; ++i)
    strangers_.push_back(make_peer(kClients + i, false));
  buckets_.begin();
}

ModelCluster::Peer ModelCluster::make_peer(unsigned number, bool keeps_to_tcp) {
  constexpr std::array<std::uint16_t, 5> kPorts = {80, 443, 8000, 5432, 9999};
  constexpr std::array<std::uint16_t, 4> kStrangePorts = {80, 23, 8080, 8001};
  const bool ipv6 = number % 4 == 3;
  Peer peer;
  peer.address = (ipv6 ? "2001:db8:77::1:" : "10.77.1.") + std::to_string(number % 250 + 1);
  peer.virtual_ip = ipv6 ? kVip6 : kVip;
  peer.port = static_cast<std::uint16_t>(40'000 + number);
  peer.server_port =
      keeps_to_tcp ? kPorts[number % kPorts.size()] : kStrangePorts[number % kStrangePorts.size()];
  peer.keeps_to_tcp = keeps_to_tcp;
  peer.key.family = ipv6 ? base::Family::ipv6 : base::Family::ipv4;
  peer.key.protocol = packet::kProtocolTcp;
  peer.key.source = test::ip(peer.address).bytes;
  peer.key.destination = test::ip(peer.virtual_ip).bytes;
  peer.key.source_port = peer.port;
  peer.key.destination_port = peer.server_port;
  return peer;
}

Frame ModelCluster::from_client(const Peer& peer, const TcpSegment& segment) const {
  return FrameBuilder()
      .ip(peer.address, peer.virtual_ip)
      .tcp(peer.port, peer.server_port, segment.flags)
      .numbers(segment.sequence, segment.acknowledgement)
      .payload(segment.length);
}

Frame ModelCluster::from_host(const Peer& peer, const TcpSegment& segment) const {
  return FrameBuilder()
      .from(kStackMac)
      .to(kClientMac)
      .ip(peer.virtual_ip, peer.address)
      .tcp(peer.server_port, peer.port, segment.flags)
      .numbers(segment.sequence, segment.acknowledgement)
      .payload(segment.length);
}

TcpSegment ModelCluster::random_segment() {
  constexpr std::array<std::uint8_t, 8> kUsual = {TcpFlags::kAck, TcpFlags::kAck, TcpFlags::kSyn,
                                                  kSynAck,        kFinAck,        TcpFlags::kRst,
                                                  kRstAck,        TcpFlags::kAck};
  const bool usual = !chance(8);
  // Numbers from a small range, so that they often are the right ones; some far ahead.
  const auto number = [this] {
    return static_cast<std::uint32_t>(random_() % 6 + (chance(8) ? 100'000 : 0));
  };
  const auto flags =
      usual ? kUsual[random_() % kUsual.size()] : static_cast<std::uint8_t>(random_());
  const std::uint32_t sequence = number();
  return {flags, sequence, number(), static_cast<std::uint32_t>(random_() % 3)};
}

void ModelCluster::step() {
  // Whole ticks, so that the coarse clock of the cache is exact. Mostly next to nothing; at times
  // some seconds, so that handshakes and lingering ends run out of time.
  const std::uint64_t roll = random_() % 3000;
  const std::uint64_t most = roll == 0 ? 7'000 : roll < 10 ? 1'000 : 2;
  now_ = now_ + flow::kTick * static_cast<std::int64_t>(random_() % most);
  if (chance(100)) {
    for (ModelHost& host : hosts_)
      host.expire(now_);
  }
  change();
  pass_on();
  answer_late();
  datagrams_.pass_on(now_);
  Peer& client = clients_[random_() % kClients];
  Peer& stranger = strangers_[random_() % kStrangers];
  const std::uint64_t who = random_() % 24;
  if (who < 8) {
    client_moves(client);
  } else if (who < 10) {
    server_speaks(client);
  } else if (who < 14) {
    stranger_moves(stranger);
  } else if (who == 14) {
    error_about(chance(2) ? client : stranger);
  } else if (who == 15) {
    datagrams_.error_arrives(now_);
  } else if (who == 16) {
    datagrams_.service_catches_up(now_);
  } else {
    datagrams_.client_speaks(now_);
  }
}

// ---- On the segment

void ModelCluster::client_moves(Peer& peer) {
  broadcast(peer, peer.client.move(random_), 0);
}

void ModelCluster::server_speaks(Peer& peer) {
  const std::size_t from = random_() % kHosts;
  const auto segment = hosts_[from].stack.speak(peer.key);
  if (segment) send(from, peer, *segment, 0);
}

void ModelCluster::stranger_moves(Peer& peer) {
  if (chance(2)) {
    broadcast(peer, random_segment(), kLongestTalk);
  } else {
    send(random_() % kHosts, peer, random_segment(), kLongestTalk);
  }
}

void ModelCluster::error_about(const Peer& peer) {
  const bool ipv6 = peer.key.family == base::Family::ipv6;
  const Frame frame =
      unreachable(ipv6 ? "2001:db8:9::9" : "10.99.0.9", from_host(peer, {TcpFlags::kAck, 1, 1, 0}));
  const packet::FrameView view = packet::parse(frame);
  for (ModelHost& host : hosts_) {
    const Decision decision = forwarding::decide(frame, view, host.surroundings(now_));
    counts_.add(decision.verdict);
    require(decision.verdict == Judge(host, now_).error_about(peer.key), "verdict about an error",
            peer.key, {});
  }
}

void ModelCluster::broadcast(Peer& peer, const TcpSegment& segment, unsigned depth) {
  const Frame frame = from_client(peer, segment);
  const auto reached = std::make_shared<std::size_t>(kNone);
  std::array<bool, kHosts> delivered{};
  std::array<bool, kHosts> sent_on{};
  std::array<std::size_t, kHosts> order{0, 1, 2};
  std::ranges::shuffle(order, random_);
  for (const std::size_t i : order) {
    const Decision decision = receive(i, peer, frame, segment, false);
    delivered[i] = forwarding::is_delivery(decision.verdict);
    sent_on[i] = decision.verdict == Verdict::hand_on;
    if (!sent_on[i]) continue;
    const SentOn copy = send_on(i, peer, segment, decision, reached);
    // It may be there before others see the frame itself.
    if (chance(4)) {
      arrive(copy, true);
    } else {
      wire_.push_back(copy);
    }
  }
  if (segment.opens()) check_not_lost(peer, segment, delivered, sent_on);
  if (peer.keeps_to_tcp || segment.opens()) check_one_stack(peer, segment, delivered);
  for (std::size_t i = 0; i < kHosts; ++i) {
    if (!delivered[i]) continue;
    *reached = i;
    stack_gets(i, peer, segment, depth);
  }
}

ModelCluster::SentOn ModelCluster::send_on(std::size_t from, Peer& peer, const TcpSegment& segment,
                                           const Decision& decision,
                                           const std::shared_ptr<std::size_t>& reached) {
  const ModelBuckets::Bucket& bucket = buckets_.at({decision.map_class, decision.bucket});
  SentOn copy{from_client(peer, segment), &peer,       segment, reached,
              bucket.generation,          bucket.term, now_};
  forwarding::rewrite_for_owner(copy.frame, decision, hosts_[from].snapshot);
  return copy;
}

void ModelCluster::stack_gets(std::size_t at, Peer& peer, const TcpSegment& segment, unsigned depth,
                              bool answers_later) {
  if (!peer.keeps_to_tcp) return;
  peer.heard = now_;
  const auto answer = hosts_[at].stack.receive(peer.key, segment, random_);
  if (!answer) return;
  if (answers_later || (segment.opens() && chance(4))) {
    unanswered_.push_back({at, &peer, segment});
  } else {
    send(at, peer, *answer, depth + 1);
  }
}

/// A stack answers a SYN at last. If its bucket has gone meanwhile, the SYN goes after it.
void ModelCluster::answer_late() {
  for (const Unanswered& late : std::exchange(unanswered_, {})) {
    if (!chance(64)) {
      unanswered_.push_back(late);
      continue;
    }
    const auto answer = hosts_[late.at].stack.half_open(late.peer->key);
    if (!answer || answer->acknowledgement != late.syn.sequence + 1) continue;
    const Decision decision = send(late.at, *late.peer, *answer, 0);
    const bool is_withheld = decision.verdict == Verdict::drop_egress_not_owner;
    if (!is_withheld || !hands_on(decision, hosts_[late.at].surroundings(now_))) continue;
    ++counts_.sent_on_late;
    wire_.push_back(
        send_on(late.at, *late.peer, late.syn, decision, std::make_shared<std::size_t>(kNone)));
  }
}

/// Who has just let go of a bucket sends on each SYN that is not answered.
void ModelCluster::check_not_lost(const Peer& peer, const TcpSegment& segment,
                                  const std::array<bool, kHosts>& delivered,
                                  const std::array<bool, kHosts>& sent_on) const {
  const auto place = forwarding::placement_of(hosts_[0].snapshot, peer.key);
  if (!place) return;
  const ModelBuckets::Bucket& bucket = buckets_.at(*place);
  if (bucket.former == kNone || now_ >= bucket.hands_on_until) return;
  const bool is_answered = std::ranges::count(delivered, true) != 0;
  require(is_answered || sent_on[bucket.former], "no SYN is lost by who lets go", peer.key,
          segment);
}

/// What was sent on arrives, or comes out of parking.
void ModelCluster::arrive(const SentOn& copy, bool is_early) {
  Peer& peer = *copy.peer;
  const auto place = forwarding::placement_of(hosts_[0].snapshot, peer.key);
  if (!place) return;
  const ModelBuckets::Bucket bucket = buckets_.at(*place);
  for (std::size_t i = 0; i < kHosts; ++i) {
    if (packet::destination_mac(copy.frame) != hosts_[i].mac()) continue;
    const Decision decision = receive(i, peer, copy.frame, copy.segment, true);
    const bool is_delivered = forwarding::is_delivery(decision.verdict);
    const bool waits = decision.verdict == Verdict::drop_handed_on;
    const bool is_heir = bucket.generation == copy.generation && bucket.heir == i;
    if (is_heir && bucket.term == copy.term && hosts_[i].lease_valid) {
      const bool is_needless =
          decision.verdict == Verdict::drop_duplicate && !peer.client.awaits_answer(copy.segment);
      require(is_delivered || waits || is_needless, "no SYN is lost by who shall take", peer.key,
              copy.segment);
    }
    if (waits) {
      parked_[i].push_back(copy);
      parked_[i].back().since = now_;
    }
    if (!is_delivered) continue;
    require(*copy.reached == kNone || *copy.reached == i, "one stack per SYN", peer.key,
            copy.segment);
    *copy.reached = i;
    stack_gets(i, peer, copy.segment, 0, is_early);
  }
}

/// What was sent on arrives, mostly; what waits is looked at again if its bucket is awaited no
/// more.
void ModelCluster::pass_on() {
  for (const SentOn& copy : std::exchange(wire_, {})) {
    if (chance(4)) {
      wire_.push_back(copy);
    } else {
      arrive(copy);
    }
  }
  for (std::size_t i = 0; i < kHosts; ++i) {
    for (const SentOn& copy : std::exchange(parked_[i], {})) {
      const auto place = forwarding::placement_of(hosts_[i].snapshot, copy.peer->key);
      if (place && hosts_[i].state(*place) == bucket::BucketState::awaited) {
        if (now_ - copy.since < kParkingLife) parked_[i].push_back(copy);
        continue;
      }
      ++counts_.taken_after_waiting;
      arrive(copy);
    }
  }
}

Decision ModelCluster::receive(std::size_t at, Peer& peer, const Frame& frame,
                               const TcpSegment& segment, bool sent_on) {
  ModelHost& host = hosts_[at];
  const packet::FrameView view = packet::parse(frame);
  Judge judge(host, now_);
  const FlowReference::Flow* held = host.reference.find(peer.key);
  const Verdict expected = judge.received(peer.key, segment, sent_on);
  const Decision decision = forwarding::decide(frame, view, host.surroundings(now_));
  counts_.add(decision.verdict);
  require(decision.verdict == expected, "verdict", peer.key, segment);
  const InBurst in_burst = decided_in_burst(frame, host.surroundings(now_));
  require(in_burst.decision == decision, "as in a burst", peer.key, segment);
  require(decision.tracked == (held != nullptr), "tracked", peer.key, segment);
  const auto connection = host.stack.connection(peer.key);
  if (peer.keeps_to_tcp && !segment.opens() && connection && peer.client.agrees(*connection) &&
      now_ - peer.heard < ModelHost::kIdle) {
    require(held != nullptr && held->state == flow::FlowState::established,
            "S10: the host knows the connection", peer.key, segment);
    require(decision.verdict == Verdict::deliver_flow, "S10: it gets the segment", peer.key,
            segment);
    if (!judge.owns(peer.key)) ++counts_.held_in_foreign_buckets;
  }
  const bool told = forwarding::note_received(view, decision, *host.flows, now_);
  bool changed = false;
  if (judge.place(peer.key) && forwarding::is_delivery(expected)) {
    changed = host.reference.inbound(peer.key, seen_by_cache(segment), now_);
  } else if (judge.place(peer.key) && held != nullptr && expected != Verdict::drop_duplicate) {
    changed = host.reference.refused(peer.key, seen_by_cache(segment));
  }
  require(told == changed, "news of what was received", peer.key, segment);
  require(same_flow(host.flows->find(peer.key), host.reference.find(peer.key)),
          "flow after a received segment", peer.key, segment);
  return decision;
}

void ModelCluster::check_one_stack(const Peer& peer, const TcpSegment& segment,
                                   const std::array<bool, kHosts>& delivered) const {
  if (segment.has(TcpFlags::kRst)) return;
  require(std::ranges::count(delivered, true) <= 1, "S8: one stack per segment", peer.key, segment);
}

/// A segment of a host's stack; a client that gets it may answer.
Decision ModelCluster::send(std::size_t from, Peer& peer, const TcpSegment& segment,
                            unsigned depth) {
  ModelHost& host = hosts_[from];
  const Frame frame = from_host(peer, segment);
  const packet::FrameView view = packet::parse(frame);
  Judge judge(host, now_);
  const FlowReference::Flow* held = host.reference.find(peer.key);
  const Verdict expected = judge.sent(peer.key, segment);
  const Decision decision = forwarding::decide_egress(frame, view, host.surroundings(now_));
  counts_.add(decision.verdict);
  require(decision.verdict == expected, "verdict about a sent segment", peer.key, segment);
  const bool is_syn_ack = (segment.flags & kSynAck) == kSynAck;
  if (decision.verdict == Verdict::send_uplink && (is_syn_ack || segment.has(TcpFlags::kRst))) {
    const bool holds = is_syn_ack ? judge.stays_open(held) : held != nullptr;
    require(holds || (is_owner(from, peer.key) && host.lease_valid), "S9: no foreign RST", peer.key,
            segment);
  }
  const bool was_connection = held != nullptr && held->state == flow::FlowState::established;
  const bool told = forwarding::note_sent(view, decision, *host.flows, now_);
  bool changed = false;
  const auto place = judge.place(peer.key);
  if (place && expected == Verdict::send_uplink) {
    changed = host.reference.egress(peer.key, seen_by_cache(segment), *place, now_);
  } else if (place && is_syn_ack) {
    changed = host.reference.withheld(peer.key, seen_by_cache(segment), *place, now_);
  }
  require(told == changed, "news of what was sent", peer.key, segment);
  const flow::Found found = host.flows->find(peer.key);
  const bool is_connection = found.state == flow::FlowState::established;
  require(was_connection || !is_connection || !host.stack.half_open(peer.key),
          "a half-open socket is no connection", peer.key, segment);
  require(same_flow(found, host.reference.find(peer.key)), "flow after a sent segment", peer.key,
          segment);
  if (!peer.keeps_to_tcp) return decision;
  peer.heard = now_;
  if (decision.verdict != Verdict::send_uplink || depth >= kLongestTalk) return decision;
  // SYN-ACKs are lost at times, and what answers them.
  if (is_syn_ack && chance(8)) return decision;
  const auto answer = peer.client.receive(segment);
  if (answer && !(is_syn_ack && chance(8))) broadcast(peer, *answer, depth + 1);
  return decision;
}

// ---- In the cluster

void ModelCluster::change() {
  for (ModelHost& host : hosts_) {
    if (chance(4)) host.place_again(2);
    if (chance(host.lease_valid ? 2000 : 50)) host.lease_valid = !host.lease_valid;
  }
  buckets_.change(now_);
  if (chance(10'000)) die(random_() % kHosts);
  if (chance(10'000)) reconfigure();
}

void ModelCluster::die(std::size_t host) {
  hosts_[host].begin(random_());
  parked_[host].clear();
  std::erase_if(unanswered_, [host](const Unanswered& late) { return late.at == host; });
  buckets_.note_death(host);
  datagrams_.note_death(host);
  ++counts_.deaths;
}

void ModelCluster::reconfigure() {
  rules_ = 1 - rules_;
  ++counts_.configurations;
  for (ModelHost& host : hosts_)
    host.follow(settings_[rules_]);
  wire_.clear();
  unanswered_.clear();
  buckets_.begin();
  datagrams_.note_rules();
}

bool ModelCluster::is_owner(std::size_t host, const packet::FlowKey& key) const {
  const auto at = forwarding::placement_of(hosts_[host].snapshot, key);
  return at && buckets_.at(*at).holder == host;
}

void ModelCluster::check_everything() const {
  for (const ModelHost& host : hosts_) {
    if (!same_everything(*host.flows, host.reference, host.sizes(), now_))
      FAIL("entries or counters of host " << unsigned{host.id.value} << " differ");
  }
}

}  // namespace covey::test
