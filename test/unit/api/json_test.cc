// SPDX-License-Identifier: BSD-3-Clause
#include <catch2/catch.hpp>

#include "api/diagnosis.h"
#include "api/messages.h"

namespace api = covey::api;
using covey::base::ErrorCode;

namespace {

api::Status a_status() {
  api::Status status;
  status.cluster = "web";
  status.host = {1, "web1", "converged", true};
  status.epoch = 7;
  status.converged = true;
  status.since = "2026-01-02T03:04:05.678Z";
  status.members = {{1, "web1", "converged", true, 100, 0, true, {}},
                    {2, "web2", "draining", false, 50, 120, true, {"db"}}};
  status.islands = 0;
  status.rules = {{"web", "draining", "operator", 0}};
  status.health = {"web is down: 500"};
  return status;
}

api::Stats a_stats() {
  api::Stats stats;
  stats.verdicts = {{"deliver_owned", {10, 640}}, {"drop_not_owner", {20, 1280}}};
  stats.ports = {{"uplink", {true, 1, 2, 3, 4, 5, 6, 7}}};
  stats.workers = {{12.5, 310.25, 30, 40, 50, 60, 70}};
  stats.control = {9, {{"1ms", 8}, {"10ms", 7}}, 6, 5};
  stats.heartbeats = {1, 2, 3, 4, 5, {{"not_ours", 6}, {"bad_tag", 7}}};
  stats.flows = {1, 2, 3, 4, 5, 6, 7};
  return stats;
}

template <typename T>
std::string problem(std::string_view text) {
  const auto decoded = api::decode<T>(text);
  REQUIRE_FALSE(decoded.has_value());
  CHECK(decoded.error().code == ErrorCode::corrupt);
  return decoded.error().context;
}

template <typename T>
void check_round_trip(const T& value) {
  const auto back = api::decode<T>(api::encode(value));
  REQUIRE(back.has_value());
  CHECK(*back == value);
}

}  // namespace

TEST_CASE("a status has exactly the documented keys, in their order") {
  CHECK(api::encode(a_status()) ==
        R"({"cluster":"web","host":{"id":1,"name":"web1","state":"converged","default":true},)"
        R"("epoch":7,"converged":true,"since":"2026-01-02T03:04:05.678Z","reason":"",)"
        R"("members":[{"id":1,"name":"web1","state":"converged","default":true,"weight":100,)"
        R"("age_ms":0,"in_view":true,"drains":[]},)"
        R"({"id":2,"name":"web2","state":"draining","default":false,)"
        R"("weight":50,"age_ms":120,"in_view":true,"drains":["db"]}],"islands":0,)"
        R"("rules":[{"rule":"web","state":"draining","reason":"operator","percent":0}],)"
        R"("health":["web is down: 500"]})");
}

TEST_CASE("verdicts are an object in the order of the policy") {
  const std::string text = api::encode(a_stats());
  CHECK(text.starts_with(R"({"verdicts":{"deliver_owned":{"frames":10,"bytes":640},)"
                         R"("drop_not_owner":{"frames":20,"bytes":1280}},"ports":{"uplink":{)"));
}

TEST_CASE("no bucket and no owner are null, not zero") {
  api::ExplainReply reply;
  reply.verdict = "deliver_default";
  const std::string text = api::encode(reply);
  CHECK(text.find(R"("bucket":null,"owner":null)") != std::string::npos);
  check_round_trip(reply);
}

TEST_CASE("every message survives the way to text and back") {
  check_round_trip(a_status());
  check_round_trip(a_stats());
  check_round_trip(api::RuleStatus{"web",
                                   "enabled",
                                   "health",
                                   30,
                                   "multiple",
                                   "none",
                                   "all",
                                   "tcp",
                                   "80,443",
                                   2,
                                   100,
                                   1,
                                   2,
                                   3,
                                   {4, 5, 6}});
  check_round_trip(std::vector<api::RuleStatus>(2));
  check_round_trip(
      api::ExplainReply{"web", "multiple", "none", "a b", 17, 3, "deliver_owned", "why", true, {}});
  check_round_trip(api::ExplainReply{"web", "multiple", "none", "a b", 17, 3, "deliver_owned",
                                     "why", true, api::Absence{3, 1, "host 1 would"}});
  check_round_trip(api::Diagnosis{1, "daemon", 1, {{"id", "fault", "what", "where", "cure"}}});
  check_round_trip(api::Diagnosis{});
  check_round_trip(
      std::vector<api::FlowRow>{{"tcp", "10.0.0.1:1", "10.0.0.2:80", "established", "web", 9, 12}});
  check_round_trip(
      api::TraceReply{1,
                      "time",
                      99,
                      {{"t", 12, 1, "in", "tcp", "10.0.0.1:1", "10.0.0.2:80", "syn", 74, "", 7,
                        "deliver_owned", "why", "web", 9, 1, true, "established"},
                       {}}});
  check_round_trip(api::BucketMaps{1, 7, {{"web", 2, {1, 2, 0, 3}}, {"default", 0, {1}}}});
  check_round_trip(std::vector<api::HistoryRow>{{7, "t", 1.5, "host 3 lost", {1, 2}, 1365}});
  check_round_trip(std::vector<api::EventRow>{{1, "t", "host_lost", 3, "silent"}});
  check_round_trip(api::ConfigReply{"version: 1\n"});
  check_round_trip(api::CommandRequest{"weight", "web", "20", 0, "all"});
  check_round_trip(
      api::CommandReply{false, "no such rule", 2, {{2, "web2", false, 2, "no such rule"}}});
  check_round_trip(api::KeyList{1, {{1, "web1", 0U, {{0, "0a0b0c0d"}}}, {2, "", {}, {}}}});
  check_round_trip(api::KeyRequest{"add", "key 0 abc\n", 3, true});
  check_round_trip(api::ErrorReply{"no such resource"});
}

TEST_CASE("numbers up to the largest counter survive") {
  api::ExplainReply reply;
  reply.bucket = std::numeric_limits<std::uint32_t>::max();
  check_round_trip(reply);
  api::RuleStatus rule;
  rule.accepted = std::numeric_limits<std::uint64_t>::max();
  check_round_trip(rule);
}

TEST_CASE("text with quotes, control characters and broken UTF-8 is written as valid JSON") {
  const std::string text = api::encode(api::ErrorReply{"a\"b\n\x01 \xff"});
  const auto back = api::decode<api::ErrorReply>(text);
  REQUIRE(back.has_value());
  CHECK(back->error == "a\"b\n\x01 \xef\xbf\xbd");
}

TEST_CASE("keys of a newer daemon are ignored") {
  const auto reply = api::decode<api::ErrorReply>(R"({"error":"x","colour":"blue"})");
  REQUIRE(reply.has_value());
  CHECK(reply->error == "x");
}

TEST_CASE("what is not JSON is refused") {
  CHECK(problem<api::ErrorReply>("") == "not JSON");
  CHECK(problem<api::ErrorReply>("{") == "not JSON");
  CHECK(problem<api::ErrorReply>(R"({"error":"x"} trailing)") == "not JSON");
  CHECK(problem<api::ErrorReply>("\xff\xfe") == "not JSON");
}

TEST_CASE("a key that an object has twice is refused by its name") {
  CHECK(problem<api::ErrorReply>(R"({"error":"x","error":"x"})") == "error: twice");
  CHECK(problem<api::ErrorReply>(R"({"error":"x","more":[{"a":1},{"b":{"a":1},"b":2}]})") ==
        "b: twice");
  CHECK(api::decode<api::ErrorReply>(R"({"error":"x","a":{"a":1},"b":[{"a":1},{"a":1}]})"));
}

TEST_CASE("a missing key, a wrong type and a number out of range are named with their place") {
  CHECK(problem<api::ErrorReply>("[]") == "the whole: not an object");
  CHECK(problem<api::ErrorReply>("{}") == "error: missing");
  CHECK(problem<api::ErrorReply>(R"({"error":5})") == "error: not a string");
  CHECK(problem<std::vector<api::EventRow>>("{}") == "the whole: not an array");
  const std::string command = R"({"verb":"stop","target":"","value":"","timeout_ms":)";
  CHECK(problem<api::CommandRequest>(command + "1.5}") == "timeout_ms: not a whole number");
  CHECK(problem<api::CommandRequest>(command + "99999999999999999999}") ==
        "timeout_ms: not a whole number");
  CHECK(problem<api::CommandRequest>(command + "18446744073709551615}") ==
        "timeout_ms: out of range");
  CHECK(problem<api::BucketMaps>(
            R"({"host":1,"epoch":1,"maps":[{"rule":"a","map_class":0,"owners":[1,-2]}]})") ==
        "maps[0].owners[1]: out of range");
  CHECK(problem<api::CommandReply>(R"({"ok":1,"text":"","code":0,"hosts":[]})") ==
        "ok: not true or false");
}

TEST_CASE("a deeply nested value is refused without harm") {
  const std::string deep = std::string(100000, '[') + std::string(100000, ']');
  CHECK(problem<api::ErrorReply>(deep) == "the whole: not an object");
  CHECK(problem<api::ErrorReply>(R"({"error":)" + deep + "}") == "error: not a string");
}

TEST_CASE("text beyond the limit is refused before it is parsed") {
  CHECK(problem<api::ErrorReply>(std::string(api::kMaxJsonBytes + 1, ' ')) ==
        "JSON text is too long");
}
