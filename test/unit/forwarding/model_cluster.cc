// SPDX-License-Identifier: BSD-3-Clause
#include "model_cluster.h"

#include <algorithm>

namespace covey::test {

namespace {

using forwarding::Decision;
using forwarding::Verdict;
using packet::TcpFlags;

std::shared_ptr<const forwarding::Policy> first_policy() {
  return World().bucket_count(64).snapshot().policy;
}

/// The rules of the first one, but for: web by client instead of connection, app gone, and more
/// buckets; port 8080, free before, is blocked.
std::shared_ptr<const forwarding::Policy> second_policy() {
  std::vector<forwarding::PortRule> rules = world_rules();
  rules[0].hash.affinity = bucket::Affinity::single;
  rules[3].ports.push_back({8080, 8080});
  rules.erase(rules.begin() + 1);
  return World().rules(rules).bucket_count(128).snapshot().policy;
}

flow::Segment seen_by_cache(const TcpSegment& segment) {
  return {segment.flags, segment.sequence, segment.acknowledgement};
}

void require(bool holds, const char* promise, const packet::FlowKey& key,
             const TcpSegment& segment) {
  if (holds) return;
  FAIL(promise << ": client port " << key.source_port << " to " << key.destination_port
               << ", flags " << unsigned{segment.flags} << ", sequence " << segment.sequence
               << ", acknowledgement " << segment.acknowledgement << ", length " << segment.length);
}

}  // namespace

ModelCluster::ModelCluster(std::uint64_t seed)
    : random_(seed), policies_{first_policy(), second_policy()} {
  for (std::uint8_t number = 1; number <= kHosts; ++number)
    hosts_.emplace_back(number, policies_[0], random_());
  for (unsigned i = 0; i < kClients; ++i)
    clients_.push_back(make_peer(i, true));
  for (unsigned i = 0; i < kStrangers; ++i)
    strangers_.push_back(make_peer(kClients + i, false));
  list_buckets();
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
  Peer& client = clients_[random_() % kClients];
  Peer& stranger = strangers_[random_() % kStrangers];
  const std::uint64_t who = random_() % 16;
  if (who < 8) {
    client_moves(client);
  } else if (who < 10) {
    server_speaks(client);
  } else if (who < 14) {
    stranger_moves(stranger);
  } else if (who == 14) {
    datagram(chance(2) ? client : stranger);
  } else {
    error_about(chance(2) ? client : stranger);
  }
}

// ---- On the segment

void ModelCluster::client_moves(Peer& peer) {
  broadcast(peer, peer.client.move(random_), 0);
}

void ModelCluster::server_speaks(Peer& peer) {
  const std::size_t from = random_() % kHosts;
  const auto segment = hosts_[from].stack.speak(peer.key);
  if (!segment) return;
  // Not in the model: a SYN-ACK arrived, what answers it was lost, the bucket moves, and the
  // SYN-ACK is sent again. It is withheld, the connection counts no more, and the new owner may
  // reset it.
  const bool has_arrived = (segment->flags & kSynAck) == kSynAck &&
                           peer.client.agrees({segment->sequence + 1, segment->acknowledgement});
  if (!has_arrived) send(from, peer, *segment, 0);
}

void ModelCluster::stranger_moves(Peer& peer) {
  if (chance(2)) {
    broadcast(peer, random_segment(), kLongestTalk);
  } else {
    send(random_() % kHosts, peer, random_segment(), kLongestTalk);
  }
}

void ModelCluster::datagram(const Peer& peer) {
  const Frame frame =
      FrameBuilder().ip(peer.address, peer.virtual_ip).udp(peer.port, peer.server_port).payload(9);
  const packet::FrameView view = packet::parse(frame);
  for (ModelHost& host : hosts_) {
    const Decision decision = forwarding::decide(frame, view, host.surroundings());
    ++counts_.frames;
    require(decision.verdict == Judge(host).datagram(view.key), "verdict about a datagram",
            view.key, {});
    require(!forwarding::note_received(view, decision, *host.flows, now_), "datagram", view.key,
            {});
  }
}

void ModelCluster::error_about(const Peer& peer) {
  const bool ipv6 = peer.key.family == base::Family::ipv6;
  const Frame frame =
      unreachable(ipv6 ? "2001:db8:9::9" : "10.99.0.9", from_host(peer, {TcpFlags::kAck, 1, 1, 0}));
  const packet::FrameView view = packet::parse(frame);
  for (ModelHost& host : hosts_) {
    const Decision decision = forwarding::decide(frame, view, host.surroundings());
    ++counts_.frames;
    require(decision.verdict == Judge(host).error_about(peer.key), "verdict about an error",
            peer.key, {});
  }
}

void ModelCluster::broadcast(Peer& peer, const TcpSegment& segment, unsigned depth) {
  const Frame frame = from_client(peer, segment);
  std::array<bool, kHosts> delivered{};
  for (std::size_t i = 0; i < kHosts; ++i)
    delivered[i] = receive(hosts_[i], peer, frame, segment);
  if (!peer.keeps_to_tcp) return;
  check_one_stack(peer, segment, delivered);
  for (std::size_t i = 0; i < kHosts; ++i) {
    if (!delivered[i]) continue;
    peer.heard = now_;
    const auto answer = hosts_[i].stack.receive(peer.key, segment, random_);
    if (answer) send(i, peer, *answer, depth + 1);
  }
}

/// True if the frame was delivered.
bool ModelCluster::receive(ModelHost& host, Peer& peer, const Frame& frame,
                           const TcpSegment& segment) {
  const packet::FrameView view = packet::parse(frame);
  Judge judge(host);
  const FlowReference::Flow* held = host.reference.find(peer.key);
  const Verdict expected = judge.received(peer.key, segment);
  const Decision decision = forwarding::decide(frame, view, host.surroundings());
  ++counts_.frames;
  ++counts_.verdicts[static_cast<std::size_t>(decision.verdict)];
  require(decision.verdict == expected, "verdict", peer.key, segment);
  require(decision.tracked == (held != nullptr), "tracked", peer.key, segment);
  const auto connection = host.stack.connection(peer.key);
  if (peer.keeps_to_tcp && connection && peer.client.agrees(*connection) &&
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
  } else if (judge.place(peer.key) && held != nullptr) {
    changed = host.reference.refused(peer.key, seen_by_cache(segment));
  }
  require(told == changed, "news of what was received", peer.key, segment);
  require(same_flow(host.flows->find(peer.key), host.reference.find(peer.key)),
          "flow after a received segment", peer.key, segment);
  return forwarding::is_delivery(decision.verdict);
}

void ModelCluster::check_one_stack(const Peer& peer, const TcpSegment& segment,
                                   const std::array<bool, kHosts>& delivered) const {
  if (segment.has(TcpFlags::kRst)) return;
  require(std::ranges::count(delivered, true) <= 1, "S8: one stack per segment", peer.key, segment);
}

/// A segment of a host's stack; a client that gets it may answer.
void ModelCluster::send(std::size_t from, Peer& peer, const TcpSegment& segment, unsigned depth) {
  ModelHost& host = hosts_[from];
  const Frame frame = from_host(peer, segment);
  const packet::FrameView view = packet::parse(frame);
  Judge judge(host);
  const FlowReference::Flow* held = host.reference.find(peer.key);
  const Verdict expected = judge.sent(peer.key, segment);
  const Decision decision = forwarding::decide_egress(frame, view, host.surroundings());
  ++counts_.frames;
  ++counts_.verdicts[static_cast<std::size_t>(decision.verdict)];
  require(decision.verdict == expected, "verdict about a sent segment", peer.key, segment);
  const bool is_syn_ack = (segment.flags & kSynAck) == kSynAck;
  if (decision.verdict == Verdict::send_uplink && (is_syn_ack || segment.has(TcpFlags::kRst))) {
    const bool holds =
        held != nullptr && (!is_syn_ack || held->state == flow::FlowState::established);
    require(holds || (is_owner(from, peer.key) && host.lease_valid), "S9: no foreign RST", peer.key,
            segment);
  }
  const bool told = forwarding::note_sent(view, decision, *host.flows, now_);
  bool changed = false;
  const auto place = judge.place(peer.key);
  if (place && expected == Verdict::send_uplink) {
    changed = host.reference.egress(peer.key, seen_by_cache(segment), *place, now_);
  } else if (place && is_syn_ack) {
    changed = host.reference.withheld(peer.key, seen_by_cache(segment), *place, now_);
  }
  require(told == changed, "news of what was sent", peer.key, segment);
  require(same_flow(host.flows->find(peer.key), host.reference.find(peer.key)),
          "flow after a sent segment", peer.key, segment);
  if (!peer.keeps_to_tcp) return;
  peer.heard = now_;
  if (decision.verdict != Verdict::send_uplink || depth >= kLongestTalk) return;
  // SYN-ACKs are lost at times, and what answers them.
  if (is_syn_ack && chance(8)) return;
  const auto answer = peer.client.receive(segment);
  if (answer && !(is_syn_ack && chance(8))) broadcast(peer, *answer, depth + 1);
}

// ---- In the cluster

void ModelCluster::change() {
  for (ModelHost& host : hosts_) {
    if (chance(4)) host.place_again(2);
    if (chance(host.lease_valid ? 2000 : 50)) host.lease_valid = !host.lease_valid;
  }
  if (chance(20)) acquire();
  if (chance(50)) refresh();
  if (chance(300)) move_buckets();
  if (chance(10'000)) die(random_() % kHosts);
  if (chance(10'000)) reconfigure();
}

/// All buckets of the present configuration, without an owner.
void ModelCluster::list_buckets() {
  owners_.clear();
  for (const std::uint32_t size : hosts_[0].sizes())
    owners_.emplace_back(size, kHosts);
}

/// First let go; who takes them is told later.
void ModelCluster::move_buckets() {
  const std::uint64_t share = std::array{1U, 2U, 8U, 32U}[random_() % 4];
  for (std::uint16_t c = 0; c < owners_.size(); ++c) {
    for (std::uint32_t b = 0; b < owners_[c].size(); ++b) {
      if (owners_[c][b] == kHosts || !chance(share)) continue;
      hosts_[owners_[c][b]].state({{c}, {b}}) = bucket::BucketState::foreign;
      owners_[c][b] = kHosts;
    }
  }
}

/// Hosts take some of the buckets that nobody has.
void ModelCluster::acquire() {
  for (std::uint16_t c = 0; c < owners_.size(); ++c) {
    for (std::uint32_t b = 0; b < owners_[c].size(); ++b) {
      if (owners_[c][b] != kHosts || !chance(2)) continue;
      const flow::Placement at{{c}, {b}};
      owners_[c][b] = random_() % kHosts;
      ++counts_.moved_buckets;
      hosts_[owners_[c][b]].state(at) = is_residual_elsewhere(at, owners_[c][b])
                                            ? bucket::BucketState::own_dirty
                                            : bucket::BucketState::own;
    }
  }
}

/// Heartbeats tell that others have finished with a bucket.
void ModelCluster::refresh() {
  for (std::uint16_t c = 0; c < owners_.size(); ++c) {
    for (std::uint32_t b = 0; b < owners_[c].size(); ++b) {
      const flow::Placement at{{c}, {b}};
      if (owners_[c][b] == kHosts || is_residual_elsewhere(at, owners_[c][b])) continue;
      hosts_[owners_[c][b]].state(at) = bucket::BucketState::own;
    }
  }
}

void ModelCluster::die(std::size_t host) {
  hosts_[host].begin(random_());
  ++counts_.deaths;
  for (auto& of_class : owners_)
    std::ranges::replace(of_class, host, kHosts);
}

void ModelCluster::reconfigure() {
  policy_ = 1 - policy_;
  ++counts_.configurations;
  for (ModelHost& host : hosts_)
    host.follow(policies_[policy_]);
  list_buckets();
}

bool ModelCluster::is_residual_elsewhere(flow::Placement at, std::size_t owner) const {
  for (std::size_t i = 0; i < kHosts; ++i) {
    if (i != owner && hosts_[i].is_residual(at)) return true;
  }
  return false;
}

bool ModelCluster::is_owner(std::size_t host, const packet::FlowKey& key) const {
  const auto at = forwarding::placement_of(hosts_[host].snapshot, key);
  return at && owners_[at->map_class.value][at->bucket.value] == host;
}

void ModelCluster::check_everything() const {
  for (const ModelHost& host : hosts_) {
    if (!same_everything(*host.flows, host.reference, host.sizes(), now_))
      FAIL("entries or counters of host " << unsigned{host.id.value} << " differ");
  }
}

}  // namespace covey::test
