// SPDX-License-Identifier: BSD-3-Clause
// second_document(): whether a YAML text goes on after its first document, and where.
//
// Owner: config. Thread: any; pure. YAML::Load() silently ignores what follows, and YAML::LoadAll()
// of yaml-cpp 0.7 never ends on texts such as "- a\n,": it finds an empty document before the comma
// again and again. Here the parser is asked twice and no more. Throws YAML::Exception.
#pragma once

#include <yaml-cpp/yaml.h>

#include <optional>
#include <string>

namespace covey::config {

[[nodiscard]] std::optional<YAML::Mark> second_document(const std::string& yaml);

}  // namespace covey::config
