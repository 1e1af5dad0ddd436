// SPDX-License-Identifier: BSD-3-Clause
#include "control/capture.h"

#include <catch2/catch.hpp>

#include "fakes.h"

namespace covey::control {
namespace {

class Part final : public CapturedPart {
 public:
  explicit Part(std::size_t packets) : packets_(packets) {}
  [[nodiscard]] std::size_t size() const override { return packets_; }
  [[nodiscard]] Packet at(std::size_t) const override {
    api::TraceRow row;
    row.verdict = "drop_icmp";
    row.flow = "none";
    return {row, base::TimePoint{1}, bytes_};
  }
  [[nodiscard]] api::CaptureCounts counts() const override { return {packets_ + 5, 2}; }

 private:
  std::size_t packets_;
  std::vector<std::uint8_t> bytes_ = std::vector<std::uint8_t>(60);
};

/// All that a reader of the stream sees of one part.
std::uint64_t take(Capture& capture, test::FakeDataPlane& plane, std::size_t packets,
                   api::PcapngReader& reader) {
  bool is_there = false;
  capture.ask([&] { is_there = true; });
  std::string out;
  CHECK_FALSE(capture.append_some(out));
  std::exchange(plane.captured_done, {})(std::make_shared<Part>(packets));
  CHECK(is_there);
  std::uint64_t steps = 1;
  while (capture.append_some(out))
    ++steps;
  REQUIRE(reader.take(out).has_value());
  return steps;
}

}  // namespace

TEST_CASE("packets are put into words a few at a time") {
  test::FakeDataPlane plane;
  Capture capture(plane, {}, "uplink");
  api::PcapngReader reader;
  REQUIRE(reader.take(capture.head()).has_value());
  CHECK(take(capture, plane, 0, reader) == 1);
  CHECK(take(capture, plane, 200, reader) == 4);
  CHECK(reader.packets() == 200);
  CHECK_FALSE(capture.is_over());
  REQUIRE(reader.take(capture.tail()).has_value());
  CHECK(reader.end()->seen == 210);
  CHECK(reader.end()->lost == 4);
}

TEST_CASE("a capture is over when there are as many packets as were wanted") {
  test::FakeDataPlane plane;
  Capture capture(plane, {.count = 70}, "uplink");
  api::PcapngReader reader;
  CHECK(take(capture, plane, 69, reader) == 2);
  CHECK_FALSE(capture.is_over());
  CHECK(take(capture, plane, 69, reader) == 1);
  CHECK(capture.is_over());
  CHECK(reader.packets() == 70);
}

TEST_CASE("packets that come after the capture has ended are nobody's") {
  test::FakeDataPlane plane;
  REQUIRE(plane.begin_capture({}).has_value());
  {
    Capture capture(plane, {}, "uplink");
    capture.ask([] { FAIL("it is gone"); });
  }
  CHECK_FALSE(plane.is_capturing);
  plane.captured_done(std::make_shared<Part>(1));
}

TEST_CASE("a comment begins with the verdict and ends with the reason") {
  api::TraceRow row;
  row.verdict = "deliver_owned";
  row.rule = "web";
  row.bucket = 1234;
  row.owner = 1;
  row.flow = "half_open";
  row.reason = "bucket 1234 of rule web belongs to this host";
  CHECK(comment_of(row) ==
        "deliver_owned rule=web bucket=1234 owner=1 flow=half_open: bucket 1234 of rule web "
        "belongs to this host");
  row = {};
  row.verdict = "to_control";
  row.flow = "none";
  row.reason = "heartbeat";
  CHECK(comment_of(row) == "to_control: heartbeat");
}

}  // namespace covey::control
