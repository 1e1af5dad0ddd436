// SPDX-License-Identifier: BSD-3-Clause
// pcapng: the few blocks of the file format that a capture of one interface needs, written; and
// counted by who passes them on.
//
// Owner: api. Thread: any; pure. Blocks are in the byte order of this machine, as the format
// allows; times are nanoseconds. DPDK's own writer is not used: that of 22.11 has no comments, see
// docs/decisions/0024.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/result.h"

namespace covey::api {

inline constexpr std::size_t kMaxCapturedBytes = 65'535;  // of a frame; the rest is left out
inline constexpr std::size_t kMaxCommentBytes = 1024;     // of a packet; the rest is left out

struct CapturedPacket {
  std::int64_t time_ns = 0;  // since 1970
  std::span<const std::uint8_t> bytes;
  std::uint32_t length = 0;  // of the whole frame
  bool sent = false;         // by this host; else received
  std::string_view comment;
};

struct CaptureCounts {
  std::uint64_t seen = 0;  // packets decided meanwhile
  std::uint64_t lost = 0;  // of those wanted
};

/// How a file begins: section and interface.
void append_pcapng_start(std::string& out, std::string_view program, std::string_view interface);
void append_pcapng_packet(std::string& out, const CapturedPacket& packet);
/// How it ends, so that a reader knows it is whole.
void append_pcapng_end(std::string& out, std::int64_t time_ns, const CaptureCounts& counts);

/// Follows a stream of such blocks, however it is cut.
class PcapngReader {
 public:
  /// ErrorCode::corrupt for what append_...() never writes.
  [[nodiscard]] base::Result<void> take(std::string_view bytes);
  [[nodiscard]] std::uint64_t packets() const { return packets_; }
  /// Once the end has come.
  [[nodiscard]] const std::optional<CaptureCounts>& end() const { return end_; }

 private:
  [[nodiscard]] base::Result<void> take_block(std::string_view block);

  std::string rest_;  // of a block that is not whole yet
  std::uint64_t packets_ = 0;
  std::optional<CaptureCounts> end_;
};

}  // namespace covey::api
