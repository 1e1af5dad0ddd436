// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/data_plane.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>

#include <algorithm>
#include <atomic>
#include <deque>
#include <map>
#include <system_error>
#include <thread>

#include <rte_errno.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>

#include "base/assert.h"
#include "base/processors.h"
#include "dataplane/census.h"
#include "dataplane/claim.h"
#include "dataplane/eal.h"
#include "dataplane/flow_exchange.h"
#include "dataplane/mailbox.h"
#include "dataplane/packet_socket.h"
#include "dataplane/plan.h"
#include "dataplane/port.h"
#include "dataplane/publish.h"
#include "dataplane/trace.h"
#include "dataplane/worker.h"

namespace covey::dataplane {

namespace {

// A queue's descriptors, what af_xdp keeps in its own rings, bursts, and buffers cached per thread;
// with slack.
constexpr unsigned kBuffersPerQueue = 8191;
constexpr unsigned kBufferCache = 256;
constexpr unsigned kBufferOverhead =
    512;  // header, headroom and pool bookkeeping of one buffer, rounded up
constexpr unsigned kDpdkItselfMb = 64;  // rings, devices, statistics
constexpr std::size_t kMaxOpenQuestions =
    kQuestions;  // so that the ring of answers always has room

using FlowsCompletion = std::function<void(const FlowsAnswer&)>;
using ExplainCompletion = std::function<void(const forwarding::Explanation&)>;

struct PoolFree {
  void operator()(rte_mempool* pool) const { rte_mempool_free(pool); }
};

unsigned memory_mb(unsigned workers, const DevicePlan& plan) {
  const unsigned long_buffers =
      localstack::kLongBuffersPerQueue + (plan.uses_packet_sockets() ? kLongBuffersPerSocket : 0);
  const std::uint64_t bytes =
      workers * (std::uint64_t{kBuffersPerQueue + 1} * (plan.buffer_room + kBufferOverhead) +
                 std::uint64_t{long_buffers} * (localstack::kLongestFrame + kBufferOverhead));
  return kDpdkItselfMb + static_cast<unsigned>(bytes / (1024 * 1024) + 1);
}

base::Result<void> check(const Options& options, unsigned workers) {
  const auto invalid = [](std::string what) {
    return base::fail(base::ErrorCode::invalid_argument, std::move(what));
  };
  const bool plain =
      !options.instance.empty() && options.instance.find_first_not_of(
                                       "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTU"
                                       "VWXYZ0123456789-_") == std::string::npos;
  if (!plain)
    return invalid("instance name \"" + options.instance + "\" must be letters, digits, - and _");
  if (workers > kMostWorkers) {
    return invalid("workers.cpus names " + std::to_string(workers) + " CPUs, at most " +
                   std::to_string(kMostWorkers) + " are used");
  }
  if (options.uplink.queues != workers) {
    return invalid("ports.uplink.queues is " + std::to_string(options.uplink.queues) +
                   " but there are " + std::to_string(workers) +
                   " workers (workers.cpus): each worker needs one queue");
  }
  const std::vector<unsigned> possible = base::possible_processors();
  for (const unsigned cpu : options.workers.cpus) {
    if (std::ranges::find(possible, cpu) == possible.end()) {
      return invalid("workers.cpus: CPU " + std::to_string(cpu) +
                     " is not there or not allowed for this process");
    }
  }
  return {};
}

void become_worker(unsigned index, int cpu) {
  ::prctl(PR_SET_NAME, ("covey-worker" + std::to_string(index)).c_str());
  ::prctl(PR_SET_TIMERSLACK, 1);  // short sleeps are meant as they are
  if (cpu >= 0) {
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET(static_cast<unsigned>(cpu), &set);
    pthread_setaffinity_np(pthread_self(), sizeof(set), &set);
  }
  // A registered thread has a cache of buffers of its own. Without one it is slower, not wrong.
  static_cast<void>(rte_thread_register());
}

}  // namespace

// Members are in the order they are made; the last made goes first.
struct DataPlane::Implementation {
  Options options;
  unsigned worker_count = 1;
  std::unique_ptr<Publisher<Guide>> publisher;
  std::atomic<std::int64_t> lease_ns{INT64_MIN};
  std::unique_ptr<Mailboxes> mailboxes;
  GatewayLink gateway;
  QueryLink queries;
  std::unique_ptr<FlowExchange> exchange;
  std::unique_ptr<Traces> traces;
  std::unique_ptr<Captures> captures;

  std::unique_ptr<UplinkClaim> claim;
  std::unique_ptr<Eal> eal;
  std::unique_ptr<rte_mempool, PoolFree> pool;
  std::unique_ptr<Port> port;
  std::unique_ptr<localstack::LocalStack> local;

  std::vector<std::unique_ptr<Worker>> workers;
  std::vector<std::thread> threads;
  std::atomic<bool> stop{false};

  std::deque<AskedQuestion> waiting;  // for room in the ring
  std::map<std::uint64_t, std::variant<ExplainCompletion, FlowsCompletion>> open_questions;
  std::uint64_t next_question = 1;
  std::size_t questions_out = 0;  // in the rings

  base::Result<void> open_devices();
  void make_workers();
  base::Result<void> start_threads();
  void stop_threads();
  void set_reading(unsigned worker, bool reading);
  void ask(std::variant<forwarding::Question, FlowsQuestion> question,
           std::variant<ExplainCompletion, FlowsCompletion> completion);
  void pass_on_questions();

  [[nodiscard]] RuleCount counted_in(std::size_t row) const;
  [[nodiscard]] std::shared_ptr<const Plan> plan_for(
      const std::shared_ptr<const forwarding::Policy>& policy) const;
};

base::Result<void> DataPlane::Implementation::open_devices() {
  const base::Result<DevicePlan> plan = plan_device(options.uplink);
  if (!plan) return std::unexpected(plan.error());
  const bool leaves_over = options.local.kind != localstack::Kind::none && options.local.offload;
  if (!plan->interface.empty()) {
    base::Result<std::unique_ptr<UplinkClaim>> taken =
        UplinkClaim::take(options.uplink, leaves_over && plan->uses_packet_sockets());
    if (!taken) return std::unexpected(taken.error());
    claim = std::move(*taken);
  }
  EalPlan environment;
  environment.memory_mb = memory_mb(worker_count, *plan);
  environment.huge_pages = !options.test_memory && free_huge_memory_mb() >= environment.memory_mb;
  environment.pci_address = plan->pci_address;
  environment.instance = options.instance;
  environment.cpus = base::inherited_processors();
  environment.more_arguments = options.eal_arguments;
  base::Result<std::unique_ptr<Eal>> started = Eal::start(environment);
  if (!started) return std::unexpected(started.error());
  eal = std::move(*started);

  pool.reset(rte_pktmbuf_pool_create(
      "covey", worker_count * (kBuffersPerQueue + 1) - 1, kBufferCache, 0,
      static_cast<std::uint16_t>(plan->buffer_room + RTE_PKTMBUF_HEADROOM), SOCKET_ID_ANY));
  if (pool == nullptr) {
    return base::fail(base::ErrorCode::unavailable,
                      std::string("make packet buffers: ") + rte_strerror(rte_errno));
  }
  base::Result<std::unique_ptr<localstack::LocalStack>> stack = localstack::open(
      options.local, options.local_interface, static_cast<std::uint16_t>(worker_count), pool.get());
  if (!stack) return std::unexpected(stack.error());
  local = std::move(*stack);
  base::Result<std::unique_ptr<Port>> opened =
      Port::open(*plan, options.uplink, {leaves_over, local->accepts()}, pool.get());
  if (!opened) return std::unexpected(opened.error());
  port = std::move(*opened);
  return {};
}

void DataPlane::Implementation::make_workers() {
  for (unsigned i = 0; i < worker_count; ++i) {
    const Loan loan{i,         *port,      port->abilities(), pool.get(),
                    *local,    *publisher, lease_ns,          *mailboxes,
                    *exchange, gateway,    queries,           traces->publisher()};
    // Each cache has a seed of its own; any mixing will do, the seed is random already.
    const std::uint64_t seed = options.flow_seed ^ (0x9e3779b97f4a7c15ULL * i);
    workers.push_back(std::make_unique<Worker>(loan, options.workers.idle, options.flows, seed));
  }
}

base::Result<void> DataPlane::Implementation::start_threads() {
  base::Result<void> started = port->start();
  if (!started) return started;
  stop.store(false);
  // Workers inherit a mask that blocks everything: signals are the control thread's business.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (unsigned i = 0; i < worker_count; ++i) {
    const int cpu = options.workers.cpus.empty() ? -1 : static_cast<int>(options.workers.cpus[i]);
    set_reading(i, true);
    try {
      threads.emplace_back([this, i, cpu] {
        const std::shared_ptr<void> alive = options.alive ? options.alive() : nullptr;
        become_worker(i, cpu);
        workers[i]->run(stop);
        rte_thread_unregister();
      });
    } catch (const std::system_error& error) {
      set_reading(i, false);
      started = base::fail(base::ErrorCode::unavailable,
                           std::string("start a worker thread: ") + error.what());
      break;
    }
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
  if (!started) stop_threads();
  return started;
}

void DataPlane::Implementation::set_reading(unsigned worker, bool reading) {
  publisher->set_reading(worker, reading);
  traces->publisher().set_reading(worker, reading);
}

void DataPlane::Implementation::stop_threads() {
  stop.store(true);
  for (unsigned i = 0; i < threads.size(); ++i) {
    threads[i].join();
    set_reading(i, false);
  }
  threads.clear();
}

base::Result<std::unique_ptr<DataPlane>> DataPlane::open(const Options& options,
                                                         forwarding::Snapshot first) {
  auto made = std::make_unique<Implementation>();
  made->options = options;
  made->worker_count = std::max(1U, static_cast<unsigned>(options.workers.cpus.size()));
  const base::Result<void> valid = check(options, made->worker_count);
  if (!valid) return std::unexpected(valid.error());
  const auto plan =
      std::make_shared<const Plan>(Plan{1, first.policy, RuleRows(*first.policy),
                                        make_counts(*first.policy, made->worker_count, true)});
  made->publisher = std::make_unique<Publisher<Guide>>(
      std::make_unique<const Guide>(Guide{std::move(first), plan}), made->worker_count);
  base::Result<std::unique_ptr<Mailboxes>> mailboxes = Mailboxes::create(made->worker_count);
  if (!mailboxes) return std::unexpected(mailboxes.error());
  made->mailboxes = std::move(*mailboxes);
  made->exchange = std::make_unique<FlowExchange>(made->worker_count);
  made->traces = std::make_unique<Traces>(made->worker_count);
  made->captures = std::make_unique<Captures>(made->worker_count, *made->traces, *made->mailboxes);
  const base::Result<void> opened = made->open_devices();
  if (!opened) return std::unexpected(opened.error());
  made->make_workers();
  return std::make_unique<DataPlane>(std::move(made));
}

DataPlane::DataPlane(std::unique_ptr<Implementation> implementation)
    : implementation_(std::move(implementation)) {}

DataPlane::~DataPlane() {
  implementation_->stop_threads();
}

base::Result<void> DataPlane::start_workers() {
  return implementation_->start_threads();
}

std::size_t DataPlane::take_over(std::span<const packet::FlowKey> connections) {
  std::size_t taken = 0;
  const base::TimePoint began = now();
  for (const packet::FlowKey& key : connections) {
    const auto place = forwarding::placement_of(snapshot(), key);
    if (!place) continue;
    bool has_room = true;
    for (const std::unique_ptr<Worker>& worker : implementation_->workers)
      has_room = worker->take_over(key, *place, began) && has_room;
    taken += has_room ? 1 : 0;
  }
  return taken;
}

unsigned DataPlane::workers() const {
  return implementation_->worker_count;
}

std::vector<std::string> DataPlane::warnings() const {
  return implementation_->claim ? implementation_->claim->warnings() : std::vector<std::string>{};
}

std::uint64_t DataPlane::publish(forwarding::Snapshot snapshot) {
  std::shared_ptr<const Plan> plan = implementation_->plan_for(snapshot.policy);
  const std::uint64_t ticket = implementation_->publisher->publish(
      std::make_unique<const Guide>(Guide{std::move(snapshot), std::move(plan)}));
  for (unsigned i = 0; i < implementation_->worker_count; ++i)
    implementation_->mailboxes->doorbell(i).ring();
  return ticket;
}

bool DataPlane::is_quiescent(std::uint64_t ticket) {
  return implementation_->publisher->is_quiescent(ticket);
}

const forwarding::Snapshot& DataPlane::snapshot() const {
  return implementation_->publisher->current().snapshot;
}

void DataPlane::publish_lease(base::TimePoint valid_until) {
  implementation_->lease_ns.store(valid_until.ns, std::memory_order_relaxed);
}

base::TimePoint DataPlane::now() {
  return monotonic_now();
}

bool DataPlane::send_heartbeat(std::span<const std::uint8_t> payload) {
  return implementation_->mailboxes->post_heartbeat(payload);
}

bool DataPlane::receive_heartbeat(std::vector<std::uint8_t>& payload) {
  return implementation_->mailboxes->take_heartbeat(payload);
}

void DataPlane::ask_gateway() {
  implementation_->gateway.ask();
}

base::TimePoint DataPlane::gateway_answered() const {
  return implementation_->gateway.last_answer();
}

int DataPlane::wake_fd() const {
  return implementation_->mailboxes->wake_fd();
}

std::uint64_t DataPlane::frames(forwarding::Verdict verdict) const {
  std::uint64_t frames = 0;
  for (const std::unique_ptr<Worker>& worker : implementation_->workers)
    frames += worker->verdict_frames().read(static_cast<std::size_t>(verdict));
  return frames;
}

std::vector<std::uint64_t> DataPlane::worker_loops() const {
  std::vector<std::uint64_t> loops;
  for (const std::unique_ptr<Worker>& worker : implementation_->workers)
    loops.push_back(worker->read(WorkerCounter::loops));
  return loops;
}

Census DataPlane::census() const {
  Census census;
  const Guide& guide = implementation_->publisher->current();
  for (std::size_t i = 0; i < implementation_->workers.size(); ++i) {
    const flow::Statistics flows = implementation_->workers[i]->flow_statistics();
    const std::uint64_t closed = closed_flows(guide.snapshot.buckets, *guide.plan->counts[i]);
    census.flows = std::max(census.flows, flows.live() - std::min(closed, flows.live()));
    census.evicted = std::max(census.evicted, flows.evicted);
    census.untracked = std::max(census.untracked, flows.untracked);
  }
  census.residual = residual_buckets(guide.snapshot.buckets, guide.plan->counts);
  return census;
}

namespace {

/// Flows and frames of one rule, or of the default host.
RuleReport report_of(forwarding::RuleIndex rule, const Plan& plan, const RuleCount& in_row) {
  RuleReport report{plan.rows.count(rule, in_row), 0};
  base::ClassIndex map_class = bucket::kDefaultHostClass;
  if (rule != forwarding::kDefaultRule) {
    // A disabled rule has no class of its own, and takes no connections either.
    if (plan.policy->rule(rule).mode == forwarding::RuleMode::disabled) return report;
    map_class = plan.policy->classes().class_of_rule[rule];
  }
  report.flows = plan.counts.front()->live_in_class(map_class);
  return report;
}

}  // namespace

RuleCount DataPlane::Implementation::counted_in(std::size_t row) const {
  RuleCount total;
  for (const std::unique_ptr<Worker>& worker : workers) {
    const RuleCount part = worker->rule_count(row);
    total.accepted += part.accepted;
    total.dropped += part.dropped;
  }
  return total;
}

std::shared_ptr<const Plan> DataPlane::Implementation::plan_for(
    const std::shared_ptr<const forwarding::Policy>& policy) const {
  const std::shared_ptr<const Plan>& present = publisher->current().plan;
  if (policy == present->policy) return present;
  const auto counted = [this](std::size_t row) { return counted_in(row); };
  return std::make_shared<const Plan>(Plan{present->number + 1, policy,
                                           RuleRows(present->rows, *policy, counted),
                                           make_counts(*policy, worker_count, false)});
}

Report DataPlane::report() const {
  Report report;
  report.verdict_bytes.resize(forwarding::kVerdictCount);
  const Plan& plan = *implementation_->publisher->current().plan;
  for (std::size_t rule = 0; rule <= plan.policy->settings().rules.size(); ++rule) {
    const bool is_default = rule == plan.policy->settings().rules.size();
    const auto index =
        is_default ? forwarding::kDefaultRule : static_cast<forwarding::RuleIndex>(rule);
    report.rules.push_back(
        report_of(index, plan, implementation_->counted_in(plan.rows.of(index))));
  }
  for (std::size_t v = 0; v < forwarding::kVerdictCount; ++v)
    report.verdict_frames.push_back(frames(static_cast<forwarding::Verdict>(v)));
  for (const std::unique_ptr<Worker>& worker : implementation_->workers) {
    for (std::size_t v = 0; v < forwarding::kVerdictCount; ++v)
      report.verdict_bytes[v] += worker->verdict_bytes().read(v);
    const auto read = [&worker](WorkerCounter counter) { return worker->read(counter); };
    report.workers.push_back({read(WorkerCounter::loops), read(WorkerCounter::bursts),
                              read(WorkerCounter::frames), read(WorkerCounter::busy_cycles),
                              read(WorkerCounter::idle_cycles), read(WorkerCounter::sleeps)});
    const flow::Statistics flows = worker->flow_statistics();
    if (flows.established >= report.flows.established) report.flows = flows;
  }
  report.ports.push_back(implementation_->port->report());
  report.heartbeats_lost = implementation_->mailboxes->heartbeats_lost();
  report.flow_news_lost = implementation_->exchange->lost();
  return report;
}

void DataPlane::Implementation::ask(std::variant<forwarding::Question, FlowsQuestion> question,
                                    std::variant<ExplainCompletion, FlowsCompletion> completion) {
  open_questions.emplace(next_question, std::move(completion));
  waiting.push_back({next_question, std::move(question)});
  ++next_question;
  pass_on_questions();
}

void DataPlane::Implementation::pass_on_questions() {
  while (!waiting.empty() && questions_out < kMaxOpenQuestions &&
         mailboxes->questions().try_push(std::move(waiting.front()))) {
    waiting.pop_front();
    ++questions_out;
  }
}

void DataPlane::ask_explain(const forwarding::Question& question, ExplainCompletion answer) {
  implementation_->ask(question, std::move(answer));
}

void DataPlane::ask_flows(const flow::FlowCache::Wanted& wanted, FlowsCompletion answer) {
  implementation_->ask(wanted, std::move(answer));
}

void DataPlane::begin_trace(const TraceRequest& request, std::function<void(TraceReport)> report) {
  implementation_->traces->begin(request, std::move(report));
}

void DataPlane::end_trace() {
  implementation_->traces->end(TraceEnd::time);
  implementation_->mailboxes->wake();  // also if no worker runs that would
}

Captures& DataPlane::captures() {
  return *implementation_->captures;
}

void DataPlane::dispatch_answers() {
  implementation_->mailboxes->clear_wake();
  implementation_->traces->dispatch();
  GivenAnswer given;
  while (implementation_->mailboxes->answers().try_pop(given)) {
    --implementation_->questions_out;
    auto node = implementation_->open_questions.extract(given.number);
    COVEY_ASSERT(!node.empty());
    if (auto* explain = std::get_if<ExplainCompletion>(&node.mapped())) {
      (*explain)(std::get<forwarding::Explanation>(given.answer));
    } else {
      std::get<FlowsCompletion>(node.mapped())(std::get<FlowsAnswer>(given.answer));
    }
  }
  implementation_->pass_on_questions();
}

}  // namespace covey::dataplane
