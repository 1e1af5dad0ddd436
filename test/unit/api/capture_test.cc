// SPDX-License-Identifier: BSD-3-Clause
#include "api/capture.h"

#include <catch2/catch.hpp>

#include "api/pcapng.h"

namespace api = covey::api;

namespace {

std::string problem_of(const std::string& query) {
  const auto request = api::capture_request_from_query(query);
  REQUIRE_FALSE(request.has_value());
  return request.error().context;
}

std::string a_capture() {
  const std::vector<std::uint8_t> bytes = {1, 2, 3, 4, 5};
  std::string text;
  api::append_pcapng_start(text, "coveyd", "uplink");
  for (std::uint32_t i = 0; i < 3; ++i) {
    api::append_pcapng_packet(text, {1'700'000'000'123'456'789, std::span(bytes).first(3 + i), 1514,
                                     i == 1, "drop_not_owner: x"});
  }
  api::append_pcapng_end(text, 1'700'000'001'000'000'000, {10, 4});
  return text;
}

}  // namespace

TEST_CASE("what shall be captured survives the way to a query and back") {
  const api::CaptureRequest all{7, 1500, {{0x28, 0, 255, 12}, {6, 0, 0, 0xffffffff}}};
  CHECK(api::capture_request_from_query(api::to_query(all)) == all);
  CHECK(api::capture_request_from_query(api::to_query(api::CaptureRequest{})) ==
        api::CaptureRequest{});
  CHECK(api::capture_request_from_query("") == api::CaptureRequest{});
}

TEST_CASE("a capture with an unknown, doubled or wrong parameter is refused by name") {
  CHECK(problem_of("count=0") == "count: not a number of 1..1000000000");
  CHECK(problem_of("time_ms=86400001") == "time_ms: not a number of 1..86400000");
  CHECK(problem_of("time_ms=1s") == "time_ms: not a number of 1..86400000");
  CHECK(problem_of("colour=blue") == "unknown parameter colour");
  CHECK(problem_of("count=1&count=2") == "parameter twice: count");
  CHECK(problem_of("filter=0028").starts_with("filter: not at most 256 steps"));
  CHECK(problem_of("filter=00280000000000zz") == "filter: not hexadecimal digits");
  CHECK(problem_of("filter=-0280000000000-1") == "filter: not hexadecimal digits");
  CHECK(problem_of("filter=" + std::string(257 * 16, '0')).starts_with("filter: not at most"));
}

TEST_CASE("a capture is counted, however it is cut") {
  const std::string text = a_capture();
  for (const std::size_t part : {std::size_t{1}, std::size_t{7}, text.size()}) {
    api::PcapngReader reader;
    for (std::size_t at = 0; at < text.size(); at += part) {
      CHECK_FALSE(reader.end().has_value());
      REQUIRE(reader.take(std::string_view(text).substr(at, part)).has_value());
    }
    CHECK(reader.packets() == 3);
    REQUIRE(reader.end().has_value());
    CHECK(reader.end()->seen == 10);
    CHECK(reader.end()->lost == 4);
  }
}

TEST_CASE("every block is a multiple of four bytes long, and says so at both ends") {
  const std::string text = a_capture();
  std::size_t at = 0;
  std::size_t blocks = 0;
  const auto word = [&text](std::size_t where) {
    std::uint32_t value = 0;
    text.copy(static_cast<char*>(static_cast<void*>(&value)), sizeof(value), where);
    return value;
  };
  for (; at < text.size(); ++blocks) {
    const std::uint32_t length = word(at + 4);
    REQUIRE(length % 4 == 0);
    REQUIRE(length >= 12);
    REQUIRE(at + length <= text.size());
    CHECK(word(at + length - 4) == length);
    at += length;
  }
  CHECK(blocks == 6);
}

TEST_CASE("a frame and a comment that are too long are cut") {
  const std::vector<std::uint8_t> frame(api::kMaxCapturedBytes + 1);
  std::string text;
  api::append_pcapng_start(text, "coveyd", "uplink");
  api::append_pcapng_packet(text, {0, frame, 65'536, false, std::string(5000, 'x')});
  CHECK(text.size() < api::kMaxCapturedBytes + api::kMaxCommentBytes + 300);
  api::PcapngReader reader;
  CHECK(reader.take(text).has_value());
  CHECK(reader.packets() == 1);
}

TEST_CASE("what is no capture is refused") {
  for (const std::string& text :
       {std::string("HTTP/1.1 500 what?"), std::string(12, '\0'), std::string(12, '\xff'),
        std::string("\7\0\0\0\14\0\0\0\14\0\0\0", 12)}) {
    api::PcapngReader reader;
    CHECK_FALSE(reader.take(text).has_value());
  }
}
