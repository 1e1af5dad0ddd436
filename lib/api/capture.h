// SPDX-License-Identifier: BSD-3-Clause
// GET /v1/capture?QUERY: what is captured. The answer is a stream of pcapng, see pcapng.h.
//
// Owner: api. Thread: any; plain values. The filter is a program of classic BPF, not an expression:
// to compile one may mean to look up a name, for which a daemon has no time.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace covey::api {

inline constexpr std::size_t kMaxFilterSteps = 256;  // as text half of the longest request header
inline constexpr std::uint64_t kMaxCaptured = 1'000'000'000;       // packets
inline constexpr std::int64_t kMaxCaptureMs = 24LL * 3600 * 1000;  // a forgotten one ends

struct FilterStep {  // as struct bpf_insn
  std::uint16_t code = 0;
  std::uint8_t if_true = 0;
  std::uint8_t if_false = 0;
  std::uint32_t operand = 0;
  friend bool operator==(const FilterStep&, const FilterStep&) = default;
};

struct CaptureRequest {
  std::uint64_t count = kMaxCaptured;    // 1..kMaxCaptured packets, then it ends
  std::int64_t time_ms = kMaxCaptureMs;  // 1..kMaxCaptureMs, likewise
  std::vector<FilterStep> filter = {};   // empty: all packets
  friend bool operator==(const CaptureRequest&, const CaptureRequest&) = default;
};

/// "count=10&time_ms=1000&filter=0028000000..."; a step has 16 hexadecimal digits: 4 of its code, 2
/// of each jump, 8 of its operand.
[[nodiscard]] std::string to_query(const CaptureRequest& request);
/// Strict, as for a trace. Whether the filter is a sound program is not looked at.
[[nodiscard]] base::Result<CaptureRequest> capture_request_from_query(std::string_view query);

}  // namespace covey::api
