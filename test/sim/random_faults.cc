// SPDX-License-Identifier: BSD-3-Clause
#include "sim/random_faults.h"

#include <algorithm>

namespace covey::test {

using base::ClassIndex;
using base::HostId;
using convergence::OperatorCommand;
using convergence::Verb;

namespace {

constexpr ClassIndex kSpread{1};

SegmentOptions options_for(std::uint64_t seed) {
  SegmentOptions options;
  options.seed = seed ^ 0x5eedU;
  options.most_delay = std::chrono::milliseconds(2);
  options.loss_per_mille = static_cast<unsigned>(seed % 5);
  options.duplicate_per_mille = 2;
  return options;
}

OperatorCommand verb(Verb verb) {
  OperatorCommand command;
  command.verb = verb;
  return command;
}

}  // namespace

RandomFaults::RandomFaults(std::uint64_t seed)
    : chance_(seed),
      hosts_(2 + static_cast<unsigned>(chance_.below(7))),
      segment_(options_for(seed)) {
  report_.seed = seed;
  report_.hosts = hosts_;
}

void RandomFaults::follow(Transcript& transcript) {
  transcript_ = &transcript;
  transcript.follow(segment_);
}

void RandomFaults::note(const std::string& what) {
  if (transcript_ != nullptr) transcript_->note(segment_, what);
}

FaultReport RandomFaults::run(unsigned batches, unsigned faults_per_batch) {
  for (unsigned batch = 0; batch < batches; ++batch) {
    for (unsigned i = 0; i < faults_per_batch; ++i) {
      inject();
      segment_.run_for(chance_.below(4) == 0 ? some_ms(0, 20) : some_ms(20, 1500));
    }
    heal();
    check_healed();
    if (!segment_.violations().empty() || !report_.violations.empty()) break;
  }
  report_.commits = segment_.commits();
  const std::vector<std::string>& seen = segment_.violations();
  report_.violations.insert(report_.violations.end(), seen.begin(), seen.end());
  return report_;
}

base::Duration RandomFaults::some_ms(unsigned least, unsigned most) {
  return std::chrono::milliseconds(least + chance_.below(most - least + 1));
}

void RandomFaults::inject() {
  ++report_.faults;
  const HostId host{static_cast<std::uint8_t>(1 + chance_.below(hosts_))};
  if (!segment_.is_up(host)) {
    boot(host.value);
    return;
  }
  switch (chance_.below(9)) {
    case 0:
    case 1:
      crash(host);
      break;
    case 2: {  // restarted before anybody can have noticed
      crash(host);
      segment_.run_for(some_ms(1, 250));
      boot(host.value);
      break;
    }
    case 3:
    case 4:
      stall(host);
      break;
    case 5:
      drain(host);
      break;
    case 6:
      change_weight(host);
      break;
    case 7:
      if (!segment_.is_stalled(host)) segment_.command(host, verb(Verb::stop));
      break;
    default:
      if (!segment_.is_stalled(host)) segment_.command(host, verb(Verb::start));
      break;
  }
}

void RandomFaults::boot(std::uint8_t host) {
  convergence::NodeConfig config = test_config(host, chance_.next());
  config.classes[1].weight = static_cast<std::uint16_t>(10 + chance_.below(91));
  note("boot " + std::to_string(host));
  segment_.boot(config);
}

void RandomFaults::crash(HostId host) {
  note("crash " + std::to_string(host.value));
  segment_.crash(host);
}

void RandomFaults::stall(HostId host) {
  const base::Duration span = some_ms(1, 2500);
  note("stall " + std::to_string(host.value) + " for " + std::to_string(base::to_ms(span)) + " ms");
  if (chance_.below(2) == 0) {
    segment_.stall_control(host, span);
  } else {
    segment_.stall_host(host, span);
  }
  if (chance_.below(4) == 0) {  // several at once, as on one overloaded machine
    const HostId other{static_cast<std::uint8_t>(1 + chance_.below(hosts_))};
    note("and " + std::to_string(other.value));
    if (segment_.is_up(other)) segment_.stall_host(other, span);
  }
}

void RandomFaults::drain(HostId host) {
  if (segment_.is_stalled(host)) return;
  const base::BucketIndex bucket{static_cast<std::uint32_t>(chance_.below(64))};
  segment_.set_flows(host, bucket, static_cast<std::uint32_t>(chance_.below(3)));
  OperatorCommand command = verb(Verb::drainstop);
  command.drain_timeout = chance_.below(2) == 0 ? some_ms(1, 2000) : base::Duration::zero();
  note("drain " + std::to_string(host.value));
  segment_.command(host, command);
}

void RandomFaults::change_weight(HostId host) {
  if (segment_.is_stalled(host)) return;
  OperatorCommand command = verb(Verb::set_weight);
  command.map_class = kSpread;
  command.weight = static_cast<std::uint16_t>(chance_.below(101));
  note("weight of " + std::to_string(host.value));
  segment_.command(host, command);
}

/// Boots, wakes and starts everybody, then leaves them alone for as long as a crash may take to be
/// noticed and its lease to pass, twice (a stalled host comes back in between).
void RandomFaults::heal() {
  segment_.run_for(std::chrono::milliseconds(2600));
  for (std::uint8_t value = 1; value <= hosts_; ++value) {
    const HostId host{value};
    if (!segment_.is_up(host)) boot(value);
    segment_.set_flows(host, base::BucketIndex{0}, 0);
    segment_.command(host, verb(Verb::start));
    OperatorCommand command = verb(Verb::set_weight);
    command.map_class = kSpread;
    command.weight = static_cast<std::uint16_t>(20 + 10 * chance_.below(9));
    segment_.command(host, command);
  }
  segment_.set_loss(0);
  segment_.run_for(std::chrono::milliseconds(3000));
}

void RandomFaults::check_healed() {
  std::uint32_t total_weight = 0;
  for (std::uint8_t value = 1; value <= hosts_; ++value) {
    const convergence::Node& node = segment_.node(HostId{value});
    const convergence::Status status = node.status(segment_.now());
    if (!status.converged) {
      complain("host " + std::to_string(value) + " is " + std::string(name(status.state)) + ": " +
               status.reason);
    }
    if (node.map_digest() != segment_.node(HostId{1}).map_digest()) complain("maps differ");
    total_weight += node.weight(kSpread);
  }
  for (std::uint16_t c = 0; c < 3; ++c) {
    const std::uint32_t want = c == kSpread.value ? 64 : 1;
    if (segment_.owned_buckets(ClassIndex{c}) != want) complain("a bucket has no owner");
  }
  for (std::uint8_t value = 1; value <= hosts_; ++value) {
    const std::uint32_t have = segment_.buckets_of(HostId{value}, kSpread);
    const std::uint32_t ideal = 64 * segment_.node(HostId{value}).weight(kSpread);  // x total
    const bool balanced =
        have * total_weight < ideal + total_weight && ideal < (have + 1) * total_weight;
    if (!balanced) complain("host " + std::to_string(value) + " has an unfair share");
  }
  segment_.set_loss(static_cast<unsigned>(report_.seed % 5));
}

void RandomFaults::complain(const std::string& what) {
  report_.violations.push_back("after healing, " + std::to_string(segment_.now().ns / 1000) +
                               " us: " + what);
}

}  // namespace covey::test
