// SPDX-License-Identifier: BSD-3-Clause
#include "cli/run.h"

#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <regex>

#include "canned.h"
#include "cli/commands.h"
#include "with_daemon.h"

namespace covey::cli {

TEST_CASE("every command that only asks answers in words and in JSON") {
  WithDaemon covey;
  const std::vector<std::vector<std::string>> lines = {
      {"query"},
      {"query", "web1"},
      {"query", "1", "--check"},
      {"display"},
      {"params"},
      {"queryport", "80"},
      {"explain", "tcp", "10.77.0.100:40000", "10.77.0.50:80"},
      {"explain", "udp", "[::1]:1", "[::2]:2", "--flags", "syn,ack"},
      {"stats"},
      {"stats", "--rate", "--interval", "10ms"},
      {"stats", "--all"},
      {"buckets"},
      {"buckets", "web"},
      {"flows"},
      {"flows", "--limit", "5", "--bucket", "7", "--rule", "web"},
      {"explain", "tcp", "10.77.0.100:40000", "10.77.0.50:80", "-f", "good.yaml", "--own", "1",
       "--hosts", "1-3", "--no-key", "--without", "2"},
      {"trace"},
      {"trace", "3", "--timeout", "1500ms", "--verdict", "drop_icmp", "--host", "10.77.0.100"},
      {"doctor", "--time", "0s"},
      {"doctor", "--time", "10ms", "-f", "good.yaml"},
      {"history"},
      {"events"},
      {"events", "--since", "7"},
      {"ip2mac"},
      {"ip2mac", "10.77.0.50"},
      {"key", "list"},
      {"key", "add", "--generate"},
      {"key", "retire", "0"},
      {"keygen"},
      {"version"}};
  for (std::vector<std::string> line : lines) {
    CAPTURE(line);
    const Outcome words = covey(line);
    CHECK(words.status == 0);
    CHECK(words.err.empty());
    CHECK(words.out.ends_with('\n'));
    CHECK(words.out.find('\033') == std::string::npos);
    line.push_back("--json");
    const Outcome json = covey(line, true);
    CHECK(json.status == 0);
    CHECK((json.out.starts_with('{') || json.out.starts_with('[')));
    CHECK(json.out.find('\033') == std::string::npos);
  }
}

TEST_CASE("every command of the table has help with all its parameters") {
  const std::string all = run_with({"--help"}).out;
  for (const Command& command : commands()) {
    CAPTURE(command.name);
    CHECK((all.find("  " + std::string(command.name)) == std::string::npos) == command.is_hidden());
    const Outcome help = run_with({std::string(command.name), "--help"});
    CHECK(help.status == 0);
    for (const Parameter& parameter : command.given()) {
      CHECK(help.out.find(parameter.name) != std::string::npos);
    }
  }
  for (const CommonOption& option : common_options())
    CHECK(all.find(option.parameter.name) != std::string::npos);
  for (const ExitStatus& row : exit_statuses()) {
    CHECK(all.find("\n  " + std::to_string(static_cast<int>(row.status)) + "  " +
                   std::string(row.meaning) + "\n") != std::string::npos);
  }
  std::istringstream lines(all);
  for (std::string line; std::getline(lines, line);)
    CHECK(line.size() <= 80);
}

TEST_CASE("usage errors are exit status 2 and say what is wrong") {
  const std::vector<std::pair<std::vector<std::string>, std::string>> table = {
      {{"qurey"}, "did you mean 'query'?"},
      {{"zzz"}, "unknown command 'zzz'"},
      {{"--bogus"}, "unknown option '--bogus'; usage: covey [-s SOCKET]"},
      {{"query", "--bogus"}, "unknown option '--bogus'; usage: covey query [HOST] [--check]"},
      {{"query", "-x"}, "unknown option '-x'; usage: covey query"},
      {{"version", "now"}, "'now' is not expected"},
      {{"queryport"}, "[VIP:]PORT is missing"},
      {{"queryport", "http"}, "'http' is not a port"},
      {{"queryport", "80", "sctp"}, "PROTOCOL: 'sctp' is unknown"},
      {{"explain", "tcp"}, "SOURCE:PORT is missing"},
      {{"explain", "icmp", "1.2.3.4:1", "1.2.3.4:2"}, "PROTOCOL: 'icmp' is unknown"},
      {{"explain", "tcp", "1.2.3.4", "1.2.3.4:2"}, "has no port"},
      {{"explain", "tcp", "1.2.3.4:1", "[::1]:2"}, "not of one IP version"},
      {{"explain", "tcp", "1.2.3.4:1", "1.2.3.4:2", "--flags", "sun"}, "sun"},
      {{"flows", "--limit", "-1"}, "--limit"},
      {{"flows", "--limit", "10001"}, "0..10000"},
      {{"flows", "--bucket", "65536"}, "--bucket: '65536' is no number of 0..65535"},
      {{"explain", "tcp", "1.2.3.4:1", "1.2.3.4:2", "--own", "1"}, "--own goes with -f"},
      {{"explain", "tcp", "1.2.3.4:1", "1.2.3.4:2", "--hosts", "1-3"}, "--hosts goes with -f"},
      {{"explain", "tcp", "1.2.3.4:1", "1.2.3.4:2", "--no-key"}, "--no-key goes with -f"},
      {{"doctor", "--time", "2m"}, "--time: allowed is at most 1m"},
      {{"doctor", "--time", "soon"}, "--time: 'soon' is not a duration"},
      {{"top", "--json"}, "top is for people"},
      {{"top"}, "top needs a terminal, top --once does not"},
      {{"top", "--interval", "2h"}, "--interval: allowed are 10ms..1h"},
      {{"stats", "--interval", "1s"}, "--interval goes with --rate"},
      {{"stats", "--rate", "--interval", "9ms"}, "--interval: allowed are 10ms..1h"},
      {{"stats", "--rate", "--interval", "61m"}, "--interval: allowed are 10ms..1h"},
      {{"stats", "--rate", "--interval", "often"}, "--interval: 'often' is not a duration"},
      {{"events", "--since", "yesterday"}, "--since: 'yesterday' is no number"},
      {{"trace", "many"}, "N: 'many' is no number of 0..10000"},
      {{"trace", "--timeout", "soon"}, "--timeout: 'soon' is not a duration"},
      {{"trace", "--host", "web1"}, "--host: "},
      {{"drainstop", "--timeout", "soon"}, "--timeout: 'soon' is not a duration"},
      {{"drainstop", "--timeout"}, "--timeout"},
      {{"weight", "web"}, "WEIGHT is missing"},
      {{"key"}, "ACTION is missing"},
      {{"key", "rotate"}, "ACTION: 'rotate' is unknown (allowed: list, add, retire)"},
      {{"completion"}, "SHELL is missing"},
      {{"completion", "tcsh"}, "SHELL: 'tcsh' is unknown (allowed: bash, zsh, fish)"},
      {{"key", "list", "1"}, "usage: covey key list"},
      {{"key", "add"}, "either FILE or --generate"},
      {{"key", "add", "/tmp/k", "--generate"}, "either FILE or --generate"},
      {{"key", "add", "/tmp/k", "--force"}, "usage: covey key list"},
      {{"key", "retire"}, "'' is no key number"},
      {{"key", "retire", "256"}, "'256' is no key number"},
      {{"key", "retire", "0", "--generate"}, "usage: covey key list"},
      {{"ip2mac", "host"}, "'host' is not an IP address"},
      {{"-s"}, "--socket"}};
  for (const auto& [line, words] : table) {
    CAPTURE(line);
    const Outcome outcome = run_with(line);
    CHECK(outcome.status == 2);
    CHECK(outcome.out.empty());
    CHECK(outcome.err.find(words) != std::string::npos);
  }
  const Outcome nothing = run_with({});
  CHECK(nothing.status == 2);
  CHECK(nothing.err.find("COMMAND") != std::string::npos);
}

TEST_CASE("a rule whose flows are asked for and that is not there is a usage error") {
  WithDaemon covey;
  const Outcome outcome = covey({"flows", "--rule", "wbe"});
  CHECK(outcome.status == 2);
  CHECK(outcome.err.find("\"wbe\", did you mean 'web'?") != std::string::npos);
}

TEST_CASE("a daemon that is not there is exit status 4") {
  const Outcome outcome = run_with({"-s", "/run/no-such.sock", "query"});
  CHECK(outcome.status == 4);
  CHECK(outcome.err.find("/run/no-such.sock") != std::string::npos);
}

TEST_CASE("events are followed in words with titles, and in JSON one object a line") {
  // What is no event ends the command, so that nobody needs to interrupt it.
  const std::string event =
      R"({"id":8,"time":"2026-01-02T03:04:05.678Z","event":"host_lost","host":3,)"
      R"("detail":"nothing\nwas heard"})";
  const auto followed = [&](std::vector<std::string> line) {
    test::FakeDaemon daemon;
    daemon.answer_raw("HTTP/1.1 200 OK\r\n\r\nid: 8\nevent: host_lost\ndata: " + event +
                      "\n\ndata: enough\n\n");
    line.insert(line.begin(), {"-s", daemon.socket(), "events", "--follow"});
    return run_with(line);
  };
  const Outcome words = followed({});
  CHECK(words.out ==
        "time                      event                   host  detail\n"
        "2026-01-02T03:04:05.678Z  host_lost                  3  nothing was heard\n");
  CHECK(words.status == 1);
  CHECK(followed({"--json"}).out == event + "\n");
  CHECK(run_with({"-s", "/run/no-such.sock", "events", "--follow"}).status == 4);
}

TEST_CASE("top is printed once where there is no terminal") {
  WithDaemon covey;
  const Outcome words = covey({"top", "--once", "--interval", "10ms"});
  CHECK(words.status == 0);
  CHECK(words.out.starts_with("web: host 1 (web1) converged, epoch 12\n"));
  CHECK(words.out.find("packets/s     0.0\n") != std::string::npos);
  CHECK(words.out.find("host_lost") != std::string::npos);
  CHECK(words.out.find('\033') == std::string::npos);
  CHECK(run_with({"-s", "/run/no-such.sock", "top", "--once"}).status == 4);
}

TEST_CASE("queryport finds the rule as the data plane does") {
  WithDaemon covey;
  const auto rule_of = [&](std::vector<std::string> line) {
    line.insert(line.begin(), {"--json", "queryport"});
    const auto rule = api::decode<api::RuleStatus>(covey(line).out);
    return rule ? rule->rule : rule.error().context;
  };
  CHECK(rule_of({"80"}) == "web");
  CHECK(rule_of({"80", "udp"}) == "dns");
  CHECK(rule_of({"443"}) == "web");
  CHECK(rule_of({"10.77.0.50:443"}) == "web-one");
  CHECK(rule_of({"10.77.0.50:443", "udp"}) == "default");
  CHECK(rule_of({"10.77.0.51:443"}) == "web");
  CHECK(rule_of({"23"}) == "block");
  CHECK(rule_of({"9999"}) == "default");
}

TEST_CASE("orders go to the daemon as they were given") {
  WithDaemon covey;
  CHECK(covey({"start"}).out == "host web1 does so\n");
  CHECK(covey({"stop", "web1"}).status == 0);
  CHECK(covey({"drainstop", "--timeout", "2m"}).status == 0);
  CHECK(covey({"suspend"}).status == 0);
  CHECK(covey({"resume"}).status == 0);
  CHECK(covey({"weight", "web", "equal", "2"}).status == 0);
  CHECK(covey({"start", "--json"}).out ==
        "{\"ok\":true,\"text\":\"host web1 does so\",\"code\":0,\"hosts\":[]}\n");
  const auto& requests = covey.daemon().requests();
  REQUIRE(requests.size() == 7);
  const std::string post = "POST /v1/command ";
  CHECK(requests[1] ==
        post + R"({"verb":"stop","target":"","value":"","timeout_ms":0,"host":"web1"})");
  CHECK(requests[2] ==
        post + R"({"verb":"drainstop","target":"","value":"","timeout_ms":120000,"host":""})");
  CHECK(requests[5] ==
        post + R"({"verb":"weight","target":"web","value":"equal","timeout_ms":0,"host":"2"})");
}

TEST_CASE("a rule is meant by its name, or by a port that it alone covers") {
  WithDaemon covey;
  const auto asked = [&](const std::vector<std::string>& line) {
    CHECK(covey(line).status == 0);
    return covey.daemon().requests().back();
  };
  const auto order = [](const std::string& verb, const std::string& rule,
                        const std::string& host = "") {
    return R"(POST /v1/command {"verb":")" + verb + R"(","target":")" + rule +
           R"(","value":"","timeout_ms":0,"host":")" + host + "\"}";
  };
  CHECK(asked({"drain", "web"}) == order("drain", "web"));
  CHECK(asked({"disable", "no-such", "2"}) == order("disable", "no-such", "2"));
  CHECK(asked({"enable", "all", "all"}) == order("enable", "all", "all"));
  CHECK(asked({"drain", "53"}) == order("drain", "dns"));
  CHECK(asked({"drain", "443", "web2"}) == order("drain", "web", "web2"));
  CHECK(asked({"drain", "10.77.0.50:443"}) == order("drain", "web-one"));
  CHECK(asked({"drain", "[2001:db8::50]:443"}) == order("drain", "web"));
  const Outcome both = covey({"drain", "80"});
  CHECK(both.status == 2);
  CHECK(both.err == "covey: 80 is covered by rules web, dns: name one\n");
  const Outcome none = covey({"drain", "10.77.0.50:9999"});
  CHECK(none.status == 2);
  CHECK(none.err == "covey: no port rule covers 10.77.0.50:9999\n");
  CHECK(run_with({"-s", "/run/no-such.sock", "drain", "80"}).status == 4);
}

TEST_CASE("a key file is read by the command line and handed over as it is") {
  WithDaemon covey;
  const std::string path = "/tmp/covey-key-test-" + std::to_string(getpid());
  std::ofstream(path) << "# new\nkey 1 abc\n";
  std::filesystem::permissions(path, std::filesystem::perms{0644});
  const Outcome open_to_all = covey({"key", "add", path});
  CHECK(open_to_all.status == 1);
  CHECK(open_to_all.err.find("has mode 0644: others could read the key") != std::string::npos);
  CHECK(covey.daemon().requests().empty());
  std::filesystem::permissions(path, std::filesystem::perms{0600});
  CHECK(covey({"key", "add", path}).out == "key 1 is held\n");
  covey.daemon().answer("POST /v1/keys", 400,
                        R"({"ok":false,"text":"line 2: no good","code":2,"hosts":[]})");
  const Outcome wrong = covey({"key", "add", path});
  CHECK(wrong.status == 2);
  CHECK(wrong.err == "covey: " + path + ": line 2: no good\n");
  CHECK(covey({"key", "retire", "0", "--force"}).status == 2);
  std::filesystem::remove(path);
  CHECK(covey({"key", "add", path}).status == 1);
  const auto& requests = covey.daemon().requests();
  REQUIRE(requests.size() == 3);
  CHECK(requests[0] ==
        R"(POST /v1/keys {"verb":"add","text":"# new\nkey 1 abc\n","id":0,"force":false})");
  CHECK(requests[2] == R"(POST /v1/keys {"verb":"retire","text":"","id":0,"force":true})");
}

TEST_CASE("a refusal is exit status 5, in words and in JSON") {
  WithDaemon covey;
  const std::string refusal = R"({"ok":false,"text":"resume it first","code":5,"hosts":[]})";
  covey.daemon().answer("POST /v1/command", 409, refusal);
  const Outcome words = covey({"start"});
  CHECK(words.status == 5);
  CHECK(words.err == "covey: resume it first\n");
  const Outcome json = covey({"start", "--json"});
  CHECK(json.status == 5);
  CHECK(json.out == refusal + "\n");
}

TEST_CASE("a reload says what differs, and ends as the daemon says") {
  WithDaemon covey;
  covey.daemon().answer(
      "POST /v1/reload", 200,
      R"({"ok":true,"text":"staged: host 2 has not staged the new configuration","code":0,)"
      R"("changes":[{"path":"icmp","before":"balance","after":"drop","needs_restart":false,)"
      R"("text":"icmp: balance -> drop"}],"mistakes":[]})");
  Outcome words = covey({"reload"});
  CHECK(words.status == 0);
  CHECK(words.out ==
        "icmp: balance -> drop\nstaged: host 2 has not staged the new configuration\n");
  covey.daemon().answer("POST /v1/reload", 409,
                        R"({"ok":false,"text":"nothing was changed","code":5,)"
                        R"("changes":[{"path":"host.id","before":"1","after":"2",)"
                        R"("needs_restart":true,"text":"host.id: 1 -> 2"}],"mistakes":[]})");
  words = covey({"reload"});
  CHECK(words.status == 5);
  CHECK(words.out == "host.id: 1 -> 2 (needs a restart)\nnothing was changed\n");
  covey.daemon().answer("POST /v1/reload", 422,
                        R"({"ok":false,"text":"nothing was changed","code":3,"changes":[],)"
                        R"("mistakes":["f.yaml:1:1: version: required"]})");
  words = covey({"reload"});
  CHECK(words.status == 3);
  CHECK(words.out == "f.yaml:1:1: version: required\nnothing was changed\n");
  CHECK(covey({"reload", "--json"}).status == 3);
}

TEST_CASE("a wrong argument that only the daemon can know is exit status 2") {
  WithDaemon covey;
  covey.daemon().answer("POST /v1/command", 400,
                        R"({"ok":false,"text":"no such rule","code":2,"hosts":[]})");
  CHECK(covey({"weight", "wed", "5"}).status == 2);
}

TEST_CASE("what another host sees cannot be asked from here, and that is said clearly") {
  WithDaemon covey;
  const Outcome outcome = covey({"query", "web2"});
  CHECK(outcome.status == 5);
  CHECK(outcome.err.find("this is host 1 (web1): run this command on host 'web2' itself") !=
        std::string::npos);
}

TEST_CASE("several hosts answer in a line each, and the exit status is the worst") {
  WithDaemon covey;
  const std::string answers =
      R"({"ok":false,"text":"host web1 starts\nhost 2 (web2): no answer within 2 s","code":6,)"
      R"("hosts":[{"id":1,"name":"web1","ok":true,"code":0,"text":"host web1 starts"},)"
      R"({"id":2,"name":"web2","ok":false,"code":6,)"
      R"("text":"host 2 (web2): no answer within 2 s"}]})";
  covey.daemon().answer("POST /v1/command", 504, answers);
  const Outcome words = covey({"start", "all"});
  CHECK(words.status == 6);
  CHECK(words.out == "host web1 starts\nhost 2 (web2): no answer within 2 s\n");
  CHECK(words.err.empty());
  CHECK(covey({"start", "all", "--json"}).out == answers + "\n");
}

TEST_CASE("one host that does not answer is exit status 6") {
  WithDaemon covey;
  covey.daemon().answer(
      "POST /v1/command", 504,
      R"({"ok":false,"text":"host 2: no answer within 2 s","code":6,"hosts":[{"id":2,"name":"",)"
      R"("ok":false,"code":6,"text":"host 2: no answer within 2 s"}]})");
  const Outcome outcome = covey({"stop", "2"});
  CHECK(outcome.status == 6);
  CHECK(outcome.err == "covey: host 2: no answer within 2 s\n");
}

TEST_CASE("query --check tells by its exit status whether the host is converged") {
  WithDaemon covey;
  std::string status(canned::kStatus);
  status.replace(status.find("\"converged\":true"), 16, "\"converged\":false");
  covey.daemon().answer("GET /v1/status", 200, status);
  CHECK(covey({"query"}).status == 0);
  CHECK(covey({"query", "--check"}).status == 5);
}

TEST_CASE("a colour says nothing that the text does not say") {
  WithDaemon covey;
  const std::vector<std::vector<std::string>> lines = {
      {"query"},          {"params"},
      {"stats", "--all"}, {"buckets", "web"},
      {"flows"},          {"trace"},
      {"events"},         {"key", "list"},
      {"history"},        {"explain", "tcp", "10.77.0.100:40000", "10.77.0.50:80"}};
  for (const auto& line : lines) {
    CAPTURE(line);
    std::string shown = covey(line, true).out;
    CHECK(shown.find('\033') != std::string::npos);
    CHECK(std::regex_replace(shown, std::regex("\033\\[[0-9]*m"), "") == covey(line, false).out);
    // Whoever cuts the output at a line is not left with a coloured prompt.
    std::istringstream rows(shown);
    for (std::string row; std::getline(rows, row);) {
      const std::size_t last = row.rfind('\033');
      CHECK((last == std::string::npos || row.substr(last, 4) == "\033[0m"));
    }
  }
}

TEST_CASE("colours are for terminals, unless somebody does not want them") {
  WithDaemon covey;
  CHECK(covey({"query"}, true).out.find('\033') != std::string::npos);
  CHECK(covey({"query", "--no-color"}, true).out.find('\033') == std::string::npos);
  CHECK(covey({"query"}, false).out.find('\033') == std::string::npos);
}

TEST_CASE("ip2mac without an address takes the first IPv4 virtual IP of the daemon") {
  WithDaemon covey;
  CHECK(covey({"ip2mac"}).out ==
        "cluster     10.77.0.50\n"
        "unicast     02:bf:0a:4d:00:32\n"
        "multicast   03:bf:0a:4d:00:32\n"
        "igmp        01:00:5e:7f:00:32\n"
        "igmp group  239.255.0.50\n");
}

TEST_CASE("keygen makes a new file that only its owner can read, and never overwrites one") {
  const std::string path = "/tmp/covey-keygen-test-" + std::to_string(getpid());
  std::filesystem::remove(path);
  const Outcome first = run_with({"keygen", path});
  CHECK(first.status == 0);
  CHECK(first.out.empty());
  using std::filesystem::perms;
  CHECK(std::filesystem::status(path).permissions() == (perms::owner_read | perms::owner_write));
  std::ifstream file(path);
  std::string key;
  std::getline(file, key);
  CHECK(key.size() == 64);
  CHECK(key.find_first_not_of("0123456789abcdef") == std::string::npos);
  CHECK(run_with({"keygen", path}).status == 1);
  std::filesystem::remove(path);
  CHECK(run_with({"keygen"}).out != run_with({"keygen"}).out);
}

}  // namespace covey::cli
