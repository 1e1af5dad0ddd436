// SPDX-License-Identifier: BSD-3-Clause
// What people see of frames between capture files, and of what a real stack answers.
#include <algorithm>
#include <catch2/catch.hpp>
#include <optional>
#include <utility>

#include "fixture.h"
#include "packet/headers.h"

using namespace covey;
using namespace covey::test;
using dataplane::TraceEnd;
using dataplane::TraceReport;
using dataplane::TraceRequest;
using forwarding::Verdict;

namespace {

/// Traces from now on; start() may come later.
class Watch {
 public:
  Watch(Bench& bench, const TraceRequest& request) : bench_(bench) {
    bench.data_plane().begin_trace(request,
                                   [this](TraceReport report) { report_ = std::move(report); });
  }
  [[nodiscard]] const TraceReport& wait() {
    bench_.wait_until([this] { return report_.has_value(); });
    return *report_;
  }
  [[nodiscard]] bool is_over() const { return report_.has_value(); }

 private:
  Bench& bench_;
  std::optional<TraceReport> report_;
};

std::vector<Verdict> verdicts(const TraceReport& report) {
  std::vector<Verdict> all;
  for (const dataplane::TracedFrame& frame : report.frames)
    all.push_back(frame.decision.verdict);
  return all;
}

}  // namespace

TEST_CASE("a trace shows each arriving frame with its last verdict, those that waited in the end",
          "[trace]") {
  const auto datagram = [](std::uint32_t id) {
    return FrameBuilder().ip(kClient, kVip).udp(5000, 8000).payload(64).fragment(0, true, id);
  };
  const std::vector<Frame> arriving = {
      FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn),
      FrameBuilder().vlan(7).ip(kClient6, kVip6).tcp(1002, 23, kSyn),
      datagram(1).fragment(9, false, 1),
      datagram(1),
      datagram(2).fragment(9, false, 2),
      Frame(9, 0xff),
      arp({.operation = 1, .sender_ip = kClient, .target_ip = kVip}),
  };
  Bench bench({.arriving = {arriving}});
  Watch watch(bench, {arriving.size(), {}, {}});
  bench.start();
  const TraceReport& report = watch.wait();
  CHECK(report.ended == TraceEnd::count);
  CHECK(report.seen == arriving.size());
  CHECK(verdicts(report) ==
        std::vector<Verdict>{Verdict::deliver_owned, Verdict::drop_rule_disabled,
                             Verdict::deliver_owned, Verdict::drop_malformed, Verdict::reply_arp,
                             Verdict::deliver_owned, Verdict::drop_fragment_unknown});
  const dataplane::TracedFrame& first = report.frames[0];
  CHECK_FALSE(first.sent);
  CHECK(first.owner == base::HostId{1});
  CHECK(first.sight.length == arriving[0].size());
  CHECK(first.sight.source == kClientMac);
  CHECK(first.sight.destination == kClusterMac);
  CHECK(first.policy->rule(first.decision.rule).name == "web");
  CHECK(report.frames[1].view.vlan_id == 7);
  CHECK(report.frames[3].sight.length == 9);
  CHECK(report.frames[5].view.is_later_fragment);
  CHECK(report.frames[6].sight.length == arriving[4].size());
  for (std::size_t i = 1; i < report.frames.size(); ++i)
    CHECK(report.frames[i - 1].when <= report.frames[i].when);
}

TEST_CASE("a trace has what is wanted from all workers until its time is up", "[trace-filter]") {
  const std::vector<Frame> first = {FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn),
                                    FrameBuilder().ip(kClient, kVip).tcp(1001, 23, kSyn)};
  const std::vector<Frame> second = {FrameBuilder().ip("10.77.0.101", kVip).tcp(1001, 23, kSyn),
                                     FrameBuilder().ip(kClient, kVip).tcp(1002, 23, kSyn)};
  Bench bench({.arriving = {first, second}});
  Watch watch(bench, {.count = 100, .verdict = Verdict::drop_rule_disabled, .host = ip(kClient)});
  bench.start();
  bench.wait_for_frames(4);
  CHECK_FALSE(watch.is_over());
  bench.data_plane().end_trace();
  const TraceReport& report = watch.wait();
  CHECK(report.ended == TraceEnd::time);
  CHECK(report.seen == 4);
  REQUIRE(report.frames.size() == 2);
  CHECK(report.frames[0].worker + report.frames[1].worker == 1);
  for (const dataplane::TracedFrame& frame : report.frames)
    CHECK(frame.view.key.source_address() == ip(kClient));
}

TEST_CASE("traces follow each other while frames go on coming", "[trace-again]") {
  Bench bench(
      {.arriving = {{FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn)}}, .for_ever = true});
  bench.start();
  for (std::size_t count = 1; count <= 1000; count *= 10) {
    Watch watch(bench, {count, {}, {}});
    CHECK(watch.wait().frames.size() == count);
  }
  Watch cut_short(bench, {10'000, Verdict::drop_icmp, {}});
  Watch next(bench, {1, {}, {}});
  CHECK(cut_short.wait().ended == TraceEnd::superseded);
  CHECK(next.wait().ended == TraceEnd::count);
}

TEST_CASE("a trace shows what the stack sends, and the state a connection was in",
          "[trace-stack]") {
  if (!may_make_a_stack()) return;
  BenchSettings settings;
  // Nobody listens at the port. The first frame tells the stack where the client is.
  settings.arriving = {{arp({.operation = 1, .sender_ip = kClient, .target_ip = kDedicated}),
                        FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn)}};
  settings.with_stack = true;
  Bench bench(settings);
  const packet::FlowKey held = packet::parse(settings.arriving[0][1]).key;
  CHECK(bench.data_plane().take_over(std::array{held}) == 1);
  Watch watch(bench, {2, {}, ip(kClient)});
  bench.start();
  const TraceReport& report = watch.wait();
  REQUIRE(report.frames.size() == 2);
  CHECK(verdicts(report) == std::vector<Verdict>{Verdict::deliver_flow, Verdict::send_uplink});
  CHECK(report.frames[1].sent);
  CHECK(report.frames[1].view.has_flag(packet::TcpFlags::kRst));
  for (const dataplane::TracedFrame& frame : report.frames)
    CHECK(frame.sight.flow == flow::FlowState::established);
}

TEST_CASE("a capture has each frame as it came, with its last verdict, and no more after its end",
          "[capture]") {
  const auto datagram = FrameBuilder().ip(kClient, kVip).udp(5000, 8000).payload(64);
  const std::vector<Frame> arriving = {
      FrameBuilder().ip(kClient, kVip).tcp(1001, 80, kSyn),
      FrameBuilder(datagram).fragment(9, false, 2),
      Frame(9, 0xff),
  };
  Bench bench({.arriving = {arriving}});
  dataplane::Captures& captures = bench.data_plane().captures();
  REQUIRE(captures.begin({}).has_value());
  CHECK_FALSE(captures.begin({}).has_value());
  std::vector<std::shared_ptr<const dataplane::CapturePage>> pages;
  const auto take = [&pages](auto page) { pages.push_back(std::move(page)); };
  std::vector<std::pair<Verdict, Frame>> seen;
  captures.take(take);
  bench.start();
  // A page at a time, as a reader does.
  bench.wait_until([&] {
    if (pages.empty()) return false;
    for (const auto& [frame, bytes] : pages.back()->frames())
      seen.emplace_back(frame->decision.verdict, Frame(bytes.begin(), bytes.end()));
    pages.clear();
    if (seen.size() == arriving.size()) return true;
    captures.take(take);
    return false;
  });
  captures.end();
  const auto has = [&](Verdict verdict, const Frame& frame) {
    return std::ranges::find(seen, std::pair(verdict, frame)) != seen.end();
  };
  CHECK(has(Verdict::deliver_owned, arriving[0]));
  CHECK(has(Verdict::drop_fragment_unknown, arriving[1]));
  CHECK(has(Verdict::drop_malformed, arriving[2]));
  CHECK(captures.begin({}).has_value());
}
