// SPDX-License-Identifier: BSD-3-Clause
#include "cli/rates.h"

#include <catch2/catch.hpp>
#include <sstream>

#include "canned.h"

namespace covey::cli {
namespace {

using std::chrono::milliseconds;

api::Stats earlier() {
  return api::decode<api::Stats>(canned::kStats).value();
}

/// Half a second after earlier().
api::Stats later() {
  api::Stats stats = earlier();
  stats.verdicts.at(0).second = {1600, 114'000};
  stats.ports.at(0).second.rx_frames += 700;
  stats.ports.at(0).second.rx_bytes += 125'000;
  stats.ports.at(0).second.rx_missed += 1;
  api::WorkerStats& worker = stats.workers.at(0);
  worker.packets += 600;
  worker.bursts += 100;
  worker.busy_cycles += 150'000;
  worker.idle_cycles += 450'000;
  stats.flows.created += 50;
  return stats;
}

}  // namespace

TEST_CASE("rates are differences by the time between two answers") {
  const auto rates = rates_between(earlier(), later(), milliseconds(500));
  REQUIRE(rates.has_value());
  CHECK(to_json(*rates) ==
        R"({"seconds":0.500,"verdicts":{"deliver_owned":{"frames":1200.0,"bytes":100000.0},)"
        R"("drop_not_owner":{"frames":0.0,"bytes":0.0},"drop_malformed":{"frames":0.0,)"
        R"("bytes":0.0}},"ports":{"uplink":{"link_up":true,"rx_frames":1400.0,)"
        R"("rx_bytes":250000.0,"rx_missed":2.0,"rx_errors":0.0,"tx_frames":0.0,"tx_bytes":0.0,)"
        R"("tx_errors":0.0}},"workers":[{"busy_pct":25.0,"cycles_per_packet":250.0,)"
        R"("packets_per_poll":6.0,"packets":1200.0}],"flows":{"created":100.0,"expired":0.0,)"
        R"("evicted":0.0,"untracked":0.0}})");
}

TEST_CASE("rates are shown without the verdicts that did not happen") {
  const auto rates = rates_between(earlier(), later(), milliseconds(500));
  REQUIRE(rates.has_value());
  CHECK(show(*rates, false, false) ==
        "verdict        frames/s  Mbit/s\n"
        "deliver_owned     1,200    0.80\n"
        "\n"
        "port    link  rx frames/s  Mbit/s  missed  errors  tx frames/s  Mbit/s  errors\n"
        "uplink  up          1,400    2.00     2.0     0.0          0.0    0.00     0.0\n"
        "\n"
        "worker  busy %  cycles/packet  packets/poll  packets/s\n"
        "     0    25.0            250           6.0      1,200\n"
        "\n"
        "flows/s   100 created, 0.0 expired, 0.0 evicted, 0.0 untracked\n"
        "measured  0.500 s\n");
  CHECK(show(*rates, true, false).find("drop_malformed") != std::string::npos);
}

TEST_CASE("where nothing happens all rates are zero, and nothing is divided by it") {
  const auto rates = rates_between(earlier(), earlier(), milliseconds(500));
  REQUIRE(rates.has_value());
  CHECK(to_json(*rates).find("nan") == std::string::npos);
  CHECK(rates->workers.at(0).busy_pct == 0);
}

TEST_CASE("two answers of different runs of a daemon have no rates") {
  CHECK_FALSE(rates_between(later(), earlier(), milliseconds(500)).has_value());
  CHECK_FALSE(rates_between(earlier(), later(), milliseconds(0)).has_value());
  const auto differs_by = [](auto change) {
    api::Stats after = later();
    change(after);
    return !rates_between(earlier(), after, milliseconds(500)).has_value();
  };
  CHECK(differs_by([](api::Stats& stats) { stats.workers.emplace_back(); }));
  CHECK(differs_by([](api::Stats& stats) { stats.ports.clear(); }));
  CHECK(differs_by([](api::Stats& stats) { stats.verdicts.at(1).first = "drop_new"; }));
}

TEST_CASE("a rate has a tenth while it is small, and groups when it is large") {
  CHECK(per_second(0.04) == "0.0");
  CHECK(per_second(99.94) == "99.9");
  CHECK(per_second(100.4) == "100");
  CHECK(per_second(1234567.8) == "1,234,568");
}

}  // namespace covey::cli
