// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/screen.h"

#include <optional>

#include "base/endian.h"
#include "forwarding/conversation.h"
#include "packet/headers.h"

namespace covey::forwarding {

namespace {

using Bytes = std::span<const std::uint8_t>;
using base::load_be16;
using base::load_le32;
using base::load_le64;

constexpr std::uint64_t kIpv4Type = 0x0008;  // as the upper bytes of a little-endian word
constexpr std::uint64_t kIpv6Type = 0xdd86;
constexpr std::size_t kShortest =
    packet::kEthernetHeader + packet::kIpv4Header + packet::kUdpHeader;
constexpr std::uint8_t kVersion4NoOptions = 0x45;
constexpr std::uint16_t kAnyFragment = 0x3fff;  // more to come, or an offset

/// What is hashed of a plain frame, before the rule has had its say.
struct Plain {
  int virtual_ip = -1;
  std::uint8_t protocol = 0;
  std::uint16_t destination_port = 0;
  std::uint32_t ports = 0;  // of both, as they lie there
  bool is_ipv6 = false;
  std::uint64_t source_high = 0;  // as it lies there, read as little-endian words
  std::uint64_t source_low = 0;
};

// Whole, and with ports that a port rule can cover.
bool read_layer4(const std::uint8_t* l4, std::size_t length, Plain& plain) noexcept {
  if (length < packet::kUdpHeader) return false;
  plain.ports = load_le32(l4);
  plain.destination_port = load_be16(l4 + 2);
  if (plain.protocol == packet::kProtocolTcp) [[likely]] {
    if (length < packet::kTcpHeader) return false;
    const std::size_t header = (l4[12] >> 4U) * std::size_t{4};
    if (header < packet::kTcpHeader || header > length) return false;
  } else if (plain.protocol == packet::kProtocolUdp) {
    const std::size_t datagram = load_be16(l4 + 4);
    if (datagram < packet::kUdpHeader || datagram > length) return false;
  } else {
    return false;
  }
  return !tunnel_of(plain.protocol, plain.destination_port);
}

bool read_ipv4(Bytes l3, const Policy& policy, Plain& plain) noexcept {
  const std::uint8_t* at = l3.data();
  const std::size_t total = load_be16(at + 2);
  if (at[0] != kVersion4NoOptions || (load_be16(at + 6) & kAnyFragment) != 0) return false;
  if (total < packet::kIpv4Header || total > l3.size()) return false;
  plain.protocol = at[9];
  plain.source_high = load_le32(at + 12);
  plain.virtual_ip = policy.virtual_ip_index(load_le32(at + 16), 0, base::Family::ipv4);
  return plain.virtual_ip >= 0 &&
         read_layer4(at + packet::kIpv4Header, total - packet::kIpv4Header, plain);
}

bool read_ipv6(Bytes l3, const Policy& policy, Plain& plain) noexcept {
  const std::uint8_t* at = l3.data();
  if (l3.size() < packet::kIpv6Header || (at[0] >> 4U) != 6) return false;
  const std::size_t length = load_be16(at + 4);
  if (packet::kIpv6Header + length > l3.size()) return false;
  plain.is_ipv6 = true;
  plain.protocol = at[6];
  const std::uint8_t* source = at + packet::kIpv6Addresses;
  plain.source_high = load_le64(source);
  plain.source_low = load_le64(source + 8);
  plain.virtual_ip =
      policy.virtual_ip_index(load_le64(source + 16), load_le64(source + 24), base::Family::ipv6);
  return plain.virtual_ip >= 0 && read_layer4(at + packet::kIpv6Header, length, plain);
}

// To the cluster MAC: what goes to the host MAC was handed on.
bool read_plain(Bytes frame, const Policy& policy, Plain& plain) noexcept {
  if (frame.size() < kShortest) return false;
  const std::uint64_t source_and_type = load_le64(frame.data() + 6);
  const std::uint64_t source = source_and_type & packet::kMacMask;
  const Policy::MacWords& macs = policy.mac_words();
  if (packet::destination_mac_word(frame) != macs.cluster) return false;
  if (source == macs.cluster || source == macs.host) return false;
  const Bytes l3 = frame.subspan(packet::kEthernetHeader);
  switch (source_and_type >> 48U) {
    [[likely]] case kIpv4Type : return read_ipv4(l3, policy, plain);
    case kIpv6Type:
      return read_ipv6(l3, policy, plain);
    default:
      return false;
  }
}

// As bucket::flow_hash() takes them.
bucket::HashWords words_of(const Plain& plain, const HashMasks& masks) noexcept {
  const std::uint64_t ports = masks.with_ports ? plain.ports : 0;
  if (plain.is_ipv6) {
    const std::size_t length = masks.with_ports ? 20 : 16;
    return {plain.source_high & masks.ipv6_high, plain.source_low & masks.ipv6_low,
            bucket::detail::last_word(ports, length), 3};
  }
  const std::uint64_t address = plain.source_high & masks.ipv4;
  if (!masks.with_ports) return {bucket::detail::last_word(address, 4), 0, 0, 1};
  return {address | ports << 32U, bucket::detail::last_word(0, 8), 0, 2};
}

Decision not_owner(RuleIndex rule, const flow::Placement& place) noexcept {
  Decision decision;
  decision.verdict = Verdict::drop_not_owner;
  decision.has_rule = decision.has_bucket = true;
  decision.rule = rule;
  decision.map_class = place.map_class;
  decision.bucket = place.bucket;
  return decision;
}

/// What is known of the buckets of a class: mostly all frames of a burst have the same.
class ClassLook {
 public:
  explicit ClassLook(const Surroundings& around) : around_(around) { look_at({}); }

  void look_at(base::ClassIndex map_class) noexcept {
    if (map_class == map_class_ && states_ != nullptr) return;
    const bucket::ClassTable& table = around_.snapshot.buckets.classes[map_class.value];
    map_class_ = map_class;
    mask_ = table.mask;
    states_ = table.states.data();
    counts_ = around_.flows.counts().at({map_class, {}});
  }
  [[nodiscard]] base::BucketIndex bucket_of(std::uint64_t hash) const noexcept {
    return bucket::bucket_of(hash, mask_);
  }
  /// Another host's, and this one holds nothing in it.
  [[nodiscard]] bool is_clean_foreign(base::BucketIndex bucket) const noexcept {
    if (states_[bucket.value] != bucket::BucketState::foreign || counts_ == nullptr) return false;
    const flow::BucketCounts::Count& count = counts_[bucket.value];
    return (count.live.read() | count.lingering.read()) == 0;
  }

 private:
  const Surroundings& around_;
  base::ClassIndex map_class_;
  std::uint32_t mask_ = 0;
  const bucket::BucketState* states_ = nullptr;
  const flow::BucketCounts::Count* counts_ = nullptr;
};

}  // namespace

std::uint64_t Screen::settle_foreign(const Surroundings& around,
                                     std::span<Decision> decisions) const noexcept {
  std::uint64_t settled = 0;
  ClassLook look(around);
  for (std::size_t k = 0; k < inputs_.size(); ++k) {
    const Candidate& candidate = candidates_[k];
    look.look_at(candidate.map_class);
    const base::BucketIndex bucket = look.bucket_of(outputs_.hashes[k]);
    if (!look.is_clean_foreign(bucket)) continue;
    decisions[candidate.frame] = not_owner(candidate.rule, {candidate.map_class, bucket});
    settled |= std::uint64_t{1} << candidate.frame;
  }
  return settled;
}

[[gnu::flatten]] std::uint64_t Screen::settle(std::span<const std::span<std::uint8_t>> frames,
                                              const Surroundings& around,
                                              std::span<Decision> decisions) noexcept {
  const Policy& policy = *around.snapshot.policy;
  if (!around.snapshot.buckets.serving || around.flows.places_again()) return 0;
  inputs_.clear();
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Plain plain;
    if (!read_plain(frames[i], policy, plain)) continue;
    const RuleIndex rule =
        policy.rule_for(plain.virtual_ip, plain.protocol, plain.destination_port);
    const CompiledRule& compiled = policy.compiled(rule);
    const bool may_name_host = compiled.reads_quic && plain.protocol == packet::kProtocolUdp;
    if (compiled.is_disabled || may_name_host) continue;
    candidates_[inputs_.size()] = {static_cast<std::uint16_t>(i), rule, compiled.map_class};
    inputs_.add(words_of(plain, compiled.masks));
  }
  bucket::siphash13_batch(policy.hash_key(), inputs_, outputs_);
  return settle_foreign(around, decisions);
}

}  // namespace covey::forwarding
