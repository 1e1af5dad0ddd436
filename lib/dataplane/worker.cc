// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/worker.h"

#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <algorithm>
#include <array>

#include <rte_cycles.h>
#include <rte_mbuf.h>

#include "dataplane/huge_pages.h"

namespace covey::dataplane {

namespace {

constexpr base::Duration kHousekeepingEvery = std::chrono::milliseconds(1);
constexpr std::uint32_t kExpiryBudget =
    256;  // entries per millisecond: 262,144 are looked at once a second
constexpr std::uint32_t kPlacingBudget =
    512;  // likewise, after a change of configuration: some per cent of the time of a worker
constexpr std::uint32_t kListingBudget =
    8192;  // likewise, while flows are listed: a million in an eighth of a second
constexpr std::int64_t kMostMissed =
    3;  // turns of housekeeping that are made up for after a sleep, longer than any sleep
constexpr unsigned kFlowEventsPerRound = 64;  // of each other worker

// The statistics of the flow cache and where readers of other threads find each.
struct FlowCounter {
  WorkerCounter counter;
  std::uint64_t flow::Statistics::*member;
};
constexpr std::array<FlowCounter, 7> kFlowCounters = {{
    {WorkerCounter::flows_established, &flow::Statistics::established},
    {WorkerCounter::flows_half_open, &flow::Statistics::half_open},
    {WorkerCounter::flows_lingering, &flow::Statistics::lingering},
    {WorkerCounter::flows_created, &flow::Statistics::created},
    {WorkerCounter::flows_expired, &flow::Statistics::expired},
    {WorkerCounter::flows_evicted, &flow::Statistics::evicted},
    {WorkerCounter::flows_untracked, &flow::Statistics::untracked},
}};

int readable_fd_of_port(const Loan& loan) {
  return loan.port.readable_fd(loan.queue());
}

int readable_fd_of_stack(const Loan& loan) {
  return loan.local.readable_fd(loan.queue());
}

bool can_be_woken(const Loan& loan) {
  return readable_fd_of_port(loan) >= 0 && readable_fd_of_stack(loan) >= 0;
}

}  // namespace

base::TimePoint monotonic_now() noexcept {
  timespec now{};
  clock_gettime(CLOCK_MONOTONIC, &now);
  return {now.tv_sec * 1'000'000'000 + now.tv_nsec};
}

Worker::Worker(const Loan& loan, Idle idle, const flow::Settings& flows, std::uint64_t flow_seed)
    : loan_(loan),
      following_(loan.publisher, loan.index),
      plan_number_(loan.publisher.current().plan->number),
      idle_(idle, can_be_woken(loan)),
      flows_(flows, loan.publisher.current().plan->counts[loan.index], flow_seed),
      fragments_(flow_seed),
      membership_(loan.publisher.current().plan->policy->groups(), flow_seed) {
  for (const std::span<std::byte> table : flows_.tables())
    advise_huge_pages(table);
}

Worker::~Worker() {
  rte_pktmbuf_free_bulk(ahead_.frames.data(), ahead_.count);
}

bool Worker::run_once() noexcept {
  const std::uint64_t began = rte_rdtsc();
  const Moment moment = begin_round();
  speak(moment);
  bool worked = learn_flows(moment);

  worked = receive(moment) || worked;
  decide(moment);
  if (is_watched()) see_flows(arrived_, /*sent=*/false);
  hand_to_control();
  deliver(moment);
  reply(moment);
  discard(moment);
  worked = collect(moment) || worked;
  flush(moment);
  if (is_watched()) trace_round(moment);

  housekeeping(moment);
  following_.end_round(arrived_.count - from_parking_, kBurst - from_parking_);
  const auto time = worked ? WorkerCounter::busy_cycles : WorkerCounter::idle_cycles;
  counters_.add(static_cast<std::size_t>(WorkerCounter::loops));
  counters_.add(static_cast<std::size_t>(time), rte_rdtsc() - began);
  return worked;
}

void Worker::run(const std::atomic<bool>& stop) noexcept {
  while (!stop.load(std::memory_order_acquire)) {
    const bool worked = run_once();
    // Heartbeats come at all times, and keep no worker awake.
    const bool only_heard = arrived_.count != 0 && to_control_.count == arrived_.count;
    const IdlePolicy::Pause pause = idle_.after_look(worked && !only_heard, round_began_.ns);
    if (pause.ns > 0) rest(pause);
  }
  // What the control thread queued before it asked us to stop still goes out: it is the LEAVE
  // message, without which the peers have to wait until this host has been silent for long enough.
  const Moment last = begin_round();
  speak(last);
  leave_groups(last);
}

Worker::Moment Worker::begin_round() noexcept {
  const base::TimePoint now = round_began_ = monotonic_now();
  const Guide& guide = following_.begin_round();
  if (guide.plan->number != plan_number_) {
    plan_number_ = guide.plan->number;
    flows_.follow(guide.plan->counts[loan_.index]);
  }
  if (&loan_.traces.newest() != trace_order_) follow_trace();
  return {guide.snapshot, *guide.plan, now,
          now.ns < loan_.lease_ns.load(std::memory_order_relaxed)};
}

void Worker::count(forwarding::Verdict verdict, Lot lot) noexcept {
  verdict_frames_.add(static_cast<std::size_t>(verdict), lot.frames);
  verdict_bytes_.add(static_cast<std::size_t>(verdict), lot.bytes);
}

void Worker::count_arrival(forwarding::Verdict verdict, const forwarding::Decision& decision,
                           Lot lot, const Plan& plan) noexcept {
  count(verdict, lot);
  // Frames that port rules have no say in (address resolution, echo, what is not for us) belong to
  // no row.
  const bool by_default = decision.rule == forwarding::kDefaultRule;
  if (by_default && !(decision.has_bucket && decision.map_class == bucket::kDefaultHostClass)) {
    return;
  }
  rules_.add(2 * plan.rows.of(decision.rule) + (forwarding::is_delivery(verdict) ? 0 : 1),
             lot.frames);
}

bool Worker::learn_flows(const Moment& moment) noexcept {
  return loan_.exchange.hear(loan_.index, kFlowEventsPerRound, [&](const FlowEvent& event) {
    // What others learned from us is not told again, so nothing travels in circles.
    forwarding::Decision decision = event.decision;
    if (event.plan != moment.plan.number) {
      const packet::FlowKey& key = event.view.key;
      decision =
          forwarding::placed_anew(decision, event.sent ? key.reversed() : key, moment.snapshot);
    }
    if (event.sent) {
      forwarding::note_sent(event.view, decision, flows_, moment.now);
    } else {
      forwarding::note_received(event.view, decision, flows_, moment.now);
      fragments_.learn(event.view, decision, moment.now);
    }
  });
}

void Worker::housekeeping(const Moment& moment) noexcept {
  if (moment.now < next_housekeeping_) return;
  const std::int64_t missed = (moment.now - next_housekeeping_) / kHousekeepingEvery;
  const auto turns = static_cast<std::uint32_t>(1 + std::min(missed, kMostMissed));
  next_housekeeping_ = moment.now + kHousekeepingEvery;
  flows_.expire(moment.now, turns * kExpiryBudget);
  end_parking(moment);
  flows_.place_again(turns * kPlacingBudget, [&moment](const packet::FlowKey& key) {
    return forwarding::placement_of(moment.snapshot, key);
  });
  const flow::Statistics statistics = flows_.statistics();
  for (const auto& [counter, member] : kFlowCounters) {
    counters_.set(static_cast<std::size_t>(counter), statistics.*member);
  }
  if (loan_.index == 0) answer_questions(moment, turns * kListingBudget);
}

flow::Statistics Worker::flow_statistics() const {
  flow::Statistics statistics;
  for (const auto& [counter, member] : kFlowCounters)
    statistics.*member = read(counter);
  return statistics;
}

/// One at a time: a list of flows takes as many turns as the cache is large.
void Worker::answer_questions(const Moment& moment, std::uint32_t budget) {
  AskedQuestion asked;
  if (!listing_ && !loan_.mailboxes.questions().try_pop(asked)) return;
  GivenAnswer given;
  given.number = asked.number;
  if (const auto* wanted = std::get_if<FlowsQuestion>(&asked.question); !listing_ && wanted) {
    listing_ = {asked.number, {*wanted}};
  }
  if (!listing_) {
    given.answer =
        forwarding::explain(std::get<forwarding::Question>(asked.question), surroundings(moment));
  } else if (flows_.go_on(listing_->list, moment.now, budget)) {
    given = {listing_->number, std::move(listing_->list.flows)};
    listing_.reset();
  } else {
    return;
  }
  // There is room: no more questions are ever open than the ring of answers holds.
  if (loan_.mailboxes.answers().try_push(std::move(given))) loan_.mailboxes.wake();
}

void Worker::rest(IdlePolicy::Pause pause) noexcept {
  const std::uint64_t began = rte_rdtsc();
  const timespec longest{0, pause.ns};
  Doorbell& bell = loan_.mailboxes.doorbell(loan_.index);
  const int arrivals = readable_fd_of_port(loan_);
  // Those that are -1 are passed over.
  std::array<pollfd, 3> wakers = {{{pause.until_woken ? arrivals : -1, POLLIN, 0},
                                   {readable_fd_of_stack(loan_), POLLIN, 0},
                                   {pause.until_woken ? bell.fd() : -1, POLLIN, 0}}};
  ppoll(wakers.data(), wakers.size(), &longest, nullptr);
  if (wakers[2].revents != 0) bell.silence();
  if (((wakers[0].revents | wakers[1].revents) & ~POLLIN) != 0) {
    // An interface was taken down. Its error, which would make polling of every later rest, goes
    // when it is read. This rest is a plain one.
    int error = 0;
    socklen_t length = sizeof(error);
    getsockopt(arrivals, SOL_SOCKET, SO_ERROR, &error, &length);
    ppoll(nullptr, 0, &longest, nullptr);
  }
  counters_.add(static_cast<std::size_t>(WorkerCounter::sleeps));
  counters_.add(static_cast<std::size_t>(WorkerCounter::idle_cycles), rte_rdtsc() - began);
}

}  // namespace covey::dataplane
