// SPDX-License-Identifier: BSD-3-Clause
// Figures: a short answer of numbers and words, for tools that read DPDK's telemetry socket.
//
// Owner: telemetry. Thread: any; plain values.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <variant>
#include <vector>

namespace covey::telemetry {

using Figure = std::variant<std::uint64_t, std::string>;
using FigureTable = std::vector<std::pair<std::string, Figure>>;  // names are unique
using FigureList = std::vector<Figure>;                           // all of one kind
using Figures = std::variant<FigureTable, FigureList>;

struct FigureCommand {
  std::string path;  // "/covey/worker", at most 55 bytes
  std::string help;  // what it takes and gives, a sentence
};

}  // namespace covey::telemetry
