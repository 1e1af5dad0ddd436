// SPDX-License-Identifier: BSD-3-Clause
// WithDaemon: the command line against a daemon that answers everything.
//
// Owner: test/unit/cli. Thread: the test's; the daemon has one of its own.
#pragma once

#include <sstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "api/messages.h"
#include "base/address.h"
#include "canned.h"
#include "cli/run.h"
#include "fake_daemon.h"
#include "files.h"

namespace covey::cli {

struct Outcome {
  int status = 0;
  std::string out;
  std::string err;
};

inline Outcome run_with(std::vector<std::string> arguments, bool colours = false) {
  std::ostringstream out;
  std::ostringstream err;
  const test::Files files;
  const int status = run(arguments, {out, err, colours, "1.2.3", files});
  return {status, out.str(), err.str()};
}

class WithDaemon {
 public:
  WithDaemon() {
    daemon_.answer("GET /v1/status", 200, canned::kStatus);
    daemon_.answer("GET /v1/rules", 200, canned::kRules);
    daemon_.answer("GET /v1/stats", 200, canned::kStats);
    daemon_.answer("GET /v1/flows?limit=100", 200, canned::kFlows);
    daemon_.answer("GET /v1/flows?limit=5&bucket=7&rule=web", 200, canned::kFlows);
    daemon_.answer("GET /v1/flows?limit=100&rule=wbe", 404,
                   R"({"error":"no rule is named \"wbe\""})");
    daemon_.answer("GET /v1/trace?" + api::to_query(api::TraceRequest{}), 200, canned::kTrace);
    daemon_.answer("GET /v1/trace?" + api::to_query(api::TraceRequest{3, 1500, "drop_icmp",
                                                                      address("10.77.0.100")}),
                   200, canned::kTrace);
    daemon_.answer("GET /v1/history", 200, canned::kHistory);
    daemon_.answer("GET /v1/events", 200, canned::kEvents);
    daemon_.answer("GET /v1/events?since=7", 200, canned::kEvents);
    daemon_.answer(
        "GET /v1/config", 200,
        R"({"yaml":"cluster:\n  virtual_ips: [\"2001:db8::50/64\", \"10.77.0.50/24\"]\n"})");
    const std::string maps =
        R"({"host":1,"epoch":3,"maps":[{"rule":"web","map_class":2,"owners":[1,2]}]})";
    daemon_.answer("GET /v1/buckets", 200, maps);
    daemon_.answer("GET /v1/buckets?rule=web", 200, maps);
    daemon_.answer("POST /v1/command", 200,
                   R"({"ok":true,"text":"host web1 does so","code":0,"hosts":[]})");
    daemon_.answer("GET /v1/keys", 200, canned::kKeys);
    daemon_.answer("POST /v1/keys", 200,
                   R"({"ok":true,"text":"key 1 is held","code":0,"hosts":[]})");
    daemon_.answer("GET /v1/explain?" + api::to_query({6, address("10.77.0.100"), 40000,
                                                       address("10.77.0.50"), 80, 2}),
                   200, canned::kExplain);
    daemon_.answer(
        "GET /v1/explain?" + api::to_query({17, address("::1"), 1, address("::2"), 2, 0x12}), 200,
        canned::kExplain);
  }
  Outcome operator()(std::vector<std::string> arguments, bool colours = false) {
    arguments.insert(arguments.begin(), {"-s", daemon_.socket()});
    return run_with(std::move(arguments), colours);
  }
  test::FakeDaemon& daemon() { return daemon_; }

 private:
  static base::IpAddress address(std::string_view text) {
    return base::IpAddress::parse(text).value();
  }
  test::FakeDaemon daemon_;
};

}  // namespace covey::cli
