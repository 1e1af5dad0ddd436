// SPDX-License-Identifier: BSD-3-Clause
#include "api/pcapng.h"

#include <algorithm>
#include <cstring>

namespace covey::api {
namespace {

constexpr std::uint32_t kSection = 0x0a0d0d0a;
constexpr std::uint32_t kInterface = 1;
constexpr std::uint32_t kStatistics = 5;
constexpr std::uint32_t kPacket = 6;

constexpr std::uint16_t kComment = 1;
constexpr std::uint16_t kFlags = 2;             // of a packet
constexpr std::uint16_t kInterfaceName = 2;     // of an interface
constexpr std::uint16_t kApplication = 4;       // of a section
constexpr std::uint16_t kResolution = 9;        // of an interface
constexpr std::uint16_t kReceived = 4;          // of statistics
constexpr std::uint16_t kDropped = 7;           // likewise: by the program that captures
constexpr std::size_t kFrame = 12;              // type and length of a block, and its length again
constexpr std::size_t kLongestBlock = 131'072;  // bytes and comment, with slack

template <typename Integer>
void append(std::string& out, Integer value) {
  out.append(static_cast<const char*>(static_cast<const void*>(&value)), sizeof(value));
}

template <typename Integer>
Integer read(std::string_view bytes, std::size_t at) {
  Integer value = 0;
  std::memcpy(&value, bytes.data() + at, sizeof(value));
  return value;
}

void pad(std::string& out) {
  while (out.size() % 4 != 0)
    out.push_back('\0');
}

void append_option(std::string& out, std::uint16_t code, std::string_view value) {
  append(out, code);
  append(out, static_cast<std::uint16_t>(value.size()));
  out += value;
  pad(out);
}

template <typename Integer>
void append_number(std::string& out, std::uint16_t code, Integer value) {
  std::string bytes;
  append(bytes, value);
  append_option(out, code, bytes);
}

/// Type and length around a body whose length is a multiple of four.
void append_block(std::string& out, std::uint32_t type, std::string_view body) {
  const auto length = static_cast<std::uint32_t>(body.size() + kFrame);
  append(out, type);
  append(out, length);
  out += body;
  append(out, length);
}

void append_time(std::string& out, std::int64_t time_ns) {
  const auto time = static_cast<std::uint64_t>(time_ns);
  append(out, static_cast<std::uint32_t>(time >> 32U));
  append(out, static_cast<std::uint32_t>(time));
}

void end_options(std::string& out) {
  append(out, std::uint32_t{0});
}

/// The value of a 64-bit option, among those from `at` on.
std::uint64_t option_of(std::string_view block, std::size_t at, std::uint16_t wanted) {
  constexpr std::size_t header = 4;
  while (at + header <= block.size()) {
    const auto code = read<std::uint16_t>(block, at);
    const auto length = read<std::uint16_t>(block, at + 2);
    at += header;
    if (code == 0 || at + length > block.size()) break;
    if (code == wanted && length == sizeof(std::uint64_t)) return read<std::uint64_t>(block, at);
    at += (length + 3U) / 4 * 4;
  }
  return 0;
}

}  // namespace

void append_pcapng_start(std::string& out, std::string_view program, std::string_view interface) {
  constexpr std::uint32_t order = 0x1a2b3c4d;
  constexpr std::uint16_t ethernet = 1;
  constexpr std::uint8_t nanoseconds = 9;
  std::string body;
  append(body, order);
  append(body, std::uint16_t{1});
  append(body, std::uint16_t{0});
  append(body, std::int64_t{-1});  // the section is as long as the file
  append_option(body, kApplication, program);
  end_options(body);
  append_block(out, kSection, body);
  body.clear();
  append(body, ethernet);
  append(body, std::uint16_t{0});
  append(body, static_cast<std::uint32_t>(kMaxCapturedBytes));
  append_option(body, kInterfaceName, interface);
  append_number(body, kResolution, nanoseconds);
  end_options(body);
  append_block(out, kInterface, body);
}

void append_pcapng_packet(std::string& out, const CapturedPacket& packet) {
  constexpr std::uint32_t inbound = 1;
  constexpr std::uint32_t outbound = 2;
  const auto bytes = packet.bytes.first(std::min(packet.bytes.size(), kMaxCapturedBytes));
  std::string body;
  append(body, std::uint32_t{0});  // the only interface
  append_time(body, packet.time_ns);
  append(body, static_cast<std::uint32_t>(bytes.size()));
  append(body, packet.length);
  body.append(static_cast<const char*>(static_cast<const void*>(bytes.data())), bytes.size());
  pad(body);
  append_option(body, kComment, packet.comment.substr(0, kMaxCommentBytes));
  append_number(body, kFlags, packet.sent ? outbound : inbound);
  end_options(body);
  append_block(out, kPacket, body);
}

void append_pcapng_end(std::string& out, std::int64_t time_ns, const CaptureCounts& counts) {
  std::string body;
  append(body, std::uint32_t{0});
  append_time(body, time_ns);
  append_number(body, kReceived, counts.seen);
  append_number(body, kDropped, counts.lost);
  end_options(body);
  append_block(out, kStatistics, body);
}

base::Result<void> PcapngReader::take(std::string_view bytes) {
  rest_ += bytes;
  std::string_view left = rest_;
  constexpr std::size_t length_at = 4;
  while (left.size() >= kFrame) {
    const auto length = read<std::uint32_t>(left, length_at);
    if (length < kFrame || length % 4 != 0 || length > kLongestBlock) {
      return base::fail(base::ErrorCode::corrupt, "this is no capture");
    }
    if (left.size() < length) break;
    if (const auto taken = take_block(left.substr(0, length)); !taken) return taken;
    left.remove_prefix(length);
  }
  rest_.erase(0, rest_.size() - left.size());
  return {};
}

base::Result<void> PcapngReader::take_block(std::string_view block) {
  constexpr std::size_t statistics = 20;  // before the options
  switch (read<std::uint32_t>(block, 0)) {
    case kSection:
    case kInterface:
      return {};
    case kPacket:
      ++packets_;
      return {};
    case kStatistics:
      block.remove_suffix(sizeof(std::uint32_t));
      end_ = CaptureCounts{option_of(block, statistics, kReceived),
                           option_of(block, statistics, kDropped)};
      return {};
    default:
      return base::fail(base::ErrorCode::corrupt, "this is no capture");
  }
}

}  // namespace covey::api
