// SPDX-License-Identifier: BSD-3-Clause
// coveyd-next: coveyd as it may be after the next change of the heartbeat. It says a higher minor
// version, and in every message sections that the present one cannot know.
#include <array>

#include "heartbeat/version.h"

namespace covey::heartbeat {
namespace {

constexpr std::array<std::uint8_t, 14> kSections{
    0x00, 0x0b, 0x00, 0x04, 'n', 'e', 'x', 't',  // type 11, 4 bytes
    0xff, 0xff, 0x00, 0x02, 'h', 'i',            // the highest type
};

}  // namespace

const std::uint8_t kMinorVersion = 4;
const std::span<const std::uint8_t> kLaterSections{kSections};

}  // namespace covey::heartbeat
