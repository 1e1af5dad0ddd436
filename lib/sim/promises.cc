// SPDX-License-Identifier: BSD-3-Clause
#include "sim/promises.h"

#include <algorithm>

#include "base/assert.h"
#include "sim/cluster.h"

namespace covey::sim {

using base::HostId;
using base::TimePoint;
using bucket::Bitmap;
using convergence::PartitionPolicy;
using heartbeat::Phase;

namespace {

constexpr std::size_t kEnough = 20;             // further complaints say nothing new
constexpr std::uint32_t kPartsRemembered = 64;  // generations

bool within(const std::vector<Bitmap>& inner, const std::vector<Bitmap>& outer) {
  for (std::size_t c = 0; c < inner.size(); ++c) {
    for (std::size_t w = 0; w < inner[c].words().size(); ++w) {
      if ((inner[c].words()[w] & ~outer[c].words()[w]) != 0) return false;
    }
  }
  return true;
}

bool overlap(const std::vector<Bitmap>& a, const std::vector<Bitmap>& b, std::size_t& map_class) {
  for (std::size_t c = 0; c < a.size(); ++c) {
    for (std::size_t other = 0; other < b.size(); ++other) {
      map_class = c;
      if (share_flows(c, other) && !a[c].none() && !b[other].none()) return true;
    }
  }
  for (std::size_t c = 0; c < std::min(a.size(), b.size()); ++c) {
    const std::size_t words = std::min(a[c].words().size(), b[c].words().size());
    for (std::size_t w = 0; w < words; ++w) {
      map_class = c;
      if ((a[c].words()[w] & b[c].words()[w]) != 0) return true;
    }
  }
  return false;
}

/// Since when the two hear each other, as far as what they serve is concerned: who has booted after
/// `lately` serves what those had whom it joined, and the other may not have heard them.
TimePoint heard_since(TimePoint lately, const Machine& a, const Machine& b, const Links& links) {
  TimePoint since = links.whole_since(a.slot, b.slot);
  if (a.booted_at > lately) since = std::max(since, links.whole_since(b.slot));
  if (b.booted_at > lately) since = std::max(since, links.whole_since(a.slot));
  return since;
}

std::string host_text(const Machine& machine) {
  std::string text = "host " + std::to_string(machine.config.self.value);
  if (machine.slot != machine.config.self.value) text += " (the second machine)";
  return text;
}

}  // namespace

base::Duration patience(const convergence::Timing& timing) {
  return (timing.silence() * 3 + timing.guard()) * 101 / 100;
}

void Promises::complain(TimePoint now, const std::string& what) {
  if (violations_.size() >= kEnough) return;
  std::string stamp = std::to_string(now.ns / 1000 % 1'000'000);
  stamp.insert(0, 6 - stamp.size(), '0');
  violations_.push_back("at " + std::to_string(now.ns / 1'000'000'000) + "." + stamp +
                        " s: " + what);
}

void Promises::message_sent(TimePoint now, const heartbeat::Message& message) {
  Said& said = said_[message.nonce];
  const std::string host = "host " + std::to_string(message.host.value);
  if (message.generation < said.generation) complain(now, "S7: a generation of " + host + " fell");
  said.generation = std::max(said.generation, message.generation);
  const bool agreeing = is_agreeing(message.phase);
  if (agreeing) {
    // A commit may go unspoken when the next agreement follows at once; it ends the freeze all the
    // same.
    const bool frozen = said.agreeing && !said.claims.empty() &&
                        said.committed == message.committed_generation &&
                        said.config == message.config_digest;
    if (frozen && !within(message.claims, said.claims)) {
      complain(now, "S7: the claims of " + host + " grew before the commit");
    }
    said.claims = message.claims;
    said.committed = message.committed_generation;
    said.config = message.config_digest;
    remember_part(message);
  }
  said.agreeing = agreeing;
  if (message.phase != Phase::stable) return;
  const auto [known, fresh] =
      maps_.emplace(std::pair(message.generation, message.view_digest), message.map_digest);
  if (!fresh && known->second != message.map_digest) {
    complain(now, "S4: two maps for one generation and view, one of " + host);
  }
}

void Promises::remember_part(const heartbeat::Message& message) {
  Stated& stated = parts_[{message.generation, message.host}];
  if (stated.nonce == message.nonce) return;
  stated.ambiguous = stated.nonce != 0;
  stated.nonce = message.nonce;
  stated.part = {.offer = convergence::offer_of(message),
                 .classes = message.classes,
                 .staged_classes = message.staged_classes,
                 .draining = message.draining,
                 .claims = message.claims};
  while (parts_.begin()->first.first + kPartsRemembered < message.generation)
    parts_.erase(parts_.begin());
}

void Promises::committed(TimePoint now, const Machine& machine) {
  COVEY_ASSERT(!machine.node->history().empty());
  const convergence::Convergence& done = machine.node->history().back();
  const auto [known, fresh] =
      judged_.emplace(std::pair(done.generation, done.members.bits()), machine.node->map_digest());
  if (!fresh && known->second == machine.node->map_digest()) return;
  moved_ += done.moved_buckets;
  if (done.members.size() > 1) check_map(now, machine, done);
}

void Promises::check_map(TimePoint now, const Machine& machine,
                         const convergence::Convergence& done) {
  const convergence::Shape shape = convergence::shape_of(machine.node->committed_configuration());
  std::vector<convergence::Statement> statements(base::kMaxHosts + 1);
  std::vector<convergence::MemberStatement> members;
  bool known = true;
  done.members.for_each([&](HostId host) {
    const auto part = parts_.find({done.generation, host});
    known = known && part != parts_.end() && !part->second.ambiguous;
    if (!known) return;
    const convergence::Part& said = part->second.part;
    if (!said.offer.has(shape.digest)) {
      complain(now, "S4: " + host_text(machine) + " committed to a configuration that host " +
                        std::to_string(host.value) + " has not offered");
      known = false;
      return;
    }
    statements[host.value] = convergence::statement_in(shape, said);
    members.push_back({.host = host, .statement = &statements[host.value]});
  });
  if (!known) return;
  const std::vector<std::uint32_t>& class_buckets = shape.class_buckets;
  const convergence::ClusterMap map =
      convergence::compute_map(machine.config.map_key, class_buckets, members);
  if (map.digest != machine.node->map_digest()) {
    complain(now, "S5: the map of " + host_text(machine) + " is not that of its members' parts");
  }
  for (std::size_t c = 0; c < class_buckets.size(); ++c) {
    if (class_buckets[c] > 1) check_shares(now, map.owners[c], members, c);
  }
}

/// S6, in an arithmetic of its own. Fewest moves: who has too much gives up exactly the surplus,
/// others nothing. Buckets that several had claimed (after a heal) leave no such account.
void Promises::check_shares(TimePoint now, const std::vector<HostId>& owners,
                            const std::vector<convergence::MemberStatement>& members,
                            std::size_t c) {
  std::uint64_t total_weight = 0;
  std::uint64_t claimed = 0;
  Bitmap anybody(static_cast<std::uint32_t>(owners.size()));
  bool reserves_count = true;
  for (const auto& [host, statement] : members) {
    const bool takes = !statement->takes_none_of(c) && statement->classes[c].weight > 0;
    reserves_count = reserves_count && !takes;
  }
  const auto weight_of = [&](const convergence::Statement& statement) -> std::uint64_t {
    if (statement.takes_none_of(c)) return 0;
    return reserves_count ? statement.classes[c].reserve() : statement.classes[c].weight;
  };
  for (const auto& [host, statement] : members) {
    total_weight += weight_of(*statement);
    claimed += statement->claims[c].count();
    statement->claims[c].for_each([&](base::BucketIndex b) { anybody.set(b); });
  }
  if (total_weight == 0) return;
  const bool disjoint = anybody.count() == claimed;
  for (const auto& [host, statement] : members) {
    std::uint64_t have = 0;
    std::uint64_t given_up = 0;
    for (std::uint32_t b = 0; b < owners.size(); ++b) {
      if (owners[b] == host) ++have;
      if (owners[b] != host && statement->claims[c].test({b})) ++given_up;
    }
    const std::uint64_t ideal = owners.size() * weight_of(*statement);  // times the total
    const std::string who = "host " + std::to_string(host.value);
    if (have * total_weight >= ideal + total_weight || ideal >= (have + 1) * total_weight) {
      complain(now, "S6: " + who + " gets an unfair share");
    }
    const std::uint64_t had = statement->claims[c].count();
    const std::uint64_t surplus = had > have ? had - have : 0;
    if (disjoint && given_up != surplus) complain(now, "S6: " + who + " moves too many buckets");
  }
}

TimePoint Promises::check_owners(TimePoint now, const std::vector<Machine*>& machines,
                                 const Links& links) {
  taken_.resize(taken_.empty() ? 8 : taken_.size());
  for (std::vector<std::uint64_t>& words : taken_)
    std::fill(words.begin(), words.end(), 0);
  bool twice = false;
  for (const Machine* machine : machines) {
    if (machine->slot != machine->config.self.value) second_machine_at_ = now;
    if (!machine->takes_flows) continue;
    if (machine->config.partition == PartitionPolicy::gateway && !machine->gateway_told) {
      complain(now, "S1: " + host_text(*machine) + " takes new flows without its gateway");
    }
    taken_.resize(std::max(taken_.size(), machine->accepted.size()));
    for (std::size_t c = 0; c < machine->accepted.size(); ++c) {
      const std::vector<std::uint64_t>& words = machine->accepted[c].words();
      taken_[c].resize(std::max(taken_[c].size(), words.size()));
      for (std::size_t w = 0; w < words.size(); ++w) {
        twice = twice || (taken_[c][w] & words[w]) != 0;
        taken_[c][w] |= words[w];
      }
    }
  }
  twice = twice || is_mixed();
  TimePoint next = TimePoint::never();
  for (std::size_t a = 0; twice && a < machines.size(); ++a) {
    for (std::size_t b = a + 1; b < machines.size(); ++b) {
      if (!machines[a]->takes_flows || !machines[b]->takes_flows) continue;
      next = std::min(next, check_pair(now, *machines[a], *machines[b], links));
    }
  }
  return next;
}

/// Somebody takes flows by one configuration and somebody by another.
bool Promises::is_mixed() const {
  const auto any = [&](std::size_t c) {
    return std::ranges::any_of(taken_[c], [](std::uint64_t word) { return word != 0; });
  };
  for (std::size_t c = 0; c < taken_.size(); ++c) {
    for (std::size_t other = c + 1; other < taken_.size(); ++other) {
      if (share_flows(c, other) && any(c) && any(other)) return true;
    }
  }
  return false;
}

TimePoint Promises::check_pair(TimePoint now, const Machine& a, const Machine& b,
                               const Links& links) {
  std::size_t map_class = 0;
  if (!overlap(a.accepted, b.accepted, map_class)) return TimePoint::never();
  const base::Duration grace = patience(a.config.timing);
  // A majority is one of ids: while two machines have one id, both sides of a cut may count it.
  const bool ids_are_unique = now - second_machine_at_ > grace;
  const bool always_one =
      a.config.partition == PartitionPolicy::majority && !a.config.voters.empty() && ids_are_unique;
  const TimePoint whole =
      always_one ? TimePoint::distant_past() : heard_since(now - grace, a, b, links);
  if (whole >= TimePoint::never()) return TimePoint::never();
  const bool ever_cut = whole > TimePoint::distant_past();
  if (ever_cut && now < whole + grace) return whole + grace;
  complain(now, std::string(ever_cut ? "S2" : "S1") + ": two owners in class " +
                    std::to_string(map_class) + ", " + host_text(a) + " and " + host_text(b));
  return TimePoint::never();
}

}  // namespace covey::sim
