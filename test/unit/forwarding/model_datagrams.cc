// SPDX-License-Identifier: BSD-3-Clause
#include "model_datagrams.h"

#include <utility>

namespace covey::test {

using bucket::BucketState;
using forwarding::Decision;
using forwarding::Verdict;

ModelDatagrams::ModelDatagrams(std::vector<ModelHost>& hosts, const ModelBuckets& buckets,
                               Random& random, ModelCounts& counts)
    : hosts_(hosts), buckets_(buckets), random_(random), counts_(counts) {
  for (unsigned i = 0; i < kTalkers; ++i)
    talkers_.push_back(make_talker(i));
}

ModelDatagrams::Talker ModelDatagrams::make_talker(unsigned number) {
  // Most to a rule of their own; the others to one with connections, to no rule, to blocked ones.
  constexpr std::array<std::uint16_t, 8> kPorts = {7000, 7000, 7001, 7001, 8000, 9999, 23, 8080};
  const bool ipv6 = number % 3 == 2;
  Talker talker;
  talker.address = (ipv6 ? "2001:db8:77::2:" : "10.77.2.") + std::to_string(number + 1);
  talker.virtual_ip = ipv6 ? kVip6 : kVip;
  talker.key.family = ipv6 ? base::Family::ipv6 : base::Family::ipv4;
  talker.key.protocol = packet::kProtocolUdp;
  talker.key.source = test::ip(talker.address).bytes;
  talker.key.destination = test::ip(talker.virtual_ip).bytes;
  talker.key.source_port = static_cast<std::uint16_t>(50'000 + number);
  talker.key.destination_port = kPorts[number % kPorts.size()];
  return talker;
}

/// Some talk more than others.
ModelDatagrams::Talker& ModelDatagrams::somebody() {
  return talkers_[random_() % (1 + random_() % kTalkers)];
}

Frame ModelDatagrams::answer_to(const Talker& talker) const {
  return FrameBuilder()
      .from(kStackMac)
      .to(kClientMac)
      .ip(talker.virtual_ip, talker.address)
      .udp(talker.key.destination_port, talker.key.source_port)
      .payload(9);
}

void ModelDatagrams::client_speaks(base::TimePoint now) {
  Talker& talker = somebody();
  const Frame frame = FrameBuilder()
                          .ip(talker.address, talker.virtual_ip)
                          .udp(talker.key.source_port, talker.key.destination_port)
                          .payload(9);
  const auto reached = std::make_shared<std::size_t>(kNone);
  const bool is_alive = this->is_alive(talker, now);
  const std::size_t home = talker.home;
  const bool must_be_served = this->must_be_served(talker);
  std::size_t sent_on = 0;
  std::size_t delivered_at = kNone;
  for (std::size_t i = 0; i < kHosts; ++i) {
    const Decision decision = receive(i, talker, frame, false, now);
    if (forwarding::is_delivery(decision.verdict)) {
      require(std::exchange(delivered_at, i) == kNone, "one stack per datagram", talker.key);
    }
    if (decision.verdict != Verdict::hand_on) continue;
    const ModelBuckets::Bucket& bucket = buckets_.at({decision.map_class, decision.bucket});
    ++sent_on;
    wire_.push_back({frame, &talker, reached, must_be_served, bucket.generation, bucket.term});
    forwarding::rewrite_for_owner(wire_.back().frame, decision, hosts_[i].snapshot);
  }
  if (is_alive) require(delivered_at == home, "a conversation stays on its host", talker.key);
  require(!must_be_served || delivered_at != kNone || sent_on != 0,
          "what begins a conversation is sent on", talker.key);
  if (delivered_at != kNone) deliver(delivered_at, talker, *reached, now);
}

bool ModelDatagrams::must_be_served(const Talker& talker) {
  const auto at = forwarding::placement_of(hosts_[0].snapshot, talker.key);
  if (!at) return false;
  const std::size_t holder = buckets_.at(*at).holder;
  if (holder == kNone || !hosts_[holder].lease_valid) return false;
  const std::size_t guest = buckets_.only_guest(*at);
  return hosts_[holder].state(*at) == BucketState::own_dirty && guest != kNone &&
         hosts_[guest].state(*at) == BucketState::retained;
}

Decision ModelDatagrams::receive(std::size_t at, Talker& talker, const Frame& frame, bool sent_on,
                                 base::TimePoint now) {
  ModelHost& host = hosts_[at];
  const packet::FrameView view = packet::parse(frame);
  Judge judge(host, now);
  const bool is_held = host.reference.find(talker.key) != nullptr;
  const Verdict expected = judge.datagram(talker.key, sent_on);
  const Decision decision = forwarding::decide(frame, view, host.surroundings(now));
  counts_.add(decision.verdict);
  require(decision.verdict == expected, "verdict about a datagram", talker.key);
  const InBurst in_burst = decided_in_burst(frame, host.surroundings(now));
  require(in_burst.decision == decision, "as in a burst", talker.key);
  require(decision.tracked == is_held, "datagram tracked", talker.key);
  if (is_held && !judge.owns(talker.key)) ++counts_.datagrams_of_guests;
  require(!forwarding::note_received(view, decision, *host.flows, now), "news of a datagram",
          talker.key);
  if (judge.place(talker.key) && forwarding::is_delivery(expected)) {
    host.reference.inbound(talker.key, {}, now);
  }
  require(same_flow(host.flows->find(talker.key), host.reference.find(talker.key)),
          "flow after a datagram", talker.key);
  return decision;
}

void ModelDatagrams::deliver(std::size_t at, Talker& talker, std::size_t& reached,
                             base::TimePoint now) {
  require(reached == kNone || reached == at, "one stack per datagram", talker.key);
  reached = at;
  if (talker.home == at && is_alive(talker, now)) talker.heard = now;
  const auto place = forwarding::placement_of(hosts_[at].snapshot, talker.key);
  const std::uint64_t term = place ? buckets_.at(*place).term : 0;
  talker.owed[at] = {talker.owed[at].answers + 1, term, now};
  if (!chance(4)) answer(at, talker, now);
}

/// The service of a host answers all that it owes a client.
void ModelDatagrams::answer(std::size_t at, Talker& talker, base::TimePoint now) {
  ModelHost& host = hosts_[at];
  const Frame frame = answer_to(talker);
  const packet::FrameView view = packet::parse(frame);
  for (; talker.owed[at].answers != 0; --talker.owed[at].answers) {
    Judge judge(host, now);
    const auto place = judge.place(talker.key);
    const bool is_held = host.reference.find(talker.key) != nullptr;
    const bool holds = place && judge.holds_by_answer(talker.key);
    const Decision decision = forwarding::decide_egress(frame, view, host.surroundings(now));
    counts_.add(decision.verdict);
    require(decision.verdict == Verdict::send_uplink, "an answer leaves", talker.key);
    require(decision.tracked == is_held, "answer tracked", talker.key);
    const bool told = forwarding::note_sent(view, decision, *host.flows, now);
    const bool changed = holds && host.reference.egress(talker.key, {}, *place, now);
    require(told == changed, "news of an answer", talker.key);
    require(same_flow(host.flows->find(talker.key), host.reference.find(talker.key)),
            "flow after an answer", talker.key);
    if (!holds) continue;
    require(talker.home == at || !is_alive(talker, now), "one host holds a conversation",
            talker.key);
    talker.home = at;
    talker.heard = now;
  }
}

void ModelDatagrams::service_catches_up(base::TimePoint now) {
  Talker& talker = somebody();
  const auto place = forwarding::placement_of(hosts_[0].snapshot, talker.key);
  for (std::size_t i = 0; i < kHosts; ++i) {
    const Owed& owed = talker.owed[i];
    const bool is_in_time = now - owed.since < ModelHost::kUdpIdle && place &&
                            buckets_.at(*place).has_hardly_moved(owed.term);
    if (!is_in_time) talker.owed[i] = {};
    answer(i, talker, now);
  }
}

void ModelDatagrams::error_arrives(base::TimePoint now) {
  Talker& talker = somebody();
  const bool ipv6 = talker.key.family == base::Family::ipv6;
  const Frame frame = unreachable(ipv6 ? "2001:db8:9::9" : "10.99.0.9", answer_to(talker));
  const packet::FrameView view = packet::parse(frame);
  for (ModelHost& host : hosts_) {
    const Decision decision = forwarding::decide(frame, view, host.surroundings(now));
    counts_.add(decision.verdict);
    require(decision.verdict == Judge(host, now).error_about(talker.key),
            "verdict about an error about a datagram", talker.key);
  }
}

void ModelDatagrams::pass_on(base::TimePoint now) {
  for (const SentOn& copy : std::exchange(wire_, {})) {
    if (chance(4)) {
      wire_.push_back(copy);
    } else {
      arrive(copy, now);
    }
  }
}

void ModelDatagrams::arrive(const SentOn& copy, base::TimePoint now) {
  Talker& talker = *copy.talker;
  const auto place = forwarding::placement_of(hosts_[0].snapshot, talker.key);
  if (!place || !buckets_.at(*place).has_hardly_moved(copy.term)) return;  // lost
  const ModelBuckets::Bucket& bucket = buckets_.at(*place);
  for (std::size_t i = 0; i < kHosts; ++i) {
    if (packet::destination_mac(copy.frame) != hosts_[i].mac()) continue;
    const bool is_held = hosts_[i].reference.find(talker.key) != nullptr;
    const bool is_dirty = hosts_[i].state(*place) == BucketState::own_dirty;
    const bool has_moved = bucket.generation != copy.generation || bucket.holder != i;
    const Decision decision = receive(i, talker, copy.frame, true, now);
    const bool is_delivered = forwarding::is_delivery(decision.verdict);
    if (copy.must_arrive && is_dirty && !is_held && !has_moved && hosts_[i].lease_valid) {
      require(is_delivered, "what begins a conversation reaches the owner", talker.key);
    }
    if (!is_delivered) continue;
    ++counts_.datagrams_sent_on;
    deliver(i, talker, *copy.reached, now);
  }
}

void ModelDatagrams::note_death(std::size_t host) {
  for (Talker& talker : talkers_) {
    if (talker.home == host) talker.home = kNone;
    talker.owed[host] = {};
  }
}

/// Where a rule blocks them, conversations end.
void ModelDatagrams::note_rules() {
  for (Talker& talker : talkers_) {
    const bool is_blocked = !forwarding::placement_of(hosts_[0].snapshot, talker.key);
    if (is_blocked) talker.home = kNone;
    talker.owed = {};
  }
  wire_.clear();
}

}  // namespace covey::test
