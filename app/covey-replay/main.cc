// SPDX-License-Identifier: BSD-3-Clause
// covey-replay: reads a capture and prints, frame by frame, what Covey would have done.
#include <fmt/format.h>

#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "capture.h"
#include "config/config.h"
#include "explaining/file_cluster.h"
#include "options.h"
#include "replay.h"

namespace covey::app {
namespace {

constexpr int kExitOk = 0;
constexpr int kExitFailed = 1;
constexpr int kExitBadConfiguration = 3;

using Totals = std::array<std::uint64_t, forwarding::kVerdictCount>;

int complain(const std::string& what, int status) {
  fmt::print(stderr, "covey-replay: {}\n", what);
  return status;
}

std::string owner_text(const forwarding::Explanation& explanation) {
  if (!explanation.has_bucket || explanation.owner.is_nobody()) return "-";
  return fmt::format("{}", explanation.owner.value);
}

void print(std::uint64_t number, const Judged& judged, bool as_json) {
  const forwarding::Explanation& explanation = judged.explanation;
  const char* direction = judged.was_sent ? "out" : "in";
  if (!as_json) {
    fmt::print("{:>6} {:<3} {:<21} {:<12} {:>5} {:>3}  {}\n", number, direction,
               forwarding::name(explanation.verdict),
               explanation.rule.empty() ? "-" : explanation.rule,
               explanation.has_bucket ? fmt::format("{}", explanation.bucket) : "-",
               owner_text(explanation), explanation.reason);
    return;
  }
  nlohmann::ordered_json row = {{"number", number},
                                {"direction", direction},
                                {"verdict", forwarding::name(explanation.verdict)},
                                {"reason", explanation.reason},
                                {"rule", explanation.rule},
                                {"bucket", nullptr},
                                {"owner", nullptr},
                                {"tracked", explanation.tracked}};
  if (explanation.has_bucket) {
    row["bucket"] = explanation.bucket;
    row["owner"] = explanation.owner.value;
  }
  fmt::print("{}\n", row.dump());
}

void print(const Totals& totals, bool as_json) {
  nlohmann::ordered_json counts = nlohmann::ordered_json::object();
  for (std::size_t v = 0; v < totals.size(); ++v) {
    if (totals[v] != 0) counts[std::string(forwarding::kVerdictTexts[v].name)] = totals[v];
  }
  if (as_json) {
    fmt::print("{}\n", nlohmann::ordered_json{{"totals", counts}}.dump());
    return;
  }
  fmt::print("\n");
  for (const auto& [verdict, count] : counts.items())
    fmt::print("{:<22} {:>8}\n", verdict, count.get<std::uint64_t>());
}

int run(const ReplayOptions& options, config::Config config) {
  if (options.own) config.forwarding.self = *options.own;
  base::HostSet hosts = options.hosts.value_or(config.hosts);
  hosts.insert(config.forwarding.self);
  const auto keys = explaining::keys_of(config, options.without_key);
  if (!keys) return complain(keys.error().context, kExitFailed);
  auto capture = Capture::open(options.capture);
  if (!capture) return complain(capture.error().context, kExitFailed);
  Replay replay(config, *keys, hosts);
  Totals totals{};
  for (std::uint64_t number = 1;; ++number) {
    const auto frame = capture->next();
    if (!frame) return complain(frame.error().context, kExitFailed);
    if (!*frame) break;
    const Judged judged = replay.judge((*frame)->bytes, (*frame)->time);
    ++totals[static_cast<std::size_t>(judged.explanation.verdict)];
    print(number, judged, options.json);
  }
  print(totals, options.json);
  return kExitOk;
}

}  // namespace
}  // namespace covey::app

int main(int argc, char** argv) {
  const auto parsed = covey::app::parse_command_line(argc, argv);
  if (const int* status = std::get_if<int>(&parsed)) return *status;
  const auto& options = std::get<covey::app::ReplayOptions>(parsed);
  auto loaded = covey::config::load_file(options.config);
  if (const auto* mistakes = std::get_if<std::vector<covey::config::Mistake>>(&loaded)) {
    for (const covey::config::Mistake& mistake : *mistakes)
      fmt::print(stderr, "{}\n", mistake.to_string());
    return covey::app::kExitBadConfiguration;
  }
  return covey::app::run(options, std::get<covey::config::Config>(std::move(loaded)));
}
