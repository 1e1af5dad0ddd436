// SPDX-License-Identifier: BSD-3-Clause
// Builds the question whether a neighbour is there (an ARP request, an IPv6 neighbour
// solicitation), and tells its answer.
//
// Owner: packet. Thread: any; pure. The question claims no address that others use: an ARP request
// has the unspecified sender (RFC 5227), a solicitation comes from the link-local address that
// belongs to the MAC address. So nobody's address resolution learns anything wrong from it, and its
// answer cannot be taken for one to the local stack.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "base/address.h"
#include "packet/parse.h"

namespace covey::packet {

/// fe80::/64 with the interface identifier of a MAC address (RFC 4291, appendix A).
[[nodiscard]] base::IpAddress link_local_address(const base::MacAddress& mac) noexcept;

/// Writes the frame that asks for `target`; returns its length, 0 if it does not fit or the address
/// is of no family.
[[nodiscard]] std::size_t build_question(const base::IpAddress& target,
                                         const base::MacAddress& source,
                                         std::span<std::uint8_t> out) noexcept;

/// Whether the frame answers a question for `target` that was asked with `asker` as its source.
[[nodiscard]] bool is_answer_to_question(std::span<const std::uint8_t> frame, const FrameView& view,
                                         const base::IpAddress& target,
                                         const base::MacAddress& asker) noexcept;

}  // namespace covey::packet
