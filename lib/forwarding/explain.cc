// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/explain.h"

#include <algorithm>
#include <array>
#include <string_view>

#include "base/endian.h"
#include "forwarding/placement.h"
#include "packet/headers.h"

namespace covey::forwarding {

namespace {

using base::store_be16;

// A client's address; any that is neither the cluster's nor this host's would do.
constexpr base::MacAddress kSomeClient{{0x02, 0, 0, 0, 0, 0x01}};

/// A frame as the client would send it, without checksums: nothing on the way to a verdict reads
/// them.
class QuestionFrame {
 public:
  QuestionFrame(const Question& question, const Policy& policy) {
    put(policy.cluster_mac().bytes.data(), 6);
    put(kSomeClient.bytes.data(), 6);
    const bool is_ipv4 = question.source.family == base::Family::ipv4;
    put16(is_ipv4 ? packet::kEtherTypeIpv4 : packet::kEtherTypeIpv6);
    const std::uint8_t protocol = protocol_in_family(question.protocol, is_ipv4);
    const std::size_t l3 = length_;
    if (is_ipv4) {
      put_ipv4(question, protocol);
    } else {
      put_ipv6(question, protocol);
    }
    put_layer4(question, protocol);
    if (is_ipv4) {
      store_be16(&bytes_[l3 + 2], static_cast<std::uint16_t>(length_ - l3));
    } else {
      store_be16(&bytes_[l3 + 4], static_cast<std::uint16_t>(length_ - l3 - packet::kIpv6Header));
    }
  }

  [[nodiscard]] std::span<const std::uint8_t> bytes() const { return {bytes_.data(), length_}; }

 private:
  static constexpr std::size_t kRoom =
      packet::kEthernetHeader + packet::kIpv6Header + packet::kTcpHeader;

  // "icmp" means the ICMP of the family asked about.
  static std::uint8_t protocol_in_family(std::uint8_t protocol, bool is_ipv4) {
    if (is_ipv4 && protocol == packet::kProtocolIcmpv6) return packet::kProtocolIcmp;
    if (!is_ipv4 && protocol == packet::kProtocolIcmp) return packet::kProtocolIcmpv6;
    return protocol;
  }

  void put_ipv4(const Question& question, std::uint8_t protocol) {
    constexpr std::array<std::uint8_t, 9> kUpToHops = {0x45, 0, 0, 0, 0, 0, 0, 0, 64};
    put(kUpToHops.data(), kUpToHops.size());
    put8(protocol);
    put16(0);
    put(question.source.bytes.data(), 4);
    put(question.destination.bytes.data(), 4);
  }

  void put_ipv6(const Question& question, std::uint8_t protocol) {
    constexpr std::array<std::uint8_t, 6> kUpToLength = {0x60, 0, 0, 0, 0, 0};
    put(kUpToLength.data(), kUpToLength.size());
    put8(protocol);
    put8(64);
    put(question.source.bytes.data(), 16);
    put(question.destination.bytes.data(), 16);
  }

  void put_layer4(const Question& question, std::uint8_t protocol) {
    switch (protocol) {
      case packet::kProtocolTcp: {
        constexpr std::array<std::uint8_t, 8> kNumbers{};
        put_ports(question);
        put(kNumbers.data(), kNumbers.size());
        put8(0x50);  // header of 20 bytes
        put8(question.tcp_flags);
        put(kNumbers.data(), 6);
        break;
      }
      case packet::kProtocolUdp:
        put_ports(question);
        put16(packet::kUdpHeader);
        put16(0);
        break;
      case packet::kProtocolIcmp:
      case packet::kProtocolIcmpv6: {
        constexpr std::array<std::uint8_t, 7> kRest{};
        put8(protocol == packet::kProtocolIcmp ? packet::kIcmpEchoRequest
                                               : packet::kIcmpv6EchoRequest);
        put(kRest.data(), kRest.size());
        break;
      }
      default:
        break;
    }
  }

  void put_ports(const Question& question) {
    put16(question.source_port);
    put16(question.destination_port);
  }
  void put8(std::uint8_t value) { bytes_[length_++] = value; }
  void put16(std::uint16_t value) {
    store_be16(&bytes_[length_], value);
    length_ += 2;
  }
  void put(const std::uint8_t* from, std::size_t count) {
    std::copy_n(from, count, bytes_.begin() + static_cast<std::ptrdiff_t>(length_));
    length_ += count;
  }

  std::array<std::uint8_t, kRoom> bytes_{};
  std::size_t length_ = 0;
};

std::string join(std::initializer_list<std::string_view> parts) {
  std::string text;
  for (const std::string_view part : parts)
    text += part;
  return text;
}

std::string_view word_of(RuleMode mode) {
  switch (mode) {
    case RuleMode::multiple:
      return "multiple";
    case RuleMode::single:
      return "single";
    case RuleMode::disabled:
      return "disabled";
  }
  return "";
}

std::string_view word_of(bucket::Affinity affinity) {
  switch (affinity) {
    case bucket::Affinity::none:
      return "none";
    case bucket::Affinity::single:
      return "single";
    case bucket::Affinity::network:
      return "network";
  }
  return "";
}

std::string hashed_words(const bucket::HashRule& hash, const packet::FlowKey& key) {
  const base::IpAddress source = key.source_address();
  switch (hash.affinity) {
    case bucket::Affinity::none:
      return join({source.to_string(), " port ", std::to_string(key.source_port), " -> port ",
                   std::to_string(key.destination_port)});
    case bucket::Affinity::single:
      return source.to_string();
    case bucket::Affinity::network:
      break;
  }
  const std::uint8_t length = source.family == base::Family::ipv4 ? hash.prefix4 : hash.prefix6;
  return base::IpPrefix{base::masked(source, length), length}.to_string();
}

void describe_rule(const Decision& decision, const packet::FlowKey& key, const Policy& policy,
                   Explanation& out) {
  if (!decision.has_rule) {
    if (!decision.has_bucket) return;
    out.rule = "spread";
    out.mode = "spread";
    out.affinity = word_of(kBySource.affinity);
    out.hashed = hashed_words(kBySource, key);
    return;
  }
  if (decision.rule == kDefaultRule) {
    out.rule = "default";
    out.mode = "default";
    return;
  }
  const PortRule& rule = policy.rule(decision.rule);
  out.rule = rule.name;
  out.mode = word_of(rule.mode);
  if (rule.mode != RuleMode::multiple) return;
  const auto tunnel = tunnel_of(key.protocol, key.destination_port);
  const bool by_source = goes_by_source(policy.compiled(decision.rule), tunnel);
  const bucket::HashRule& hash = by_source ? kBySource : rule.hash;
  out.affinity = word_of(hash.affinity);
  out.hashed = hashed_words(hash, key);
}

// "bucket 1234 of rule web", "single-host rule db", "what no rule covers".
std::string subject_words(const Explanation& explanation) {
  if (explanation.mode == "default") return "what no rule covers";
  if (explanation.mode == "single") return join({"single-host rule ", explanation.rule});
  const std::string bucket = join({"bucket ", std::to_string(explanation.bucket)});
  if (explanation.mode == "spread") return join({bucket, " of what is spread by source"});
  return join({bucket, " of rule ", explanation.rule});
}

std::string owner_words(base::HostId owner, base::HostId self) {
  if (owner == self) return " belongs to this host";
  if (owner.is_nobody()) return " belongs to no host at present";
  return join({" belongs to host ", std::to_string(owner.value)});
}

// Such a frame may be refused by the owner, and is by all but the host that its ID names.
std::string connection_id_words(const Decision& decision, const packet::FlowKey& key,
                                const Policy& policy) {
  const bool by_id = decision.has_rule && key.protocol == packet::kProtocolUdp &&
                     goes_by_connection_id(policy, decision.rule);
  return by_id ? "; a connection ID that names a member counts for more" : "";
}

std::string reason_words(const Explanation& explanation, base::HostId self) {
  switch (explanation.verdict) {
    case Verdict::deliver_owned:
    case Verdict::deliver_default:
    case Verdict::drop_not_owner:
      return join({subject_words(explanation), owner_words(explanation.owner, self)});
    case Verdict::deliver_flow:
      return join({words(explanation.verdict), "; ", subject_words(explanation),
                   owner_words(explanation.owner, self)});
    case Verdict::drop_lease_expired:
      return join({words(explanation.verdict), ", among them ", subject_words(explanation)});
    case Verdict::drop_rule_disabled:
      return join({"rule ", explanation.rule, " is disabled",
                   explanation.mode == "disabled" ? "" : " on this host"});
    case Verdict::drop_draining:
      return join({subject_words(explanation), owner_words(explanation.owner, self),
                   ": every host drains it"});
    default:
      return std::string(words(explanation.verdict));
  }
}

}  // namespace

Explanation explain(const Question& question, const Surroundings& around) {
  Explanation out;
  const bool is_askable = question.source.family != base::Family::none &&
                          question.source.family == question.destination.family;
  if (!is_askable) {
    out.verdict = Verdict::drop_malformed;
    out.reason = "source and destination are not addresses of one family";
    return out;
  }
  const Policy& policy = *around.snapshot.policy;
  const QuestionFrame frame(question, policy);
  const packet::FrameView view = packet::parse(frame.bytes());
  return explain(decide(frame.bytes(), view, around), view.key, around.snapshot);
}

Explanation explain(const Decision& decision, const packet::FlowKey& key,
                    const Snapshot& snapshot) {
  const base::HostId owner = decision.has_bucket
                                 ? snapshot.buckets.owner(decision.map_class, decision.bucket)
                                 : base::HostId{};
  return explain(decision, key, *snapshot.policy, owner);
}

Explanation explain(const Decision& decision, const packet::FlowKey& key, const Policy& policy,
                    base::HostId owner) {
  Explanation out;
  out.verdict = decision.verdict;
  out.tracked = decision.tracked;
  out.has_bucket = decision.has_bucket;
  describe_rule(decision, key, policy, out);
  out.owner = owner;
  if (decision.has_bucket) out.bucket = decision.bucket.value;
  out.reason =
      join({reason_words(out, policy.settings().self), connection_id_words(decision, key, policy)});
  return out;
}

}  // namespace covey::forwarding
