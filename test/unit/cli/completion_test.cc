// SPDX-License-Identifier: BSD-3-Clause
// The scripts themselves are run in their shells by check_shells.py.
#include "cli/completion.h"

#include <catch2/catch.hpp>
#include <chrono>
#include <sstream>

#include "canned.h"
#include "cli/run.h"
#include "fake_daemon.h"
#include "files.h"

namespace covey::cli {
namespace {

/// What the tab key gets.
std::string values_of(const std::string& socket, const std::string& kind) {
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run({"-s", socket, "__complete", kind}, {out, err, true, "1.2.3", test::Files()}) == 0);
  CHECK(err.str().empty());
  return out.str();
}

const std::vector<std::string> kKinds = {"host", "rule", "virtual_ip", "service", "verdict"};

}  // namespace

TEST_CASE("the daemon's names are offered sorted, each once") {
  test::FakeDaemon daemon;
  daemon.answer("GET /v1/status", 200, canned::kStatus);
  daemon.answer("GET /v1/rules", 200, canned::kRules);
  daemon.answer("GET /v1/stats", 200, canned::kStats);
  daemon.answer("GET /v1/config", 200,
                R"({"yaml":"virtual_ips: [\"2001:db8::50/64\", \"10.77.0.50/24\"]\n"})");
  CHECK(values_of(daemon.socket(), "host") == "web1\nweb2\nweb3\n");
  CHECK(values_of(daemon.socket(), "rule") == "block\ndns\nweb\nweb-one\n");
  CHECK(values_of(daemon.socket(), "virtual_ip") == "10.77.0.50\n2001:db8::50\n");
  CHECK(values_of(daemon.socket(), "service") ==
        "10.77.0.50:23\n10.77.0.50:443\n10.77.0.50:53\n10.77.0.50:80\n");
  CHECK(values_of(daemon.socket(), "verdict") == "deliver_owned\ndrop_malformed\ndrop_not_owner\n");
  CHECK(daemon.requests().size() == 6);
}

TEST_CASE("a name that a shell could take for anything but a word is not offered") {
  test::FakeDaemon daemon;
  for (const std::string name : {"$(id)", "`id`", "a;b", "a b", "-x", "~x", "a*", "a'", "a|b",
                                 "[a]", "a\\\\nb", "!1", "{a,b}", "#a", "a&", "<a", "\u00e4"}) {
    CAPTURE(name);
    std::string rules(canned::kRules);
    rules.replace(rules.find("web-one"), 7, name);
    daemon.answer("GET /v1/rules", 200, rules);
    CHECK(values_of(daemon.socket(), "rule") == "block\ndns\nweb\n");
    std::string status(canned::kStatus);
    status.replace(status.find("web2"), 4, name);
    daemon.answer("GET /v1/status", 200, status);
    CHECK(values_of(daemon.socket(), "host") == "2\nweb1\nweb3\n");
  }
}

TEST_CASE("a daemon that is not there or answers nonsense gives no names and no error") {
  test::FakeDaemon daemon;
  daemon.answer_raw("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n[{]");
  for (const std::string& kind : kKinds) {
    CHECK(values_of("/run/no-such.sock", kind).empty());
    CHECK(values_of(daemon.socket(), kind).empty());
  }
}

TEST_CASE("the tab key does not wait for a daemon that is silent") {
  test::FakeDaemon daemon;
  daemon.be_silent();
  const auto before = std::chrono::steady_clock::now();
  CHECK(values_of(daemon.socket(), "service").empty());
  // Two requests of 300 ms at most; a client that is no key press waits 10 s for each.
  CHECK(std::chrono::steady_clock::now() - before < std::chrono::seconds(9));
}

TEST_CASE("what only scripts call is in no help and no script's offers") {
  std::ostringstream out;
  std::ostringstream err;
  CHECK(run({"--help"}, {out, err, false, "1.2.3", test::Files()}) == 0);
  CHECK(out.str().find("__complete") == std::string::npos);
  for (const std::string_view shell : {"bash", "zsh", "fish"}) {
    const std::string script = completion_script(shell);
    for (const std::string_view mark : {"@valued@", "@options@", "@places@"})
      CHECK(script.find(mark) == std::string::npos);
    CHECK(script.find("__complete/") == std::string::npos);
  }
}

}  // namespace covey::cli
