// SPDX-License-Identifier: BSD-3-Clause
#include <unistd.h>

#include <array>
#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "base/assert.h"
#include "cluster_parts.h"
#include "convergence/ownership.h"
#include "dataplane/data_plane.h"
#include "support/frames.h"

namespace covey::bench {

namespace {

using base::HostId;

constexpr base::Duration kSettle = std::chrono::seconds(5);
// As the control thread asks whether a table is followed.
constexpr unsigned kQuickPolls = 4;
constexpr auto kPollInterval = std::chrono::microseconds(200);

// ---- computing alone ----

/// All hosts of the shape, each with what it claims.
class Members {
 public:
  explicit Members(const ClusterShape& shape) : statements_(shape.hosts) {
    convergence::Configuration configuration;
    for (unsigned i = 0; i < shape.hosts; ++i) {
      configuration = setup_of(shape, id(i)).configuration;
      statements_[i].classes = convergence::statements_of(configuration.classes);
    }
    buckets_ = convergence::shape_of(configuration).class_buckets;
    claim(convergence::ClusterMap{});
  }

  void claim(const convergence::ClusterMap& map) {
    for (unsigned i = 0; i < statements_.size(); ++i) {
      convergence::Bitmaps& claims = statements_[i].claims;
      claims = convergence::no_buckets(buckets_);
      for (std::size_t c = 0; c < map.owners.size(); ++c)
        claims[c] = convergence::owned_by(map, c, id(i));
    }
  }
  [[nodiscard]] convergence::ClusterMap map_of_first(std::size_t hosts) const {
    std::vector<convergence::MemberStatement> members;
    for (unsigned i = 0; i < hosts; ++i)
      members.push_back({.host = id(i), .statement = &statements_[i]});
    return convergence::compute_map({.k0 = 3, .k1 = 4}, buckets_, members);
  }
  [[nodiscard]] double us_for_first(std::size_t hosts, unsigned rounds) const {
    std::vector<double> taken;
    for (unsigned round = 0; round < rounds; ++round) {
      const double began = clock_us(CLOCK_MONOTONIC);
      const convergence::ClusterMap map = map_of_first(hosts);
      taken.push_back(clock_us(CLOCK_MONOTONIC) - began);
      COVEY_ASSERT(map.owners.size() == buckets_.size());
    }
    return median(std::move(taken));
  }

 private:
  static HostId id(unsigned i) { return HostId{static_cast<std::uint8_t>(i + 1)}; }

  std::vector<convergence::Statement> statements_;
  std::vector<std::uint32_t> buckets_;
};

void measure_computing(const ClusterShape& shape, unsigned rounds) {
  Members members(shape);
  print_figure("compute_first", members.us_for_first(shape.hosts, rounds));
  members.claim(members.map_of_first(shape.hosts));
  print_figure("compute_lost", members.us_for_first(shape.hosts - 1, rounds));
  members.claim(members.map_of_first(shape.hosts - 1));
  print_figure("compute_joined", members.us_for_first(shape.hosts, rounds));
}

// ---- the whole steps of a node ----

struct Span {
  const char* name;
  std::size_t first;
  std::size_t last;  // one behind
};

struct Steps {
  std::vector<double> prepare;  // with the last part: the map is computed
  std::vector<double> commit;   // all have the same: the first table of the generation is built
};

/// The steps of one replay of a span, by the clock; the table that was built.
bucket::BucketTable replay(Shell& shell, const std::vector<Taken>& record, const Span& span,
                           Steps& steps) {
  bool is_converging = false;
  double longest = 0;
  for (std::size_t at = span.first; at < span.last; ++at) {
    const double began = clock_us(CLOCK_MONOTONIC);
    Outcome outcome = shell.take(record[at]);
    const double taken = clock_us(CLOCK_MONOTONIC) - began;
    is_converging = is_converging || outcome.began;
    if (is_converging && !outcome.committed) longest = std::max(longest, taken);
    if (!outcome.committed || !outcome.install) continue;
    steps.prepare.push_back(longest);
    steps.commit.push_back(taken);
    bucket::BucketTable table = std::move(outcome.install->table);
    for (++at; at < span.last; ++at)
      static_cast<void>(shell.take(record[at]));
    return table;
  }
  std::fputs("cluster_bench: no generation was committed\n", stderr);
  std::exit(1);
}

// ---- publishing ----

/// A worker that polls a device which never has frames.
std::unique_ptr<dataplane::DataPlane> open_data_plane(const app::Setup& setup) {
  dataplane::Options options;
  options.uplink.kind = dataplane::DeviceKind::vdev;
  options.uplink.argument = "net_null0,no-rx=1";
  options.local.kind = localstack::Kind::none;
  options.workers.idle = dataplane::Idle::poll;
  options.flows.capacity = 1024;
  options.test_memory = true;
  options.instance = "covey-bench-" + std::to_string(::getpid());
  bucket::BucketTable table;
  for (const std::uint32_t buckets : setup.policy->classes().class_sizes) {
    table.classes.add(std::vector<bucket::BucketState>(buckets), std::vector<HostId>(buckets));
  }
  auto opened = dataplane::DataPlane::open(options, {setup.policy, std::move(table)});
  if (!opened) {
    std::fprintf(stderr, "cluster_bench: %s\n", opened.error().context.c_str());
    std::exit(1);
  }
  return std::move(*opened);
}

/// And until the worker follows. Returns microseconds of publishing.
double measure_publishing(const app::Setup& setup, const bucket::BucketTable& table,
                          unsigned rounds) {
  const std::unique_ptr<dataplane::DataPlane> data_plane = open_data_plane(setup);
  const auto started = data_plane->start_workers();
  COVEY_ASSERT(started.has_value());
  std::vector<double> publish;
  std::vector<double> follow;
  for (unsigned round = 0; round < rounds; ++round) {
    const double began = clock_us(CLOCK_MONOTONIC);
    // The control thread keeps the table for those who ask about it, and hands on a copy.
    const std::uint64_t ticket = data_plane->publish({setup.policy, table});
    const double published = clock_us(CLOCK_MONOTONIC);
    for (unsigned polls = 0; !data_plane->is_quiescent(ticket); ++polls) {
      if (polls >= kQuickPolls) std::this_thread::sleep_for(kPollInterval);
    }
    publish.push_back(published - began);
    follow.push_back(clock_us(CLOCK_MONOTONIC) - published);
  }
  print_figure("publish", median(publish));
  print_figure("follow", median(follow));
  return median(publish);
}

}  // namespace

void measure_map(const ClusterShape& shape, unsigned rounds) {
  measure_computing(shape, rounds);

  Rehearsal rehearsal(shape);
  const HostId last{static_cast<std::uint8_t>(shape.hosts)};
  std::array spans = {Span{"first", 0, 0}, Span{"lost", 0, 0}, Span{"joined", 0, 0}};
  for (std::size_t i = 0; i < spans.size(); ++i) {
    spans[i].first = rehearsal.record().size();
    if (i == 1) rehearsal.remove(last);
    if (i == 2) rehearsal.boot(last);
    rehearsal.run_for(kSettle);
    COVEY_ASSERT(rehearsal.is_settled());
    spans[i].last = rehearsal.record().size();
  }
  std::array<Steps, spans.size()> steps;
  bucket::BucketTable table;
  for (unsigned round = 0; round < rounds; ++round) {
    Shell shell(shape, cluster_keys());
    for (std::size_t i = 0; i < spans.size(); ++i)
      table = replay(shell, rehearsal.record(), spans[i], steps[i]);
    COVEY_ASSERT(shell.node().map_digest() == rehearsal.watched().map_digest());
  }
  const double publish = measure_publishing(setup_of(shape, kWatched), table, rounds);
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const std::string name = spans[i].name;
    const double prepare = median(steps[i].prepare);
    const double commit = median(steps[i].commit);
    print_figure("prepare_" + name, prepare);
    print_figure("commit_" + name, commit);
    print_figure("total_" + name, prepare + commit + publish);
  }
}

}  // namespace covey::bench
