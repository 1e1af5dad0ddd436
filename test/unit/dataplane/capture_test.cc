// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/capture.h"

#include <array>
#include <catch2/catch.hpp>

namespace covey::dataplane {
namespace {

// "ip" as tcpdump compiles it: the EtherType is 0x0800.
const std::vector<FilterStep> kIp = {
    {0x28, 0, 0, 12}, {0x15, 0, 1, 0x800}, {6, 0, 0, 262144}, {6, 0, 0, 0}};

std::vector<std::uint8_t> frame_of(std::uint8_t type, std::size_t length) {
  std::vector<std::uint8_t> frame(length);
  frame[12] = type;
  return frame;
}

std::shared_ptr<const CaptureFilter> filter(std::vector<FilterStep> steps) {
  return std::make_shared<const CaptureFilter>(CaptureFilter::make(std::move(steps)).value());
}

TracedFrame decided(unsigned worker, std::int64_t when) {
  TracedFrame traced;
  traced.worker = worker;
  traced.when = {when};
  // Any policy will do, nobody looks at it.
  const auto anything = std::make_shared<int>();
  traced.policy = {anything, reinterpret_cast<const forwarding::Policy*>(anything.get())};
  return traced;
}

}  // namespace

TEST_CASE("a filter takes what it says, and what is no program is refused") {
  const auto ip = filter(kIp);
  CHECK(ip->wants(frame_of(8, 60), 60));
  CHECK_FALSE(ip->wants(frame_of(9, 60), 60));
  CHECK_FALSE(ip->wants(std::array<std::uint8_t, 5>{}, 5));  // no such byte
  CHECK(filter({})->wants({}, 0));
  CHECK_FALSE(CaptureFilter::make({{0x28, 0, 0, 12}}).has_value());               // no end
  CHECK_FALSE(CaptureFilter::make({{0x15, 9, 9, 0}, {6, 0, 0, 0}}).has_value());  // out of it
  CHECK_FALSE(CaptureFilter::make({{0xffff, 0, 0, 0}, {6, 0, 0, 0}}).has_value());
  CHECK_FALSE(CaptureFilter::make(std::vector<FilterStep>(257, {6, 0, 0, 0})).has_value());
  CHECK(CaptureFilter::make(std::vector<FilterStep>(256, {6, 0, 0, 0})).has_value());
}

TEST_CASE("no code that passes makes the interpreter give up") {
  const auto bytes = frame_of(8, 60);
  unsigned known = 0;
  for (unsigned code = 0; code <= 0xffff; ++code) {
    const auto filter = CaptureFilter::make(
        {{static_cast<std::uint16_t>(code), 0, 0, 1}, {6, 0, 0, 1}, {6, 0, 0, 1}});
    if (!filter) continue;
    ++known;
    static_cast<void>(filter->wants(bytes, 60));
  }
  CHECK(known == 49);
  CHECK_FALSE(CaptureFilter::make({{0x64, 0, 0, 32}, {6, 0, 0, 0}}).has_value());  // a shift
}

TEST_CASE("a page has the frames that were decided, by time, with their bytes") {
  CapturePage page(filter(kIp), 2);
  const std::uint32_t late = page.keep(0, frame_of(8, 60), 60);
  const std::uint32_t never = page.keep(0, frame_of(8, 61), 61);
  const std::uint32_t early = page.keep(1, frame_of(8, 62), 1514);
  CHECK(page.keep(1, frame_of(9, 60), 60) == CapturePage::kNoPlace);
  CHECK(never != CapturePage::kNoPlace);
  page.finish(late, decided(0, 20));
  page.finish(early, decided(1, 10));
  page.finish(CapturePage::kNoPlace, decided(1, 5));
  const auto frames = page.frames();
  REQUIRE(frames.size() == 2);
  CHECK(frames[0].frame->when.ns == 10);
  CHECK(frames[0].bytes.size() == 62);
  CHECK(frames[0].bytes[12] == 8);
  CHECK(frames[1].frame->when.ns == 20);
  CHECK(frames[1].bytes.size() == 60);
  CHECK(page.seen() == 4);
  CHECK(page.lost() == 0);
}

TEST_CASE("what finds no room on a page is lost and counted, places or bytes") {
  CapturePage many(filter({}), 1);
  for (std::uint32_t i = 0; i < CapturePage::kFrames; ++i)
    CHECK(many.keep(0, frame_of(8, 60), 60) == i);
  CHECK(many.keep(0, frame_of(8, 60), 60) == CapturePage::kNoPlace);
  CHECK(many.lost() == 1);
  CHECK(many.seen() == CapturePage::kFrames + 1);

  CapturePage large(filter({}), 1);
  const auto giant = frame_of(8, 65'535);
  std::uint32_t kept = 0;
  while (large.keep(0, giant, 65'535) != CapturePage::kNoPlace)
    ++kept;
  CHECK(kept == CapturePage::kBytes / giant.size());
  CHECK(large.lost() == 1);
  CHECK(large.keep(0, frame_of(8, 30), 30) != CapturePage::kNoPlace);
}

TEST_CASE("a page is handed out when no worker writes on it any more") {
  Traces traces(1);
  traces.publisher().set_reading(0, true);
  const auto follow = [&] { traces.publisher().follow(0, traces.publisher().newest()); };
  const auto first = std::make_shared<CapturePage>(filter({}), 1);
  std::vector<std::shared_ptr<const CapturePage>> turned;
  const auto take = [&](std::shared_ptr<const CapturePage> page) { turned.push_back(page); };
  traces.turn_page(first, [](const auto& before) { CHECK(before == nullptr); });
  CHECK(traces.is_capturing());
  follow();
  traces.dispatch();
  traces.turn_page(std::make_shared<CapturePage>(filter({}), 1), take);
  traces.dispatch();
  CHECK(turned.empty());
  follow();
  traces.dispatch();
  REQUIRE(turned.size() == 1);
  CHECK(turned[0] == first);
  traces.turn_page(nullptr, take);
  CHECK_FALSE(traces.is_capturing());
}

TEST_CASE("a trace that begins or ends leaves the page of a capture as it is") {
  Traces traces(1);
  const auto page = std::make_shared<CapturePage>(filter({}), 1);
  traces.turn_page(page, [](const auto&) {});
  traces.begin({1, {}, {}}, [](const TraceReport&) {});
  CHECK(traces.publisher().newest().value->page == page);
  CHECK(traces.publisher().newest().value->trace != nullptr);
  traces.turn_page(nullptr, [](const auto&) {});
  CHECK(traces.publisher().newest().value->trace != nullptr);
  CHECK(traces.publisher().newest().value->page == nullptr);
}

}  // namespace covey::dataplane
