// SPDX-License-Identifier: BSD-3-Clause
#include "forwarding/screen.h"

#include <bit>
#include <cstddef>
#include <optional>
#include <type_traits>

#include "base/endian.h"
#include "bucket/flow_hash.h"
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

/// The same in the words of the lanes.
const lanes::Bytes* lane_bytes(std::span<const std::span<std::uint8_t>> frames) noexcept {
  using Span = std::span<std::uint8_t>;
  static_assert(sizeof(Span) == sizeof(lanes::Bytes) && std::is_standard_layout_v<lanes::Bytes>);
  return reinterpret_cast<const lanes::Bytes*>(frames.data());
}

/// What is known of the buckets of a class: mostly all frames of a burst have the same.
class ClassLook {
 public:
  explicit ClassLook(const Surroundings& around) noexcept
      : around_(around), occupied_(around.flows.counts().occupied_in_any()) {
    take({});
  }

  void look_at(base::ClassIndex map_class) noexcept {
    if (map_class != map_class_) take(map_class);
  }
  [[nodiscard]] base::BucketIndex bucket_of(std::uint64_t hash) const noexcept {
    return bucket::bucket_of(hash, mask_);
  }
  /// This host has no part in it: it is another's, and nothing is held there. One bit tells whether
  /// something is held in a bucket of that number; if so, its own count is asked.
  [[nodiscard]] bool is_clean(base::BucketIndex bucket) const noexcept {
    const std::size_t word = bucket.value / 64;
    const std::uint64_t bit = std::uint64_t{1} << bucket.value % 64;
    if ((foreign_[word] & ~occupied_[word] & bit) != 0) [[likely]]
      return true;
    return (foreign_[word] & bit) != 0 && !around_.flows.counts().is_occupied({map_class_, bucket});
  }

 private:
  void take(base::ClassIndex map_class) noexcept {
    const bucket::ClassTables& classes = around_.snapshot.buckets.classes;
    const bucket::ClassTables::Row& row = classes.rows()[map_class.value];
    map_class_ = map_class;
    mask_ = row.mask;
    foreign_ = classes.foreign_words() + row.start;
  }

  const Surroundings& around_;
  base::ClassIndex map_class_;
  std::uint32_t mask_ = 0;
  const std::uint64_t* foreign_ = nullptr;
  const std::uint64_t* occupied_;
};

}  // namespace

std::span<const Screen::Variant> Screen::variants() noexcept {
  static constexpr Variant kScalar{"scalar", nullptr, nullptr, nullptr, nullptr};
#ifdef COVEY_HAVE_X86_LANES
  static constexpr std::array kVariants = {
      Variant{"avx512", lanes::read_segments_avx512, lanes::look_up_ipv4_avx512,
              lanes::look_up_ipv6_avx512, lanes::parts_avx512},
      Variant{"avx2", lanes::read_segments_avx2, nullptr, nullptr, nullptr},
      kScalar,
  };
  __builtin_cpu_init();
  // Each of these implies avx512f.
  if (__builtin_cpu_supports("avx512bw") && __builtin_cpu_supports("avx512dq") &&
      __builtin_cpu_supports("avx512vl"))
    return kVariants;
  return std::span(kVariants).subspan(__builtin_cpu_supports("avx2") ? 1 : 2);
#else
  return {&kScalar, 1};
#endif
}

lanes::Found Screen::read_segments(Frames frames, const Policy& policy) noexcept {
  if (variant_.read == nullptr) return {};
  const lanes::Macs macs{policy.mac_words().cluster, policy.mac_words().host};
  return variant_.read({lane_bytes(frames), frames.size()}, ahead_, macs, segments_);
}

/// Where not all passes are in lanes, all is fetched at once.
void Screen::look_ahead(Frames ahead) noexcept {
  if (variant_.parts != nullptr) {
    ahead_.frames = lane_bytes(ahead);
    ahead_.count = ahead.size();
    return;
  }
  for (const std::span<std::uint8_t> frame : ahead)
    __builtin_prefetch(frame.data());
}

void Screen::look_up(const lanes::Found& segments, const Policy& policy,
                     Candidates& candidates) noexcept {
  bucket::HashInputs::Lengths lengths = 0;
  const Positions placeable =
      look_up_ipv4(segments.ipv4, policy, lengths) | look_up_ipv6(segments.ipv6, policy, lengths);
  candidates = {placeable, placeable, lengths};
}

lanes::Places Screen::lane_places() noexcept {
  const bucket::HashInputs::Columns columns = inputs_.columns();
  return {positions_.data(), briefs_.data(), columns.first,
          columns.second,    columns.third,  columns.counts};
}

Screen::Positions Screen::look_up_ipv4(Positions segments, const Policy& policy,
                                       bucket::HashInputs::Lengths& lengths) noexcept {
  if (segments == 0) return 0;
  if (variant_.look_up_ipv4 != nullptr) {
    const lanes::LookedUp found =
        variant_.look_up_ipv4({segments, segments_}, ahead_, policy.for_lanes(), lane_places());
    lengths |= found.lengths;
    return found.placeable;
  }
  Positions placeable = segments;
  bucket::HashInputs::Lengths put = 0;
  for (Positions left = segments; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    const std::uint64_t source = segments_.sources[i];
    const auto port = std::byteswap(static_cast<std::uint16_t>(source >> 48U));
    const std::uint16_t at =
        policy.position_for_segment(segments_.destinations[i], 0, base::Family::ipv4, port);
    if (at >= Policy::kLookCloser) [[unlikely]] {
      placeable ^= std::uint64_t{1} << i;
      continue;
    }
    positions_[i] = at;
    const bucket::Ipv4Masks& masks = rules_[at].ipv4;
    inputs_.put_short(i, (source & masks.sender) | masks.first, masks.second, masks.count, put);
  }
  lengths |= put;
  return placeable;
}

Screen::Positions Screen::look_up_ipv6(Positions segments, const Policy& policy,
                                       bucket::HashInputs::Lengths& lengths) noexcept {
  if (segments == 0) return 0;
  if (variant_.look_up_ipv6 != nullptr) {
    const lanes::LookedUp found =
        variant_.look_up_ipv6({segments, segments_}, ahead_, policy.for_lanes(), lane_places());
    lengths |= found.lengths;
    return found.placeable;
  }
  Positions placeable = segments;
  bucket::HashInputs::Lengths put = 0;
  for (Positions left = segments; left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    const auto ports = static_cast<std::uint32_t>(segments_.ports[i]);
    const std::uint16_t at = policy.position_for_segment(
        segments_.destinations[i], segments_.lower_destinations[i], base::Family::ipv6,
        std::byteswap(static_cast<std::uint16_t>(ports >> 16U)));
    if (at >= Policy::kLookCloser) [[unlikely]] {
      placeable ^= std::uint64_t{1} << i;
      continue;
    }
    positions_[i] = at;
    const bucket::HashedFields hashed{segments_.sources[i], segments_.lower_sources[i], ports,
                                      /*is_ipv6=*/true};
    inputs_.put(i, bucket::words_of(hashed, rules_[at].masks), put);
  }
  lengths |= put;
  return placeable;
}

void Screen::look_up_one(std::size_t i, Bytes frame, const Policy& policy,
                         Candidates& candidates) noexcept {
  Plain plain;
  if (!read_plain(frame, policy, plain)) return;
  const CompiledRule& rule =
      policy.compiled(policy.rule_for(plain.virtual_ip, plain.protocol, plain.destination_port));
  const bool is_tcp = plain.protocol == packet::kProtocolTcp;
  if (rule.is_disabled || (rule.reads_quic && !is_tcp)) return;
  positions_[i] = static_cast<std::uint64_t>(&rule - rules_);
  briefs_[i] = policy.for_lanes().briefs[positions_[i]];
  inputs_.put(i, bucket::words_of(plain.hashed, rule.masks), candidates.lengths);
  candidates.all |= std::uint64_t{1} << i;
  candidates.tcp |= std::uint64_t{is_tcp} << i;
}

/// What can be said of many buckets side by side, if anything.
lanes::Parts Screen::parts_of(const Candidates& candidates, const Surroundings& around) noexcept {
  using Row = bucket::ClassTables::Row;
  using Run = bucket::ClassTables::Run;
  static_assert(sizeof(Row) == sizeof(std::uint64_t) && offsetof(Row, start) == 4);
  static_assert(sizeof(Run) == sizeof(std::uint32_t) && offsetof(Run, end) == 2);
  static_assert(sizeof(base::BucketIndex) == sizeof(std::uint32_t));
  if (variant_.parts == nullptr) return {};
  const bucket::ClassTables& classes = around.snapshot.buckets.classes;
  return variant_.parts({candidates.all, briefs_.data(), outputs_.hashes.data()}, ahead_,
                        {reinterpret_cast<const std::uint64_t*>(classes.rows()),
                         reinterpret_cast<const std::uint32_t*>(classes.runs()),
                         classes.foreign_words(), around.flows.counts().occupied_in_any()},
                        reinterpret_cast<std::uint32_t*>(buckets_.data()));
}

Screen::Positions Screen::settle_foreign(const Candidates& candidates,
                                         const Surroundings& around) noexcept {
  const lanes::Parts known = parts_of(candidates, around);
  Positions open = known.some;
  ClassLook look(around);
  for (Positions left = candidates.all & ~(known.none | known.some); left != 0; left &= left - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(left));
    look.look_at(rule_of(i).map_class);
    const base::BucketIndex bucket = look.bucket_of(outputs_.hashes[i]);
    if (look.is_clean(bucket)) [[likely]]
      continue;
    open |= std::uint64_t{1} << i;
    buckets_[i] = bucket;
  }
  placed_ = open & candidates.tcp;
  return candidates.all & ~open;
}

Decision Screen::settled(std::size_t i, const Snapshot& snapshot) const noexcept {
  const CompiledRule& rule = rule_of(i);
  const std::uint32_t mask = snapshot.buckets.classes.rows()[rule.map_class.value].mask;
  return {.verdict = Verdict::drop_not_owner,
          .has_rule = true,
          .has_bucket = true,
          .rule = rule.rule,
          .map_class = rule.map_class,
          .bucket = bucket::bucket_of(outputs_.hashes[i], mask)};
}

[[gnu::flatten]] Screen::Positions Screen::settle(Frames frames, const Surroundings& around,
                                                  Frames ahead) noexcept {
  const Policy& policy = *around.snapshot.policy;
  placed_ = 0;
  look_ahead(ahead);
  if (!around.snapshot.buckets.serving || around.flows.places_again()) return 0;
  // Of a class that it does not know, the flow cache may hold something everywhere.
  if (around.flows.counts().class_count() < around.snapshot.buckets.classes.size()) return 0;
  rules_ = policy.compiled_rules();
  Candidates candidates;
  const lanes::Found segments = read_segments(frames, policy);
  ahead_.second_lines = segments.ipv6 != 0;
  look_up(segments, policy, candidates);
  Positions others = first(frames.size()) & ~(segments.ipv4 | segments.ipv6);
  for (; others != 0; others &= others - 1) {
    const auto i = static_cast<unsigned>(std::countr_zero(others));
    look_up_one(i, frames[i], policy, candidates);
  }
  if (candidates.all == 0) return 0;
  inputs_.close(frames.size(), candidates.lengths);
  bucket::siphash13_batch(policy.hash_key(), inputs_, outputs_);
  return settle_foreign(candidates, around);
}

}  // namespace covey::forwarding
