// SPDX-License-Identifier: BSD-3-Clause
#include <chrono>

#include "base/assert.h"
#include "cluster_parts.h"
#include "packet/heartbeat_frame.h"

namespace covey::bench {

namespace {

constexpr base::Duration kSettle = std::chrono::seconds(10);

struct Work {
  double all_us = 0;    // of the processor
  double heard_us = 0;  // opening heartbeats and taking them in, by the clock
  std::size_t heard = 0;
  std::size_t sent = 0;
  std::size_t sent_bytes = 0;  // frames as they leave, without check sequence
};

Work work_of(const ClusterShape& shape, const std::vector<Taken>& record, std::size_t first) {
  Shell shell(shape, cluster_keys());
  for (std::size_t at = 0; at < first; ++at)
    static_cast<void>(shell.take(record[at]));
  Work work;
  const double began = clock_us(CLOCK_THREAD_CPUTIME_ID);
  for (std::size_t at = first; at < record.size(); ++at) {
    const bool is_heard = std::holds_alternative<Payload>(record[at].what);
    const double before = clock_us(CLOCK_MONOTONIC);
    const Outcome outcome = shell.take(record[at]);
    if (is_heard) work.heard_us += clock_us(CLOCK_MONOTONIC) - before;
    work.heard += is_heard ? 1 : 0;
    work.sent += outcome.sent.size();
    for (const Payload& payload : outcome.payloads)
      work.sent_bytes += packet::heartbeat_frame_length(payload.size());
  }
  work.all_us = clock_us(CLOCK_THREAD_CPUTIME_ID) - began;
  return work;
}

}  // namespace

void measure_control(const ClusterShape& shape, base::Duration span) {
  constexpr unsigned kRounds = 5;
  Rehearsal rehearsal(shape);
  rehearsal.run_for(kSettle);
  COVEY_ASSERT(rehearsal.is_settled());
  const std::size_t first = rehearsal.record().size();
  rehearsal.run_for(span);

  Work work;
  std::vector<double> all;
  std::vector<double> heard;
  for (unsigned round = 0; round < kRounds; ++round) {
    work = work_of(shape, rehearsal.record(), first);
    all.push_back(work.all_us);
    heard.push_back(work.heard_us);
  }
  const double seconds = std::chrono::duration<double>(span).count();
  print_figure("core_percent", median(all) / seconds / 1e4);
  print_figure("heard_us", median(heard) / static_cast<double>(work.heard));
  print_figure("heard_per_s", static_cast<double>(work.heard) / seconds);
  print_figure("sent_per_s", static_cast<double>(work.sent) / seconds);
  print_figure("sent_bytes_per_s", static_cast<double>(work.sent_bytes) / seconds);
}

}  // namespace covey::bench
