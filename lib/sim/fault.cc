// SPDX-License-Identifier: BSD-3-Clause
#include "sim/fault.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "sim/chance.h"
#include "sim/cluster.h"

namespace covey::sim {

using base::Duration;
using base::HostId;
using base::HostSet;

namespace {

struct Likelihood {
  FaultKind kind;
  unsigned parts;
};
constexpr std::array kHostFaults{
    Likelihood{FaultKind::crash, 9},         Likelihood{FaultKind::restart, 8},
    Likelihood{FaultKind::stall_control, 9}, Likelihood{FaultKind::stall_host, 7},
    Likelihood{FaultKind::stall_many, 5},    Likelihood{FaultKind::stop, 6},
    Likelihood{FaultKind::start, 9},         Likelihood{FaultKind::drain, 6},
    Likelihood{FaultKind::weight, 8},        Likelihood{FaultKind::flows, 4},
    Likelihood{FaultKind::skew, 4},          Likelihood{FaultKind::duplicate_id, 3},
    Likelihood{FaultKind::mismatch, 3},      Likelihood{FaultKind::light_loss, 4},
    Likelihood{FaultKind::die, 6},
};
constexpr std::array kLinkFaults{
    Likelihood{FaultKind::slow, 3}, Likelihood{FaultKind::storm, 3},
    Likelihood{FaultKind::cut, 8},  Likelihood{FaultKind::deaf, 4},
    Likelihood{FaultKind::mute, 4}, Likelihood{FaultKind::partition, 10},
};
constexpr unsigned kMostPerBurst = 9;
constexpr unsigned kMeanPerBurst = 5;
constexpr unsigned kFaultsPerStage = 12;
constexpr unsigned kFaultsPerHold = 8;
constexpr std::uint32_t kHeldClasses = 4;  // one more than the first configuration has

class Planner {
 public:
  explicit Planner(const PlanOptions& options)
      : options_(options),
        chance_(mix(options.seed, 0x706c616e)),
        stage_chance_(mix(options.seed, 0x7374616765)),
        hold_chance_(mix(options.seed, 0x686f6c64)) {}

  std::vector<Fault> plan() {
    const auto bursts = std::max(1U, options_.faults / kMeanPerBurst);
    const Duration interval = options_.timing.interval;
    // A burst takes five gaps of 6 intervals on average, every other one is followed by a calm.
    const Duration busy =
        (interval * (6 * kMeanPerBurst) + calm_span(options_.timing) / 2) * bursts;
    const Duration idle = std::max(Duration::zero(), options_.length - busy) / bursts;
    at_ = calm_span(options_.timing) / 2;  // all have booted
    unsigned left = options_.faults;
    while (left > 0) {
      const unsigned count = std::min<unsigned>(left, 1U + below(kMostPerBurst));
      for (unsigned i = 0; i < count; ++i)
        add_fault();
      left -= count;
      at_ += idle * below(2000) / 1000;
      if (left == 0 || below(2) == 0) add_calm();
    }
    return std::move(plan_);
  }

 private:
  unsigned below(unsigned limit) { return static_cast<unsigned>(chance_.below(limit)); }
  Duration intervals(unsigned least_tenths, unsigned most_tenths) {
    const Duration tenth = options_.timing.interval / 10;
    const Duration whole = tenth * (least_tenths + below(most_tenths - least_tenths + 1));
    return whole + tenth * below(1000) / 1000;
  }
  HostId some_host() { return HostId{static_cast<std::uint8_t>(1 + below(options_.hosts))}; }
  HostSet some_hosts() {
    HostSet hosts;
    const unsigned percent = 10 + below(81);
    for (std::uint8_t host = 1; host <= options_.hosts; ++host) {
      if (below(100) < percent) hosts.insert(HostId{host});
    }
    return hosts;
  }
  template <std::size_t kSize>
  FaultKind some_of(const std::array<Likelihood, kSize>& choices) {
    unsigned total = 0;
    for (const Likelihood& choice : choices)
      total += choice.parts;
    unsigned chosen = below(total);
    for (const Likelihood& choice : choices) {
      if (chosen < choice.parts) return choice.kind;
      chosen -= choice.parts;
    }
    return choices.back().kind;
  }

  void add_fault() {
    Fault fault;
    fault.at = at_;
    const bool of_links = options_.link_faults && below(3) == 0;
    fault.kind = of_links ? some_of(kLinkFaults) : some_of(kHostFaults);
    if (options_.gateway_faults && below(7) == 0) fault.kind = FaultKind::gateway;
    const bool unwanted = fault.kind == FaultKind::duplicate_id && !options_.duplicate_ids;
    if (unwanted) fault.kind = FaultKind::crash;
    fault.host = some_host();
    fault.other = some_host();
    fault.hosts = some_hosts();
    fault.span = below(3) == 0 ? intervals(0, 15) : intervals(10, 250);
    fault.value = below(1001);
    fit(fault);
    plan_.push_back(fault);
    add_stage();
    add_hold();
    // Some at once, most close enough to meet the consequences of the last one.
    at_ += below(4) == 0 ? intervals(0, 2) : intervals(2, 150);
  }

  /// By a chance of its own: the other faults of a seed are what they are without it.
  void add_stage() {
    if (stage_chance_.below(kFaultsPerStage) != 0) return;
    Fault fault{.at = at_, .kind = FaultKind::stage};
    const HostSet some(stage_chance_.next() & ((std::uint64_t{2} << (options_.hosts - 1)) - 1));
    fault.hosts = stage_chance_.below(2) == 0 ? kEverybody : some;
    fault.value = static_cast<std::uint32_t>(stage_chance_.below(kVariants));
    plan_.push_back(fault);
  }

  /// Likewise. Mostly of the whole, since that is what moves most.
  void add_hold() {
    if (hold_chance_.below(kFaultsPerHold) != 0) return;
    Fault fault{.at = at_, .kind = FaultKind::hold};
    fault.host = HostId{static_cast<std::uint8_t>(1 + hold_chance_.below(options_.hosts))};
    fault.value = static_cast<std::uint32_t>(hold_chance_.below(1000));
    plan_.push_back(fault);
  }

  void fit(Fault& fault) {
    switch (fault.kind) {
      case FaultKind::drain:
        if (fault.value % 2 == 0) fault.span = Duration::zero();
        break;
      case FaultKind::weight:
        fault.value %= kFullWeight + 1;
        break;
      case FaultKind::flows:
        fault.value %= 3;
        break;
      case FaultKind::skew:
        fault.value = below(static_cast<unsigned>(2 * kMostSkew) + 1);
        break;
      case FaultKind::light_loss:
        fault.value = 1 + fault.value % 20;
        break;
      case FaultKind::slow:
        fault.value = 5 + fault.value % 150;
        break;
      case FaultKind::storm:
        fault.value = 100 + fault.value % 900;
        break;
      case FaultKind::gateway:
        if (fault.value % 4 == 0) fault.hosts = kEverybody;  // it has failed
        break;
      default:
        break;
    }
  }

  void add_calm() {
    at_ += options_.timing.interval * 2;
    plan_.push_back(Fault{.at = at_, .kind = FaultKind::calm});
    at_ += calm_span(options_.timing);
  }

  PlanOptions options_;
  Chance chance_;
  Chance stage_chance_;
  Chance hold_chance_;
  Duration at_{};
  std::vector<Fault> plan_;
};

std::string host_text(HostId host) {
  return std::to_string(host.value);
}

}  // namespace

std::vector<Fault> make_plan(const PlanOptions& options) {
  return Planner(options).plan();
}

Hold hold_of(const Fault& fault) {
  const std::uint32_t how = fault.value / kHeldClasses % 5;
  const std::uint32_t some = fault.value % 99 + 1;
  return {.map_class = {static_cast<std::uint16_t>(fault.value % kHeldClasses)},
          .percent = static_cast<std::uint8_t>(how < 3    ? 0
                                               : how == 3 ? some
                                                          : 100),
          .closed = how == 0,
          .last_resort = how == 2};
}

std::string seconds_text(Duration duration) {
  std::array<char, 40> buffer{};
  const std::int64_t ns = duration.count();
  std::snprintf(buffer.data(), buffer.size(), "%lld.%03lld s",
                static_cast<long long>(ns / 1'000'000'000),
                static_cast<long long>(ns / 1'000'000 % 1000));
  return buffer.data();
}

std::string hosts_text(HostSet hosts) {
  std::string text;
  hosts.for_each([&](HostId host) {
    text += text.empty() ? "" : ",";
    text += host_text(host);
  });
  return text;
}

std::string_view name(FaultKind kind) {
  switch (kind) {
    case FaultKind::crash:
      return "crash";
    case FaultKind::die:
      return "die";
    case FaultKind::restart:
      return "restart";
    case FaultKind::stall_control:
      return "stall_control";
    case FaultKind::stall_host:
      return "stall_host";
    case FaultKind::stall_many:
      return "stall_many";
    case FaultKind::stop:
      return "stop";
    case FaultKind::start:
      return "start";
    case FaultKind::drain:
      return "drain";
    case FaultKind::weight:
      return "weight";
    case FaultKind::flows:
      return "flows";
    case FaultKind::skew:
      return "skew";
    case FaultKind::duplicate_id:
      return "duplicate_id";
    case FaultKind::mismatch:
      return "mismatch";
    case FaultKind::stage:
      return "stage";
    case FaultKind::hold:
      return "hold";
    case FaultKind::light_loss:
      return "light_loss";
    case FaultKind::slow:
      return "slow";
    case FaultKind::storm:
      return "storm";
    case FaultKind::cut:
      return "cut";
    case FaultKind::deaf:
      return "deaf";
    case FaultKind::mute:
      return "mute";
    case FaultKind::partition:
      return "partition";
    case FaultKind::gateway:
      return "gateway";
    case FaultKind::calm:
      return "calm";
  }
  return "?";
}

std::string text(const Fault& fault) {
  const std::string host = "host " + host_text(fault.host);
  const std::string span = " for " + seconds_text(fault.span);
  const std::string value = std::to_string(fault.value);
  switch (fault.kind) {
    case FaultKind::crash:
      return host + " crashes";
    case FaultKind::die:
      return "the process of " + host + " dies";
    case FaultKind::restart:
      return host + " crashes and boots " + seconds_text(fault.span) + " later";
    case FaultKind::stall_control:
      return "the control thread of " + host + " stalls" + span;
    case FaultKind::stall_host:
      return host + " stalls" + span;
    case FaultKind::stall_many:
      return "hosts " + hosts_text(fault.hosts) + " stall" + span;
    case FaultKind::stop:
      return host + ": stop";
    case FaultKind::start:
      return host + ": start";
    case FaultKind::drain:
      return host + ": drainstop" + (fault.span.count() == 0 ? std::string() : span + " at most");
    case FaultKind::weight:
      return host + ": weight " + value;
    case FaultKind::flows:
      return host + " holds " + value + " flows in bucket " + host_text(fault.other);
    case FaultKind::skew:
      return host + " boots with a clock off by " +
             std::to_string(std::int64_t{fault.value} - kSkewMiddle) + " ppm";
    case FaultKind::duplicate_id:
      return "a second machine uses the id of " + host + span;
    case FaultKind::mismatch:
      return host + " boots with another configuration" + span;
    case FaultKind::stage: {
      const bool all = fault.hosts == kEverybody;
      return (all ? std::string("all hosts") : "hosts " + hosts_text(fault.hosts)) + " stage " +
             std::string(name(static_cast<Variant>(fault.value)));
    }
    case FaultKind::hold: {
      const Hold hold = hold_of(fault);
      return host + ": takes " + std::to_string(hold.percent) + " % of its part in class " +
             std::to_string(hold.map_class.value) +
             (hold.closed        ? ", which it closes"
              : hold.last_resort ? ", but as the last resort"
                                 : "");
    }
    case FaultKind::light_loss:
      return value + " of 1000 messages are lost" + span;
    case FaultKind::slow:
      return "messages take up to " + value + " % of an interval" + span;
    case FaultKind::storm:
      return "storm: " + value + " of 1000 messages are lost" + span;
    case FaultKind::cut:
      return host + " no longer reaches host " + host_text(fault.other) + span;
    case FaultKind::deaf:
      return host + " hears nobody" + span;
    case FaultKind::mute:
      return "nobody hears " + host + span;
    case FaultKind::partition:
      return "partition: hosts " + hosts_text(fault.hosts) + " from the rest" + span;
    case FaultKind::gateway:
      if (fault.hosts == kEverybody) return "the gateway fails" + span;
      return "hosts " + hosts_text(fault.hosts) + " do not reach the gateway" + span;
    case FaultKind::calm:
      return "calm: all is mended, then checked";
  }
  return "?";
}

}  // namespace covey::sim
