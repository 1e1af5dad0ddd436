// SPDX-License-Identifier: BSD-3-Clause
#include "cli/top_screen.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "canned.h"

namespace covey::cli {
namespace {

using Lines = std::vector<std::string>;

TopView view() {
  TopView view;
  view.status = api::decode<api::Status>(canned::kStatus).value();
  view.stats = api::decode<api::Stats>(canned::kStats).value();
  view.events = api::decode<std::vector<api::EventRow>>(canned::kEvents).value();
  view.maps =
      api::BucketMaps{1, 12, {{"web", 2, {1, 1, 2, 0}}, {"db", 3, {1}}, {"dns", 4, {1, 2, 2, 2}}}};
  Rates rates;
  rates.verdicts = {{"deliver_owned", {5000, 0}},
                    {"drop_not_owner", {2.5, 0}},
                    {"drop_malformed", {0, 0}},
                    {"drop_no_flow", {1234, 0}}};
  rates.workers = {{12.5, 0, 0, 6000}, {3, 0, 0, 500}};
  rates.flows.created = 42;
  view.rates = rates;
  return view;
}

/// Characters that take room.
std::size_t width_of(const std::string& line) {
  std::size_t width = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\033')
      at = line.find('m', at);
    else if ((static_cast<unsigned char>(line[at]) & 0xc0U) != 0x80U)
      ++width;
  }
  return width;
}

}  // namespace

TEST_CASE("top shows hosts and load at the top and events at the foot") {
  CHECK(top_screen(view(), {80, 18}, false) ==
        Lines{"web: host 1 (web1) converged, epoch 12", "",
              "host  name  state                weight  buckets %      heard",
              "   1  web1  converged (default)     100       37.5  this host",
              "   2  web2  converging               50       50.0      31 ms",
              "   3  web3  isolated                100        0.0   15000 ms", "",
              "packets/s     6,500", "new flows/s   42.0", "flows         3",
              "workers busy  12.5 %, 3.0 %", "drops/s       1,234 drop_no_flow",
              "              2.5 drop_not_owner", "", "", "",
              "2026-01-02T03:04:05.678Z  host_lost                  3  nothing was heard for 10",
              "2026-01-02T03:04:05.700Z  converged                  -"});
}

TEST_CASE("no screen is too small for top, and no line too wide") {
  TopView wide = view();
  wide.status.members.at(0).name = std::string(100, 'n');
  wide.status.members.at(1).name = "m\xc3\xbcller";
  wide.trouble = "cannot reach coveyd\nat \033[2J all " + std::string(200, 'x');
  for (const bool colours : {false, true}) {
    for (const std::size_t columns : {1U, 2U, 40U, 80U, 200U}) {
      for (const std::size_t rows : {1U, 2U, 10U, 15U, 16U, 24U, 100U}) {
        CAPTURE(columns, rows, colours);
        const Lines lines = top_screen(wide, {columns, rows}, colours);
        CHECK(lines.size() <= rows);
        CHECK(std::ranges::all_of(
            lines, [&](const std::string& line) { return width_of(line) <= columns; }));
        CHECK(std::ranges::none_of(lines, [](const std::string& line) {
          return line.find_first_of("\n\r") != std::string::npos ||
                 line.find("\033[2J") != std::string::npos;
        }));
      }
    }
  }
}

TEST_CASE("where room is short events give way, then what is lowest") {
  CHECK(top_screen(view(), {80, 15}, false).back().starts_with("2026-01-02T03:04:05.700Z"));
  CHECK(top_screen(view(), {80, 14}, false).back() == "              2.5 drop_not_owner");
  CHECK(top_screen(view(), {80, 2}, false).size() == 2);
}

TEST_CASE("what is not known yet is a dash, and what is of the past says so") {
  TopView early = view();
  early.rates.reset();
  early.maps.reset();
  early.trouble = "cannot reach coveyd";
  const Lines lines = top_lines(early, false);
  CHECK(lines.at(1) == "cannot reach coveyd");
  CHECK(lines.at(3).find("100          -  this host") != std::string::npos);
  CHECK(lines.at(7) == "packets/s     -");
  CHECK(lines.at(11) == "drops/s       -");
  CHECK(top_lines(view(), true).at(1).empty());
}

}  // namespace covey::cli
