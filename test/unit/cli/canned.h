// SPDX-License-Identifier: BSD-3-Clause
// Answers of a daemon, as JSON.
//
// Owner: test/unit/cli. Thread: any; constants.
#pragma once

#include <string_view>

namespace covey::cli::canned {

inline constexpr std::string_view kStatus = R"({"cluster":"web",
  "host":{"id":1,"name":"web1","state":"converged","default":true},
  "epoch":12,"converged":true,"since":"2026-01-02T03:04:05Z","reason":"","members":[
  {"id":1,"name":"web1","state":"converged","default":true,"weight":100,"age_ms":0,
   "in_view":true,"drains":[]},
  {"id":2,"name":"web2","state":"converging","default":false,"weight":50,"age_ms":31,
   "in_view":true,"drains":[]},
  {"id":3,"name":"web3","state":"isolated","default":false,"weight":100,"age_ms":15000,
   "in_view":false,"drains":[]}],"islands":0,"rules":[],"health":[]})";

inline constexpr std::string_view kRules = R"([
  {"rule":"web","state":"enabled","reason":"","percent":100,
   "mode":"multiple","affinity":"none","vip":"all","protocol":"tcp",
   "ports":"80,443","map_class":2,"weight":100,"accepted":1234567,"dropped":89,"flows":5,
   "buckets":{"owned":1638,"dirty":2,"total":4096}},
  {"rule":"web-one","state":"enabled","reason":"","percent":100,
   "mode":"single","affinity":"","vip":"10.77.0.50",
   "protocol":"tcp","ports":"443","map_class":3,"weight":0,"accepted":0,"dropped":0,"flows":0,
   "buckets":{"owned":1,"dirty":0,"total":1}},
  {"rule":"dns","state":"enabled","reason":"","percent":100,
   "mode":"multiple","affinity":"single","vip":"all",
   "protocol":"udp","ports":"53,80","map_class":4,"weight":50,"accepted":0,"dropped":0,"flows":0,
   "buckets":{"owned":1,"dirty":0,"total":4096}},
  {"rule":"block","state":"disabled","reason":"configuration","percent":0,
   "mode":"disabled","affinity":"","vip":"all",
   "protocol":"both","ports":"23","map_class":-1,"weight":0,"accepted":0,"dropped":7,"flows":0,
   "buckets":{"owned":0,"dirty":0,"total":0}},
  {"rule":"default","state":"enabled","reason":"","percent":100,
   "mode":"default","affinity":"","vip":"all","protocol":"all",
   "ports":"all","map_class":0,"weight":0,"accepted":3,"dropped":0,"flows":0,
   "buckets":{"owned":1,"dirty":0,"total":1}}])";

inline constexpr std::string_view kExplain = R"({"rule":"web","mode":"multiple","affinity":"none",
  "hashed":"10.77.0.100 port 40000 -> port 80","bucket":1234,"owner":2,"verdict":"drop_not_owner",
  "reason":"another host owns the bucket","tracked":false,"without":null})";

inline constexpr std::string_view kStats = R"({"verdicts":{
  "deliver_owned":{"frames":1000,"bytes":64000},"drop_not_owner":{"frames":2000,"bytes":128000},
  "drop_malformed":{"frames":0,"bytes":0}},
  "ports":{"uplink":{"link_up":true,"rx_frames":1,"rx_bytes":2,"rx_missed":3,"rx_errors":4,
   "tx_frames":5,"tx_bytes":6,"tx_errors":7}},
  "workers":[{"busy_pct":12.5,"cycles_per_packet":310.25,"packets_per_poll":7.5,
   "packets":30,"bursts":4,"loops":40,"busy_cycles":50,"idle_cycles":60,"sleeps":70}],
  "control":{"timers":5000,"late":{"1ms":7,"10ms":2,"100ms":0},"worst_us":41500,
   "worst_lately_us":300},
  "heartbeats":{"sent":10,"send_failed":0,"received":20,"fragments":0,"lost":0,
   "refused":{"not_ours":0,"bad_version":0,"unknown_key":0,"bad_tag":7,"malformed":0}},
  "commands":{"sent":11,"received":12,"obeyed":4,"challenged":1,"repeated":0,"replayed":3,
   "limited":0,"refused":{"not_ours":0,"bad_tag":2}},
  "flows":{"established":1,"half_open":2,"created":3,"expired":4,"evicted":5,"untracked":6,
   "capacity":65536}})";

inline constexpr std::string_view kKeys = R"({"host":1,"hosts":[
  {"host":1,"name":"web1","seals_with":0,
   "keys":[{"id":0,"mark":"0a0b0c0d"},{"id":1,"mark":"11111111"}]},
  {"host":2,"name":"web2","seals_with":0,"keys":[{"id":0,"mark":"0a0b0c0d"}]},
  {"host":3,"name":"web3","seals_with":null,
   "keys":[{"id":0,"mark":"0a0b0c0d"},{"id":1,"mark":"22222222"}]},
  {"host":4,"name":"a-host-of-an-earlier-version","seals_with":0,"keys":[]}]})";

inline constexpr std::string_view kFlows = R"([
  {"protocol":"tcp","source":"10.77.0.100:40000","destination":"10.77.0.50:80",
   "state":"established","rule":"web","bucket":4095,"idle_ms":12},
  {"protocol":"tcp","source":"[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
   "destination":"[2001:db8:77::50]:80","state":"established",
   "rule":"a-rule-with-a-name-that-is-longer-than-names-usually-are","bucket":0,"idle_ms":99999}])";

inline constexpr std::string_view kTrace = R"({"host":1,"ended":"time","seen":5321,"packets":[
  {"time":"2026-01-02T03:04:05.678Z","after_us":0,"worker":0,"direction":"in","protocol":"tcp",
   "source":"10.77.0.100:40000","destination":"10.77.0.50:80","flags":"syn","length":74,
   "fragment":"","vlan":null,"verdict":"deliver_owned",
   "reason":"bucket 1234 of rule web belongs to this host","rule":"web","bucket":1234,"owner":1,
   "tracked":false,"flow":"none"},
  {"time":"2026-01-02T03:04:05.679Z","after_us":12345678,"worker":1,"direction":"out",
   "protocol":"udp","source":"[2001:db8:ffff:ffff:ffff:ffff:ffff:ffff]:65535",
   "destination":"[2001:db8:77::50]:80","flags":"","length":1514,"fragment":"first","vlan":7,
   "verdict":"drop_egress_not_owner",
   "reason":"SYN-ACK or RST of the local stack for a flow that is not ours","rule":"web",
   "bucket":null,"owner":null,"tracked":true,"flow":"half_open"}]})";

inline constexpr std::string_view kHistory = R"([
  {"generation":4,"began":"2026-01-02T03:04:05.678Z","duration_ms":43.21,
   "trigger":"host 3 was lost and this sentence goes on and on, as if nobody had to read it",
   "members":[1,2,3],"moved_buckets":1365}])";

inline constexpr std::string_view kEvents = R"([
  {"id":1,"time":"2026-01-02T03:04:05.678Z","event":"host_lost","host":3,
   "detail":"nothing was heard for 1000 ms, and this sentence goes on and on as well"},
  {"id":2,"time":"2026-01-02T03:04:05.700Z","event":"converged","host":0,"detail":""}])";

}  // namespace covey::cli::canned
