// SPDX-License-Identifier: BSD-3-Clause
// ngtcp2 0.12 (Debian 12) and 1.11 (Debian 13) under the names of the later one.
#pragma once

#include <ngtcp2/ngtcp2.h>

#include <cstdint>
#include <span>

#if NGTCP2_VERSION_NUM < 0x010000

using ngtcp2_ccerr = ngtcp2_connection_close_error;

inline void ngtcp2_ccerr_default(ngtcp2_ccerr* error) {
  ngtcp2_connection_close_error_default(error);
}

inline std::span<const std::uint8_t> token_in(const ngtcp2_pkt_hd& header) {
  return {header.token.base, header.token.len};
}

#else

inline std::span<const std::uint8_t> token_in(const ngtcp2_pkt_hd& header) {
  return {header.token, header.tokenlen};
}

#endif
