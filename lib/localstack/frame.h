// SPDX-License-Identifier: BSD-3-Clause
// bytes_of(): the bytes of a flat frame in an mbuf, as the pure libraries take them.
//
// Owner: localstack. Thread: the worker that holds the mbuf. Only the first segment: chains are
// made flat on arrival, and what could not be is seen as cut short.
#pragma once

#include <cstdint>
#include <span>

#include <rte_mbuf.h>

namespace covey::localstack {

[[nodiscard]] inline std::span<std::uint8_t> bytes_of(rte_mbuf* frame) noexcept {
  return {rte_pktmbuf_mtod(frame, std::uint8_t*), frame->data_len};
}

}  // namespace covey::localstack
