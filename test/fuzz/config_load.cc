// SPDX-License-Identifier: BSD-3-Clause
// Fuzz target: any bytes as a configuration file.
//
// Owner: test/fuzz. Thread: one. What loads must load again as itself from its own dump; what does
// not must say why.
#include <cstddef>
#include <cstdint>
#include <string>
#include <variant>
#include <vector>

#include "config/config.h"
#include "support.h"

namespace {

using namespace covey;
using fuzz::require;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(data, data + size);
  const config::Loaded loaded = config::load_text(text, "file");
  if (const auto* mistakes = std::get_if<std::vector<config::Mistake>>(&loaded)) {
    require(!mistakes->empty());
    for (const config::Mistake& mistake : *mistakes)
      require(!mistake.to_string().empty());
    return 0;
  }
  const std::string dumped = config::dump(std::get<config::Config>(loaded));
  const config::Loaded again = config::load_text(dumped, "dump");
  require(std::holds_alternative<config::Config>(again));
  require(config::dump(std::get<config::Config>(again)) == dumped);
  return 0;
}
