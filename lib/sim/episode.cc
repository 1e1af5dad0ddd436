// SPDX-License-Identifier: BSD-3-Clause
#include "sim/episode.h"

#include <algorithm>

namespace covey::sim {

using base::ClassIndex;
using base::Duration;
using base::HostId;
using base::HostSet;
using base::TimePoint;
using convergence::Verb;

namespace {

constexpr Slot kSecondMachines = 64;  // a second machine with id h stands in slot 64 + h
constexpr std::uint64_t kForNonce = 1;
constexpr std::uint64_t kForClock = 2;
constexpr std::uint64_t kForWeight = 3;
constexpr std::uint64_t kForSecondNonce = 4;
constexpr std::uint64_t kForProbe = 5;

SegmentOptions options_of(const EpisodeSetup& setup) {
  SegmentOptions options;
  options.seed = mix(setup.seed, 0x6c696e6b73);
  options.most_delay = std::chrono::milliseconds(2);
  options.loss_per_mille = static_cast<unsigned>(setup.seed % 5);
  options.duplicate_per_mille = 2;
  options.straggler_per_mille = 2;
  options.straggler_delay = setup.cluster.timing.interval * 2;
  options.breakage = setup.breakage;
  return options;
}

}  // namespace

Episode::Episode(const EpisodeSetup& setup)
    : setup_(setup),
      segment_(options_of(setup)),
      coverage_(setup.cluster.buckets),
      boots_(base::kMaxHosts + 1, 0),
      clock_errors_(base::kMaxHosts + 1, kSkewMiddle),
      files_(base::kMaxHosts + 1, Variant::first) {
  segment_.observe_owners([this] { coverage_.look(segment_); });
  for_each_host([&](HostId host) {
    clock_errors_[host.value] =
        static_cast<std::uint32_t>(chance_for(host, kForClock) % (2 * kMostSkew + 1));
  });
}

void Episode::follow(Transcript& transcript) {
  transcript_ = &transcript;
  transcript.follow(segment_);
}

void Episode::note(const std::string& what) {
  if (transcript_ != nullptr) transcript_->note(segment_, what);
}

template <typename Visit>
void Episode::for_each_host(Visit&& visit) const {
  for (std::uint8_t value = 1; value <= setup_.cluster.hosts; ++value)
    visit(HostId{value});
}

/// By host and how often it has booted: leaving out a fault elsewhere changes nothing here.
std::uint64_t Episode::chance_for(HostId host, std::uint64_t purpose) const {
  return mix(mix(setup_.seed, purpose), host.value, boots_[host.value]);
}

EpisodeResult Episode::run(const std::vector<Fault>& plan, Duration length) {
  const TimePoint end = TimePoint{} + length;
  for_each_host([&](HostId host) { boot(host); });
  for (const Fault& fault : plan) {
    const TimePoint at = std::max(segment_.now(), TimePoint{} + fault.at);
    if (at > end || !run_until(at)) break;
    apply(fault);
  }
  run_until(std::max(end, segment_.now()));
  return EpisodeResult{.faults = faults_,
                       .by_kind = by_kind_,
                       .commits = segment_.commits(),
                       .moved_buckets = segment_.moved_buckets(),
                       .steps = segment_.steps(),
                       .messages = segment_.messages(),
                       .worst_unowned = coverage_.worst(),
                       .ended = segment_.now(),
                       .violations = segment_.violations()};
}

/// Ends what is due on the way. False once a promise is broken.
bool Episode::run_until(TimePoint time) {
  // In short pieces, so that a broken promise ends the run where it happened.
  const Duration piece = setup_.cluster.timing.interval * 5;
  while (segment_.violations().empty()) {
    const TimePoint due = ends_.empty() ? TimePoint::never() : ends_.begin()->first;
    const TimePoint next = std::min({due, time, segment_.now() + piece});
    segment_.run_for(next - segment_.now());
    if (due <= segment_.now()) {
      finish(ends_.extract(ends_.begin()).mapped());
    } else if (segment_.now() >= time) {
      break;
    }
  }
  return segment_.violations().empty();
}

void Episode::apply(const Fault& fault) {
  if (fault.kind == FaultKind::calm) {
    calm();
    return;
  }
  if (fault.kind == FaultKind::stage) {
    note(text(fault));
    stage(fault.hosts, static_cast<Variant>(fault.value));
    count(std::string(name(fault.kind)));
    return;
  }
  if (fault.kind == FaultKind::hold) {
    note(text(fault));
    const Hold hold = hold_of(fault);
    obey(fault.host, hold_command(hold.map_class, hold.percent, hold.closed, hold.last_resort));
    count(std::string(name(fault.kind)));
    return;
  }
  const bool of_links = fault.kind >= FaultKind::light_loss;
  if (!of_links && !segment_.is_up(fault.host)) {
    note("host " + std::to_string(fault.host.value) + " boots");
    boot(fault.host);
    count("boot");
    return;
  }
  note(text(fault));
  if (of_links) {
    apply_to_links(fault);
  } else if (!apply_to_host(fault)) {
    return;
  }
  count(std::string(name(fault.kind)));
}

void Episode::count(const std::string& kind) {
  ++faults_;
  ++by_kind_[kind];
}

/// False if the host is in no state to notice.
bool Episode::apply_to_host(const Fault& fault) {
  switch (fault.kind) {
    case FaultKind::crash:
      segment_.crash(fault.host);
      return true;
    case FaultKind::die:
      segment_.die(fault.host);
      return true;
    case FaultKind::restart:
      restart(fault.host, fault.span);
      return true;
    case FaultKind::stall_control:
    case FaultKind::stall_host:
    case FaultKind::stall_many:
      stall(fault);
      return true;
    case FaultKind::stop: {
      convergence::OperatorCommand order = command(Verb::stop);
      order.comes_back = fault.value % 2 == 0;  // or so it says
      return obey(fault.host, order);
    }
    case FaultKind::start:
      return obey(fault.host, command(Verb::start));
    case FaultKind::drain: {
      convergence::OperatorCommand order = command(Verb::drainstop);
      order.drain_timeout = fault.span;
      return obey(fault.host, order);
    }
    case FaultKind::weight:
      return obey(fault.host, weight_command(static_cast<std::uint16_t>(fault.value)));
    case FaultKind::flows:
      segment_.set_flows(fault.host, {fault.other.value % setup_.cluster.buckets}, fault.value);
      return true;
    case FaultKind::skew:
      clock_errors_[fault.host.value] = fault.value;
      restart(fault.host, setup_.cluster.timing.interval);
      return true;
    case FaultKind::duplicate_id:
      return duplicate(fault);
    case FaultKind::mismatch:
      segment_.crash(fault.host);
      boot(fault.host, true);
      end_in(fault.span, {.ending = Ending::agree, .host = fault.host});
      return true;
    default:
      return false;
  }
}

void Episode::stage(HostSet hosts, Variant variant) {
  newest_ = variant;
  for_each_host([&](HostId host) {
    if (!hosts.contains(host)) return;
    files_[host.value] = variant;
    stage_file(host);
  });
}

/// A stalled control thread reloads nothing.
void Episode::stage_file(HostId host) {
  if (!segment_.is_up(host) || segment_.is_stalled(host)) return;
  convergence::Configuration config = configuration(setup_.cluster, host, files_[host.value]);
  config.classes[kSpread.value].weight = weight_at_boot(host);
  segment_.stage(host, config);
}

void Episode::apply_to_links(const Fault& fault) {
  SegmentOptions& options = segment_.options();
  switch (fault.kind) {
    case FaultKind::light_loss:
      options.loss_per_mille = std::max(options.loss_per_mille, fault.value);
      end_in(fault.span, {.ending = Ending::light_loss});
      break;
    case FaultKind::slow:
      options.most_delay = setup_.cluster.timing.interval * fault.value / 100;
      segment_.disturb_until(segment_.now() + fault.span + options.most_delay);
      end_in(fault.span, {.ending = Ending::slow});
      break;
    case FaultKind::storm:
      options.loss_per_mille = fault.value;
      segment_.disturb_until(segment_.now() + fault.span);
      end_in(fault.span, {.ending = Ending::storm});
      break;
    case FaultKind::gateway:
      lose_gateway(fault.hosts, fault.span);
      break;
    default:
      cut(fault, links_of(fault));
      break;
  }
}

std::vector<std::pair<HostId, HostId>> Episode::links_of(const Fault& fault) const {
  std::vector<std::pair<HostId, HostId>> links;
  for_each_host([&](HostId from) {
    for_each_host([&](HostId to) {
      if (from == to) return;
      const bool one_way = fault.kind == FaultKind::cut && from == fault.host && to == fault.other;
      const bool deaf = fault.kind == FaultKind::deaf && to == fault.host;
      const bool mute = fault.kind == FaultKind::mute && from == fault.host;
      const bool across = fault.kind == FaultKind::partition &&
                          fault.hosts.contains(from) != fault.hosts.contains(to);
      if (one_way || deaf || mute || across) links.emplace_back(from, to);
    });
  });
  return links;
}

void Episode::cut(const Fault& fault, const std::vector<std::pair<HostId, HostId>>& links) {
  for (const auto& [from, to] : links)
    segment_.cut(from, to);
  end_in(fault.span, {.ending = Ending::mend, .host = fault.host, .links = links});
  if (fault.kind != FaultKind::partition) return;
  // A gateway stands on one side; a router with two legs on both.
  if (fault.value % 3 == 0) lose_gateway(fault.hosts, fault.span);
  if (fault.value % 3 == 1) {
    lose_gateway(kEverybody.without(fault.hosts), fault.span);
  }
}

void Episode::lose_gateway(HostSet hosts, Duration span) {
  gateway_losses_.push_back(hosts);
  end_in(span, {.ending = Ending::reach, .hosts = hosts});
  probe_gateway();
}

bool Episode::reaches_gateway(HostId host) const {
  return std::none_of(gateway_losses_.begin(), gateway_losses_.end(),
                      [&](HostSet lost) { return lost.contains(host); });
}

/// Each host notices at a time of its own; what it then finds is what counts.
void Episode::probe_gateway() {
  if (setup_.cluster.partition != convergence::PartitionPolicy::gateway) return;
  for_each_host([&](HostId host) {
    const std::uint64_t when = mix(chance_for(host, kForProbe), ends_.size(), faults_) % 1000;
    const Duration span = setup_.cluster.timing.silence() * static_cast<std::int64_t>(when) / 1000;
    end_in(span, {.ending = Ending::probe, .host = host});
  });
}

void Episode::end_in(Duration span, End end) {
  ends_.emplace(segment_.now() + span, std::move(end));
}

void Episode::finish(const End& end) {
  SegmentOptions& options = segment_.options();
  const SegmentOptions usual = options_of(setup_);
  switch (end.ending) {
    case Ending::boot:
      if (!segment_.is_up(end.host)) boot(end.host);
      break;
    case Ending::unduplicate: {
      const auto slot = static_cast<Slot>(kSecondMachines + end.host.value);
      if (segment_.is_present(slot)) segment_.remove(slot);
      break;
    }
    case Ending::agree:
      if (segment_.is_up(end.host)) segment_.crash(end.host);
      boot(end.host);
      break;
    case Ending::light_loss:
    case Ending::storm:
      options.loss_per_mille = usual.loss_per_mille;
      break;
    case Ending::slow:
      options.most_delay = usual.most_delay;
      break;
    case Ending::mend:
      for (const auto& [from, to] : end.links)
        segment_.cut(from, to, false);
      break;
    case Ending::reach:
      gateway_losses_.erase(std::find(gateway_losses_.begin(), gateway_losses_.end(), end.hosts));
      probe_gateway();
      break;
    case Ending::probe:
      if (segment_.is_up(end.host)) segment_.gateway(end.host, reaches_gateway(end.host));
      break;
  }
}

void Episode::boot(HostId host, bool odd_configuration) {
  ++boots_[host.value];
  convergence::NodeConfig config =
      node_config(setup_.cluster, host, chance_for(host, kForNonce), files_[host.value]);
  if (odd_configuration) {
    config.config_digest ^= 1U;
    config.shared_settings.front().value = "single";
  }
  config.classes[kSpread.value].weight = weight_at_boot(host);
  const Clock clock{.offset_ns = std::int64_t{1'000'000'000'000} * host.value,
                    .parts_per_million = std::int64_t{clock_errors_[host.value]} - kSkewMiddle};
  segment_.boot(config, clock);
  if (config.partition == convergence::PartitionPolicy::gateway) {
    segment_.gateway(host, reaches_gateway(host));
  }
}

std::uint16_t Episode::weight_at_boot(HostId host) const {
  return static_cast<std::uint16_t>(10 + chance_for(host, kForWeight) % 91);
}

void Episode::restart(HostId host, Duration pause) {
  segment_.crash(host);
  end_in(pause, {.ending = Ending::boot, .host = host});
}

void Episode::stall(const Fault& fault) {
  if (fault.kind == FaultKind::stall_control) {
    segment_.stall_control(fault.host, fault.span);
  } else if (fault.kind == FaultKind::stall_host) {
    segment_.stall_host(fault.host, fault.span);
  } else {
    fault.hosts.for_each([&](HostId host) {
      if (segment_.is_up(host)) segment_.stall_host(host, fault.span);
    });
  }
}

bool Episode::duplicate(const Fault& fault) {
  const auto slot = static_cast<Slot>(kSecondMachines + fault.host.value);
  if (segment_.is_present(slot)) return false;
  ++boots_[fault.host.value];  // a nonce is never used twice
  segment_.boot_namesake(
      slot, node_config(setup_.cluster, fault.host, chance_for(fault.host, kForSecondNonce),
                        files_[fault.host.value]));
  end_in(fault.span, {.ending = Ending::unduplicate, .host = fault.host});
  return true;
}

/// A stalled control thread obeys nobody.
bool Episode::obey(HostId host, const convergence::OperatorCommand& order) {
  if (!segment_.is_up(host) || segment_.is_stalled(host)) return false;
  segment_.command(host, order);
  return true;
}

void Episode::calm() {
  mend();
  note("calm");
  if (!run_until(segment_.now() + calm_span(setup_.cluster.timing))) return;
  check_all_is_well();
  const std::uint64_t commits = segment_.commits();
  if (!run_until(segment_.now() + setup_.cluster.timing.interval * 5)) return;
  if (segment_.commits() != commits) segment_.complain("S12: still converging after a calm");
  segment_.options() = options_of(setup_);
}

/// Boots, wakes and starts everybody, with the newest configuration, nothing held back, and mends
/// every link.
void Episode::mend() {
  TimePoint awake = segment_.now();
  for (const Machine* machine : segment_.machines())
    awake = std::max(awake, machine->control_stalled_until);
  while (!ends_.empty()) {
    finish(ends_.extract(ends_.begin()).mapped());
  }
  segment_.mend_all_links();
  segment_.options().loss_per_mille = 0;
  segment_.options().straggler_per_mille = 0;
  // A host that wakes up past the end of its drain stops first, and would not hear "start".
  if (!run_until(awake + setup_.cluster.timing.interval)) return;
  for_each_host([&](HostId host) {
    files_[host.value] = newest_;
    if (!segment_.is_up(host)) boot(host);
    stage_file(host);
    segment_.clear_flows(host);
    obey(host, command(Verb::start));
    obey(host, weight_command(static_cast<std::uint16_t>(20 + chance_for(host, kForWeight) % 81)));
    take_all(host);
  });
}

void Episode::take_all(HostId host) {
  const std::size_t classes = segment_.node(host).configuration().classes.size();
  for (std::size_t c = 0; c < classes; ++c)
    obey(host, hold_command({static_cast<std::uint16_t>(c)}, convergence::kWholePart));
}

void Episode::check_all_is_well() {
  for_each_host([&](HostId host) {
    const convergence::Status status = segment_.status(host);
    if (!status.converged) {
      segment_.complain("S3: after a calm host " + std::to_string(host.value) + " is " +
                        std::string(name(status.state)) + ": " + status.reason);
    }
    if (segment_.node(host).configuration().digest !=
        configuration(setup_.cluster, host, newest_).digest) {
      segment_.complain("S15: after a calm host " + std::to_string(host.value) +
                        " has not switched to the configuration that all have staged");
    }
    if (segment_.node(host).map_digest() != segment_.node(HostId{1}).map_digest()) {
      segment_.complain("S4: after a calm the maps differ");
    }
  });
  for (const convergence::ClassConfig& map_class :
       configuration(setup_.cluster, HostId{1}, newest_).classes) {
    const ClassIndex identity{static_cast<std::uint16_t>(map_class.identity)};
    if (segment_.owned_buckets(identity) == map_class.buckets) continue;
    const std::string promise = map_class.buckets > 1 ? "S3" : "S11";
    segment_.complain(promise + ": after a calm a bucket of class " +
                      std::to_string(identity.value) + " has no owner");
  }
  check_shares();
}

/// S6 once more, by what workers accept.
void Episode::check_shares() {
  std::uint64_t total = 0;
  for_each_host([&](HostId host) { total += segment_.node(host).part(kSpread).weight; });
  for_each_host([&](HostId host) {
    const bool doubled = newest_ == Variant::buckets_doubled;
    const std::uint64_t have = segment_.buckets_of(host, doubled ? kDoubledSpread : kSpread);
    const std::uint64_t ideal = std::uint64_t{setup_.cluster.buckets} * (doubled ? 2 : 1) *
                                segment_.node(host).part(kSpread).weight;
    if (have * total >= ideal + total || ideal >= (have + 1) * total) {
      segment_.complain("S6: after a calm host " + std::to_string(host.value) +
                        " has an unfair share");
    }
  });
}

}  // namespace covey::sim
