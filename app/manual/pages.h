// SPDX-License-Identifier: BSD-3-Clause
// What stands in the manual pages: the tables of commands, of options and of keys, with a few
// sentences around them.
//
// Owner: app/manual. Thread: one; pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace covey::app {

/// `name`: covey.1, coveyd.8 or coveyd.yaml.5; nothing for any other.
[[nodiscard]] std::optional<std::string> manual_page(std::string_view name,
                                                     std::string_view version);

}  // namespace covey::app
