// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/trace.h"

#include <catch2/catch.hpp>
#include <thread>

using namespace covey;
using namespace covey::dataplane;
using forwarding::Verdict;

namespace {

base::IpAddress address(std::uint8_t last) {
  return base::IpAddress::parse("10.77.0." + std::to_string(last)).value();
}

TracedFrame frame(unsigned worker, std::int64_t when, Verdict verdict = Verdict::deliver_owned,
                  std::uint8_t client = 100) {
  TracedFrame made;
  made.worker = worker;
  made.when = {when};
  made.decision.verdict = verdict;
  made.view.key.family = base::Family::ipv4;
  made.view.key.source = address(client).bytes;
  made.view.key.destination = address(50).bytes;
  return made;
}

std::vector<std::int64_t> times(const TraceReport& report) {
  std::vector<std::int64_t> all;
  for (const TracedFrame& it : report.frames)
    all.push_back(it.when.ns);
  return all;
}

/// What workers do when a new order is out.
void follow_all(Traces& traces, unsigned workers) {
  for (unsigned worker = 0; worker < workers; ++worker)
    traces.publisher().follow(worker, traces.publisher().newest());
}

Trace& newest(Traces& traces) {
  return *traces.publisher().newest().value->trace;
}

}  // namespace

TEST_CASE("a trace takes so many frames and shows them by time, whoever saw them") {
  Trace trace({3, {}, {}}, 2);
  CHECK_FALSE(trace.add(frame(1, 30)));
  CHECK_FALSE(trace.add(frame(0, 10)));
  CHECK_FALSE(trace.is_full());
  CHECK(trace.add(frame(1, 20)));
  CHECK(trace.is_full());
  CHECK_FALSE(trace.add(frame(0, 5)));
  const TraceReport report = trace.take_report(TraceEnd::count);
  CHECK(times(report) == std::vector<std::int64_t>{10, 20, 30});
  CHECK(report.seen == 3);
  CHECK(report.ended == TraceEnd::count);
}

TEST_CASE("a trace takes what is wanted only, and says how much there was") {
  Trace trace({.count = 9, .verdict = Verdict::drop_not_owner, .host = address(100)}, 1);
  trace.add(frame(0, 1, Verdict::deliver_owned));
  trace.add(frame(0, 2, Verdict::drop_not_owner));
  trace.add(frame(0, 3, Verdict::drop_not_owner, 101));
  TracedFrame answer = frame(0, 4, Verdict::drop_not_owner);
  answer.view.key = answer.view.key.reversed();
  trace.add(std::move(answer));
  TracedFrame without_addresses = frame(0, 5, Verdict::drop_not_owner);
  without_addresses.view.key = {};
  trace.add(std::move(without_addresses));
  const TraceReport report = trace.take_report(TraceEnd::time);
  CHECK(times(report) == std::vector<std::int64_t>{2, 4});
  CHECK(report.seen == 5);
}

TEST_CASE("workers that add at the same time fill every place once") {
  constexpr unsigned kWorkers = 3;
  constexpr std::size_t kPlaces = 1000;
  Trace trace({kPlaces, {}, {}}, kWorkers);
  std::array<int, kWorkers> last{};
  std::vector<std::thread> threads;
  for (unsigned worker = 0; worker < kWorkers; ++worker) {
    threads.emplace_back([&, worker] {
      for (std::int64_t i = 1; !trace.is_full(); ++i)
        last[worker] += trace.add(frame(worker, i)) ? 1 : 0;
    });
  }
  for (std::thread& thread : threads)
    thread.join();
  CHECK(last[0] + last[1] + last[2] == 1);
  const TraceReport report = trace.take_report(TraceEnd::count);
  CHECK(report.frames.size() == kPlaces);
  CHECK(report.seen >= kPlaces);
  for (const TracedFrame& it : report.frames)
    CHECK(it.when.ns > 0);
}

TEST_CASE("the report of a full trace comes when no worker follows it any more") {
  Traces traces(2);
  for (unsigned worker = 0; worker < 2; ++worker)
    traces.publisher().set_reading(worker, true);
  std::vector<TraceReport> reports;
  traces.begin({2, {}, {}}, [&](TraceReport report) { reports.push_back(std::move(report)); });
  follow_all(traces, 2);
  newest(traces).add(frame(0, 1));
  traces.dispatch();
  CHECK(newest(traces).add(frame(1, 2)));
  traces.dispatch();
  CHECK(traces.publisher().newest().value->trace == nullptr);
  traces.publisher().follow(0, traces.publisher().newest());
  traces.dispatch();
  CHECK(reports.empty());
  traces.publisher().follow(1, traces.publisher().newest());
  traces.dispatch();
  REQUIRE(reports.size() == 1);
  CHECK(times(reports[0]) == std::vector<std::int64_t>{1, 2});
  CHECK(reports[0].ended == TraceEnd::count);
}

TEST_CASE("a new trace ends the one before, and the end of none is nothing") {
  Traces traces(1);
  traces.end(TraceEnd::time);
  std::vector<std::pair<char, TraceReport>> reports;
  const auto keep_as = [&reports](char name) {
    return [&reports, name](TraceReport report) { reports.emplace_back(name, std::move(report)); };
  };
  traces.begin({5, {}, {}}, keep_as('a'));
  newest(traces).add(frame(0, 1));
  traces.begin({5, {}, {}}, keep_as('b'));
  newest(traces).add(frame(0, 2));
  newest(traces).add(frame(0, 3));
  traces.end(TraceEnd::time);
  traces.end(TraceEnd::time);
  traces.dispatch();
  REQUIRE(reports.size() == 2);
  CHECK(reports[0].first == 'a');
  CHECK(reports[0].second.ended == TraceEnd::superseded);
  CHECK(times(reports[0].second) == std::vector<std::int64_t>{1});
  CHECK(reports[1].first == 'b');
  CHECK(reports[1].second.ended == TraceEnd::time);
  CHECK(times(reports[1].second) == std::vector<std::int64_t>{2, 3});
}
