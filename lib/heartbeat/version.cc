// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/version.h"

namespace covey::heartbeat {

const std::uint8_t kMinorVersion = 3;
const std::span<const std::uint8_t> kLaterSections{};

}  // namespace covey::heartbeat
