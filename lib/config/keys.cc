// SPDX-License-Identifier: BSD-3-Clause
#include "config/keys.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "base/assert.h"
#include "base/ids.h"
#include "base/text.h"
#include "dataplane/settings.h"

namespace covey::config {
namespace {

using enum KeyType;

constexpr std::int64_t kSecond = 1'000;  // durations are in ms
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr std::string_view kName = "1..64 letters, digits, '.', '_' or '-'";
constexpr std::string_view kAbsolutePath = "an absolute path";
constexpr std::string_view kUrl = "http://HOST[:PORT][/PATH]";
constexpr std::string_view kSecureUrl = "https://HOST[:PORT][/PATH]";
constexpr std::string_view kInterface = "an interface name of 1..15 characters";

// Limits with a reason that does not show:
//   mtu        a heartbeat fragment has up to 1400 bytes
//   capacity   16 Mi flows are 1 GiB in each worker
//   interval   below 10 ms a busy machine cannot keep the beat
constexpr std::array kKeys = std::to_array<Key>({
    {"version", integer, kRequired, "", "Version of the file format.", 1, 1},

    {"cluster", section, "", "", "What all hosts have in common."},
    {"cluster.name", text, kRequired, kName,
     "Identity, with the key: other clusters on the segment are ignored."},
    {"cluster.virtual_ips", text_list, kRequired, "1..256 times ADDRESS/LENGTH, IPv4 or IPv6",
     "Addresses the hosts share. The first IPv4 address (else the first) names the cluster MAC."},
    {"cluster.mode", choice, "unicast", "unicast | multicast | igmp",
     "Kind of cluster MAC: 02:bf:w:x:y:z, 03:bf:w:x:y:z or 01:00:5e:7f:y:z."},
    {"cluster.mac", text, "auto", "auto | xx:xx:xx:xx:xx:xx",
     "Cluster MAC, if it is not to follow from mode and primary address."},
    {"cluster.mask_source_mac", boolean, "true", "",
     "Leave with 02:HOST:w:x:y:z, so that no switch learns where the cluster MAC is."},
    {"cluster.key_file", text, "/etc/covey/cluster.key", kAbsolutePath,
     "Secret of the cluster: 64 hexadecimal digits, made by `covey keygen`, mode 0600."},
    {"cluster.heartbeat", section, "", "", "How soon a lost host is noticed."},
    {"cluster.heartbeat.interval", duration, "200ms", "", "Time between heartbeats.", 10,
     10 * kSecond},
    {"cluster.heartbeat.tolerance", integer, "5", "",
     "Missed heartbeats after which a host counts as silent.", 2, 100},
    {"cluster.buckets", integer, "4096", "",
     "Buckets of each rule; a power of two, equal on all hosts. More give finer shares.",
     base::kMinBuckets, base::kMaxBuckets},
    {"cluster.partition", choice, "serve", "serve | majority | gateway",
     "When the segment is cut: both sides serve, only the larger, or the one that sees the "
     "gateway."},
    {"cluster.hosts", text, kNone, "host ids and ranges, such as 1-5",
     "All hosts of the cluster: with partition: majority a view serves only if it has more than "
     "half of them, or half with the lowest. Without it, of the last view."},
    {"cluster.hold_down", duration, "1s", "",
     "How long a host stays out that has vanished three times within minutes; twice as long each "
     "further time, up to 10m. 0s: never.",
     0, 10 * kMinute},
    {"cluster.gateway", text, kNone, "an IPv4 or IPv6 address",
     "Router whose answers show that this host can be reached; needed by partition: gateway, which "
     "asks it by ARP or ND once per heartbeat interval."},

    {"host", section, "", "", "This host alone."},
    {"host.id", integer, kRequired, "",
     "Unique in the cluster; the lowest running id is the default host.", 1, base::kMaxHosts},
    {"host.name", text, "the machine's name", kName, "For people."},
    {"host.dedicated_ip", text, kNone, "ADDRESS/LENGTH, IPv4 or IPv6",
     "This host's own address on the segment, never balanced."},
    {"host.initial_state", choice, "started", "started | stopped | suspended | persisted",
     "State after the daemon starts; persisted: as it was before."},

    {"ports", section, "", "", "Where frames come from and go to."},
    {"ports.uplink", section, "", "", "The device on the cluster's segment."},
    {"ports.uplink.device", text, kRequired,
     "af_packet:INTERFACE | af_xdp:INTERFACE | pci:DDDD:BB:DD.F | vdev:net_NAME,...",
     "Driver and device."},
    {"ports.uplink.queues", integer, "1", "",
     "Receive queues, one for each worker: as many as workers.cpus.", 1, dataplane::kMostWorkers},
    {"ports.uplink.mtu", integer, "1500", "", "Largest packet.", 1400, 9216},
    {"ports.local", section, "", "", "The way to this machine's network stack."},
    {"ports.local.kind", choice, "tap", "tap | virtio_user | none",
     "How frames get there. virtio_user needs /dev/vhost-net."},
    {"ports.local.name", text, "covey0", kInterface, "Interface that the daemon creates."},
    {"ports.local.offload", boolean, "true", "",
     "Long TCP segments and open checksums pass the interface; Covey, or the uplink's device, does "
     "the rest. false: whole frames of one MTU."},

    {"workers", section, "", "", "The threads that handle frames."},
    {"workers.cpus", text, "any", "any | CPU numbers, as in 1,3-5",
     "One worker on each; any: one worker anywhere."},
    {"workers.idle", choice, "adaptive", "adaptive | poll",
     "Without traffic: sleep a little, or spin for the lowest latency."},
    {"workers.control_cpu", text, "any", "any | a CPU number", "Where the control thread runs."},
    {"workers.realtime", choice, "auto", "auto | off",
     "Real-time priority for the control thread, where the system allows it."},

    {"flows", section, "", "", "Connections a host remembers."},
    {"flows.capacity", integer, "1048576", "", "Connections per worker.", 1024, 16 * 1024 * 1024},
    {"flows.tcp_idle", duration, "1h", "", "A silent TCP connection is forgotten.", kSecond,
     30 * kDay},
    {"flows.fast_reset", boolean, "true", "",
     "What belongs to a connection that no host holds any more is given to the local stack, whose "
     "reset tells the client at once that it is over. false: it is dropped, and the client waits."},
    {"flows.udp_track", boolean, "false", "",
     "Keep a UDP conversation on its host when its bucket moves, while the host answers. false: "
     "it moves at once. Equal on all hosts."},
    {"flows.udp_idle", duration, "30s", "", "A silent UDP conversation is forgotten.", kSecond,
     kDay},
    {"flows.ipsec_idle", duration, "1d", "", "The same for IPsec and L2TP tunnels.", kSecond,
     30 * kDay},
    {"flows.gre_idle", duration, "10m", "", "The same for GRE tunnels (PPTP).", kSecond, 30 * kDay},

    {"icmp", choice, "balance", "balance | all | drop",
     "Who answers echo requests to a virtual IP: one host, every host, nobody."},

    {"multicast", choice, "drop", "drop | deliver",
     "What is sent to multicast groups or broadcast addresses, apart from address resolution: "
     "nobody gets it, or the local stack of this host does, too."},

    {"port_rules", list, kNone, "",
     "First 0..1024 rules; what no rule covers goes to the default host."},
    {"port_rules[].name", text, kRequired, kName, "Unique; not 'default', 'spread' or 'all'."},
    {"port_rules[].vip", text, "all", "all | one of cluster.virtual_ips",
     "A rule of one virtual IP goes before one of all."},
    {"port_rules[].protocol", choice, "both", "tcp | udp | both", "What it covers."},
    {"port_rules[].ports", text, kRequired,
     "1..64 ports or ranges of 0..65535, as in 80,443,8000-8100", "Destination ports."},
    {"port_rules[].mode", choice, "multiple", "multiple | single | disabled",
     "All hosts share the load, one host takes it all, or it is dropped."},
    {"port_rules[].affinity", choice, "none", "none | single | network",
     "What stays together (mode multiple): a connection, a client, a client network."},
    {"port_rules[].prefix4", integer, "24", "",
     "Size of an IPv4 client network (affinity network).", 1, 32},
    {"port_rules[].prefix6", integer, "64", "",
     "Size of an IPv6 client network (affinity network).", 1, 128},
    {"port_rules[].quic", choice, "none", "none | cid",
     "QUIC connections (protocol udp or both, mode multiple) go by their address, or to the host "
     "that their connection ID names."},
    {"port_rules[].weight", text, "equal", "0..100 | equal",
     "This host's share (mode multiple); equal is 50."},
    {"port_rules[].priority", integer, "host.id", "",
     "This host's rank (mode single); the lowest running one takes all.", 1, base::kMaxHosts},

    {"health", list, kNone, "", "0..64 checks of services on this host."},
    {"health[].name", text, kRequired, kName, "Unique."},
    {"health[].rule", text, kNone, "all | 1..64 names of port rules, as in web,app",
     "The rules that depend on the service. Required, but for on_fail: drain_host, which is about "
     "all of them, and on_fail: report."},
    {"health[].http", text, kNone, kUrl,
     "Asks by HTTP. A host is an IP address or localhost, which is 127.0.0.1. Redirects are not "
     "followed."},
    {"health[].https", text, kNone, kSecureUrl, "The same over TLS."},
    {"health[].tcp", text, kNone, "ADDRESS:PORT | [ADDRESS]:PORT | localhost:PORT",
     "Asks for a connection."},
    {"health[].exec", text_list, kNone, "1..16 times text, the first an absolute path",
     "Runs a program with these arguments: status 0 is well. Of http, https, tcp and exec each "
     "check has one."},
    {"health[].status", text, "200-299", "1..16 codes or ranges of 100..599, as in 200-299,401",
     "Answers that are good (http, https)."},
    {"health[].text", text, kNone, "1..256 printable characters",
     "What the first 64 KiB of a good answer contain (http, https)."},
    {"health[].host", text, kNone, "1..253 letters, digits, '.', '_' or '-'",
     "Name of the server in the request, and in the certificate (http, https)."},
    {"health[].verify", text, "no", "no | yes | an absolute path",
     "The certificate (https): any will do, it must be good for the authorities this machine "
     "trusts, "
     "or for those in a file."},
    {"health[].agent", boolean, "false", "",
     "The first line of the answer is a report such as 75%, up, down, drain, ready."},
    {"health[].interval", duration, "2s", "", "From one question to the next.", 100, kHour},
    {"health[].timeout", duration, "1s", "", "Time for the answer, at most the interval.", 10,
     kHour},
    {"health[].fall", integer, "3", "", "Failures in a row that make it ill.", 1, 100},
    {"health[].rise", integer, "2", "", "Successes in a row that make it well.", 1, 100},
    {"health[].start_grace", duration, "0s", "",
     "Failures do not count for so long after the daemon has started, or the check was added, "
     "until the first success.",
     0, kHour},
    {"health[].on_fail", choice, "drain", "drain | drain_host | weight | report",
     "This host takes no new connections of the rules, of any rule, or a part of its share; or "
     "people are told, no more."},
    {"health[].fail_percent", integer, "10", "",
     "Part of its weight that a host keeps while ill (on_fail: weight).", 1, 99},
    {"health[].slow_start", duration, "0s", "",
     "A service that has recovered gets its share back over this time, in five steps.", 0, kHour},

    {"api", section, "", "", "Where the daemon answers."},
    {"api.socket", text, "/run/covey/coveyd.sock", "an absolute path of at most 107 bytes",
     "UNIX socket of the `covey` command."},
    {"api.http", text, "127.0.0.1:9717", "off | ADDRESS:PORT | [ADDRESS]:PORT",
     "Status and metrics over HTTP, read only."},
    {"state_dir", text, "/var/lib/covey", kAbsolutePath, "What outlives the daemon."},
    {"log", section, "", "", "What the daemon tells."},
    {"log.level", choice, "info", "trace | debug | info | warning | error",
     "The least that is told."},
    {"log.format", choice, "text", "text | json", "For people or for programs."},
});

}  // namespace

std::span<const Key> keys() {
  return kKeys;
}

const Key& key_at(std::string_view path) {
  const auto* const key = std::ranges::find(kKeys, path, &Key::path);
  COVEY_ASSERT(key != kKeys.end());
  return *key;
}

std::string allowed_text(const Key& key) {
  switch (key.type) {
    case section:
      return "keys of its own";
    case list:
      return "a list";
    case integer:
      return key.min == key.max ? fmt::format("{}", key.min)
                                : fmt::format("{}..{}", key.min, key.max);
    case boolean:
      return "true | false";
    case duration:
      return fmt::format("{}..{}", base::format_duration(std::chrono::milliseconds(key.min)),
                         base::format_duration(std::chrono::milliseconds(key.max)));
    case choice:
    case text:
    case text_list:
      return std::string(key.allowed);
  }
  COVEY_ASSERT(false);
}

std::string_view choice_word(const Key& key, std::size_t number) {
  constexpr std::string_view separator = " | ";
  std::string_view rest = key.allowed;
  for (; number > 0; --number) {
    const std::size_t at = rest.find(separator);
    if (at == std::string_view::npos) return {};
    rest.remove_prefix(at + separator.size());
  }
  return rest.substr(0, rest.find(separator));
}

}  // namespace covey::config
