// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/screen.h"

#include <optional>

#include "base/endian.h"
#include "bucket/flow_hash.h"
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
constexpr std::uint16_t kAnyFragment = 0x3fff;  // more to come, or an offset

/// What placing a plain frame takes of it.
struct Plain {
  int virtual_ip = -1;
  std::uint8_t protocol = 0;
  std::uint16_t destination_port = 0;
  bucket::HashedFields hashed;
};

// Whole, and with ports that a port rule can cover.
bool read_layer4(const std::uint8_t* l4, std::size_t length, Plain& plain) noexcept {
  if (length < packet::kUdpHeader) return false;
  plain.hashed.ports = load_le32(l4);
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
  if (at[0] != packet::kIpv4WithoutOptions || (load_be16(at + 6) & kAnyFragment) != 0) return false;
  if (total < packet::kIpv4Header || total > l3.size()) return false;
  plain.protocol = at[9];
  plain.hashed.source_high = load_le32(at + 12);
  plain.virtual_ip = policy.virtual_ip_index(load_le32(at + 16), 0, base::Family::ipv4);
  return plain.virtual_ip >= 0 &&
         read_layer4(at + packet::kIpv4Header, total - packet::kIpv4Header, plain);
}

bool read_ipv6(Bytes l3, const Policy& policy, Plain& plain) noexcept {
  const std::uint8_t* at = l3.data();
  if (l3.size() < packet::kIpv6Header || (at[0] >> 4U) != 6) return false;
  const std::size_t length = load_be16(at + 4);
  if (packet::kIpv6Header + length > l3.size()) return false;
  plain.hashed.is_ipv6 = true;
  plain.protocol = at[6];
  const std::uint8_t* source = at + packet::kIpv6Addresses;
  plain.hashed.source_high = load_le64(source);
  plain.hashed.source_low = load_le64(source + 8);
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

/// What is known of the buckets of a class: mostly all frames of a burst have the same.
class ClassLook {
 public:
  explicit ClassLook(const Surroundings& around) noexcept : around_(around) { take({}); }

  void look_at(base::ClassIndex map_class) noexcept {
    if (map_class != map_class_) take(map_class);
  }
  [[nodiscard]] base::BucketIndex bucket_of(std::uint64_t hash) const noexcept {
    return bucket::bucket_of(hash, mask_);
  }
  [[nodiscard]] bucket::BucketState state_of(base::BucketIndex bucket) const noexcept {
    return states_[bucket.value];
  }
  /// This host holds nothing in it.
  [[nodiscard]] bool is_clean(base::BucketIndex bucket) const noexcept {
    return occupied_ != nullptr && (occupied_[bucket.value / 64] >> bucket.value % 64 & 1U) == 0;
  }

 private:
  void take(base::ClassIndex map_class) noexcept {
    const bucket::ClassTable& table = around_.snapshot.buckets.classes[map_class.value];
    map_class_ = map_class;
    mask_ = table.mask;
    states_ = table.states.data();
    occupied_ = around_.flows.counts().occupied(map_class);
  }

  const Surroundings& around_;
  base::ClassIndex map_class_;
  std::uint32_t mask_ = 0;
  const bucket::BucketState* states_ = nullptr;
  const std::uint64_t* occupied_ = nullptr;
};

// Field by field, where it lies: what is composed elsewhere and copied as words has to wait for the
// bytes written last.
void drop_as_foreign(RuleIndex rule, base::ClassIndex map_class, base::BucketIndex bucket,
                     Decision& decision) noexcept {
  decision.verdict = Verdict::drop_not_owner;
  decision.has_rule = true;
  decision.has_bucket = true;
  decision.tracked = false;
  decision.rule = rule;
  decision.map_class = map_class;
  decision.bucket = bucket;
}
void place_by(RuleIndex rule, base::ClassIndex map_class, base::BucketIndex bucket,
              bucket::BucketState state, Placement& place) noexcept {
  place.rule = rule;
  place.has_rule = true;
  place.is_disabled = false;
  place.map_class = map_class;
  place.bucket = bucket;
  place.state = state;
}

}  // namespace

std::uint64_t Screen::settle_foreign(const Surroundings& around,
                                     std::span<Decision> decisions) noexcept {
  std::uint64_t settled = 0;
  std::uint64_t placed = 0;
  ClassLook look(around);
  const std::size_t count = inputs_.size();
  for (std::size_t k = 0; k < count; ++k) {
    const Candidate& candidate = candidates_[k];
    look.look_at(candidate.map_class);
    const base::BucketIndex bucket = look.bucket_of(outputs_.hashes[k]);
    const std::uint64_t bit = std::uint64_t{1} << candidate.frame;
    const bucket::BucketState state = look.state_of(bucket);
    if (state == bucket::BucketState::foreign && look.is_clean(bucket)) [[likely]] {
      drop_as_foreign(candidate.rule, candidate.map_class, bucket, decisions[candidate.frame]);
      settled |= bit;
    } else if (candidate.is_tcp) {
      place_by(candidate.rule, candidate.map_class, bucket, state, places_[candidate.frame]);
      placed |= bit;
    }
  }
  placed_ = placed;
  return settled;
}

[[gnu::flatten]] std::uint64_t Screen::settle(std::span<const std::span<std::uint8_t>> frames,
                                              const Surroundings& around,
                                              std::span<Decision> decisions) noexcept {
  const Policy& policy = *around.snapshot.policy;
  placed_ = 0;
  if (!around.snapshot.buckets.serving || around.flows.places_again()) return 0;
  bucket::HashInputs::Extent extent;
  for (std::size_t i = 0; i < frames.size(); ++i) {
    Plain plain;
    if (!read_plain(frames[i], policy, plain)) continue;
    const RuleIndex rule =
        policy.rule_for(plain.virtual_ip, plain.protocol, plain.destination_port);
    const CompiledRule& compiled = policy.compiled(rule);
    const bool may_name_host = compiled.reads_quic && plain.protocol == packet::kProtocolUdp;
    if (compiled.is_disabled || may_name_host) continue;
    const bool is_tcp = plain.protocol == packet::kProtocolTcp;
    candidates_[extent.size] = {static_cast<std::uint8_t>(i), is_tcp, rule, compiled.map_class};
    inputs_.add(bucket::words_of(plain.hashed, compiled.masks), extent);
  }
  inputs_.close(extent);
  bucket::siphash13_batch(policy.hash_key(), inputs_, outputs_);
  return settle_foreign(around, decisions);
}

}  // namespace covey::forwarding
