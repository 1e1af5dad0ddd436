// SPDX-License-Identifier: BSD-3-Clause
// Frames of group membership (IGMP, MLD) as routers and other hosts send them.
//
// Owner: test/support. Thread: any; plain values. A query without a group asks about all of them.
#pragma once

#include <cstdint>

#include "support/frames.h"

namespace covey::test {

struct QueryText {
  std::uint8_t version = 3;
  std::string_view group = "";
  std::uint16_t code = 100;  // IGMP: tenths of a second (version 1 has 0); MLD: milliseconds
};
[[nodiscard]] FrameBuilder igmp_query(const QueryText& text);
[[nodiscard]] FrameBuilder mld_query(const QueryText& text);

/// A report of another host about one group: IGMPv2, MLDv1.
[[nodiscard]] FrameBuilder igmp_report(std::string_view group);
[[nodiscard]] FrameBuilder mld_report(std::string_view group);

}  // namespace covey::test
