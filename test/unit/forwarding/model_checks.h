// SPDX-License-Identifier: BSD-3-Clause
// What the model counts, and how it complains.
//
// Owner: test/unit/forwarding. Thread: one.
#pragma once

#include <array>
#include <catch2/catch.hpp>
#include <cstdint>

#include "forwarding/verdict.h"
#include "model_ends.h"

namespace covey::test {

struct ModelCounts {
  std::array<std::uint64_t, forwarding::kVerdictCount> verdicts{};
  std::uint64_t frames = 0;
  std::uint64_t held_in_foreign_buckets = 0;  // segments of S10 whose bucket was another host's
  std::uint64_t sent_on_late = 0;             // SYNs whose answer came when the bucket had gone
  std::uint64_t taken_after_waiting = 0;      // SYNs that waited for the table of the new owner
  std::uint64_t datagrams_of_guests = 0;      // to a host that holds them in another's bucket
  std::uint64_t datagrams_sent_on = 0;        // that began a conversation in a dirty bucket
  std::uint64_t configurations = 0;
  std::uint64_t deaths = 0;

  void add(forwarding::Verdict verdict) {
    ++frames;
    ++verdicts[static_cast<std::size_t>(verdict)];
  }
};

inline void require(bool holds, const char* promise, const packet::FlowKey& key,
                    const TcpSegment& segment = {}) {
  if (holds) return;
  FAIL(promise << ": client port " << key.source_port << " to " << key.destination_port
               << ", flags " << unsigned{segment.flags} << ", sequence " << segment.sequence
               << ", acknowledgement " << segment.acknowledgement << ", length " << segment.length);
}

}  // namespace covey::test
