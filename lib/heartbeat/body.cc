// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/body.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "base/byte_reader.h"
#include "heartbeat/version.h"

namespace covey::heartbeat {
namespace {

using base::ErrorCode;

constexpr std::uint8_t kDrainingFlag = 0x01;
constexpr std::uint8_t kNoGatewayFlag = 0x02;
constexpr std::uint8_t kSwitchingFlag = 0x04;
constexpr std::uint8_t kDiedFlag = 0x08;
constexpr std::size_t kAcknowledgementBytes = 9;
constexpr std::size_t kClassBytes = 4;
constexpr std::size_t kStagedClassBytes = 6;
constexpr std::size_t kFlapCountBytes = 2;
constexpr std::uint16_t kLastSection = static_cast<std::uint16_t>(Section::staged_classes);
constexpr std::size_t kHeldKeyBytes = 5;
constexpr std::uint8_t kOwnBits = 0;  // forms of a claims section
constexpr std::uint8_t kSameAsClass = 1;

bool is_printable(std::string_view text) {
  return std::ranges::all_of(text, [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x20 && byte != 0x7f;
  });
}

bool is_setting_text(std::string_view text) {
  return text.size() <= base::kMaxSettingText && is_printable(text);
}

bool is_known_phase(std::uint8_t value) {
  return value >= static_cast<std::uint8_t>(Phase::listen) &&
         value <= static_cast<std::uint8_t>(Phase::leave);
}

// ---- writing
// ------------------------------------------------------------------------------------------------

template <typename Fill>
void write_section(base::ByteWriter& out, Section section, Fill&& fill) {
  out.be16(static_cast<std::uint16_t>(section));
  const std::size_t length_at = out.size();
  out.be16(0);
  fill();
  out.patch_be16(length_at, static_cast<std::uint16_t>(out.size() - length_at - 2));
}

void write_state(base::ByteWriter& out, const Message& message) {
  out.be32(message.generation);
  out.u8(static_cast<std::uint8_t>(message.phase));
  const unsigned flags =
      (message.draining ? kDrainingFlag : 0U) | (message.no_gateway ? kNoGatewayFlag : 0U) |
      (message.switching ? kSwitchingFlag : 0U) | (message.died ? kDiedFlag : 0U);
  out.u8(static_cast<std::uint8_t>(flags));
  out.u8(message.health);
  out.u8(message.flaps);
  out.be64(message.view.bits());
  out.be64(message.view_digest);
  out.be64(message.committed_view.bits());
  out.be32(message.committed_generation);
  out.be64(message.map_digest);
  out.be64(message.config_digest);
  out.be64(message.staged_digest);
  out.be64(message.alive.bits());
  out.be64(message.claims_digest);
  out.be64(message.residual_digest);
}

void write_bitmap(base::ByteWriter& out, const bucket::Bitmap& bitmap) {
  out.be32(bitmap.size());
  for (std::uint32_t at = 0; at * 8U < bitmap.size(); ++at) {
    out.u8(static_cast<std::uint8_t>(bitmap.words()[at / 8] >> (at % 8 * 8)));
  }
}

void write_claims(base::ByteWriter& out, const std::vector<bucket::Bitmap>& claims,
                  std::size_t index) {
  const auto end = claims.begin() + static_cast<std::ptrdiff_t>(index);
  const auto same = std::find(claims.begin(), end, claims[index]);
  out.be16(static_cast<std::uint16_t>(index));
  if (same != end) {
    out.u8(kSameAsClass);
    out.be16(static_cast<std::uint16_t>(same - claims.begin()));
  } else {
    out.u8(kOwnBits);
    write_bitmap(out, claims[index]);
  }
}

void write_text(base::ByteWriter& out, std::string_view text) {
  out.be16(static_cast<std::uint16_t>(text.size()));
  for (const char c : text)
    out.u8(static_cast<std::uint8_t>(c));
}

void write_excerpt(base::ByteWriter& out, const SettingsExcerpt& excerpt) {
  out.be16(excerpt.first);
  out.be16(excerpt.total);
  for (const base::Setting& setting : excerpt.settings) {
    write_text(out, setting.name);
    write_text(out, setting.value);
  }
}

void write_rare_sections(base::ByteWriter& out, const Message& message) {
  if (!message.flap_counts.empty()) {
    write_section(out, Section::flap_counts, [&] {
      for (const FlapCount& one : message.flap_counts) {
        out.u8(one.host.value);
        out.u8(one.count);
      }
    });
  }
  if (!message.excerpt.settings.empty()) {
    write_section(out, Section::excerpt, [&] { write_excerpt(out, message.excerpt); });
  }
  if (!message.keys.empty()) {
    write_section(out, Section::keys, [&] {
      for (const HeldKey& key : message.keys) {
        out.u8(key.id);
        out.be32(key.mark);
      }
    });
  }
  if (!message.staged_classes.empty()) {
    write_section(out, Section::staged_classes, [&] {
      for (const StagedClass& one : message.staged_classes) {
        out.be16(one.weight);
        out.be16(one.priority);
        out.be16(one.from);
      }
    });
  }
}

const char* what_is_wrong(const Message& message) {
  const auto too_large = [](const bucket::Bitmap& bitmap) {
    return bitmap.size() > base::kMaxBuckets;
  };
  if (!is_known_phase(static_cast<std::uint8_t>(message.phase))) return "phase is unknown";
  if (message.host_name.size() > kMaxHostName) return "host name is too long";
  if (!is_printable(message.host_name)) return "host name is not printable";
  if (message.classes.size() > kMaxClasses || message.claims.size() > kMaxClasses ||
      message.staged_classes.size() > kMaxClasses)
    return "too many map classes";
  if (std::ranges::any_of(message.claims, too_large) || too_large(message.residual))
    return "bitmap is too large";
  if (message.keys.size() > kMaxKeys) return "too many keys";
  base::HostId before;
  for (const Acknowledgement& one : message.acknowledgements) {
    if (!one.host.is_valid() || one.host <= before)
      return "acknowledgements are not in ascending order of hosts";
    before = one.host;
  }
  before = base::HostId{};
  for (const FlapCount& one : message.flap_counts) {
    if (!one.host.is_valid() || one.host <= before) return "flap counts are not in order of hosts";
    before = one.host;
  }
  if (message.excerpt.first + message.excerpt.settings.size() > message.excerpt.total)
    return "excerpt beyond the last setting";
  for (const base::Setting& setting : message.excerpt.settings) {
    if (!is_setting_text(setting.name) || !is_setting_text(setting.value)) {
      return "a setting is too long or not printable";
    }
  }
  return nullptr;
}

// ---- reading
// ------------------------------------------------------------------------------------------------

void read_state(base::ByteReader& in, Message& message) {
  message.generation = in.be32();
  const std::uint8_t phase = in.u8();
  if (!is_known_phase(phase)) return in.fail();
  message.phase = static_cast<Phase>(phase);
  const std::uint8_t flags = in.u8();
  message.draining = (flags & kDrainingFlag) != 0;
  message.no_gateway = (flags & kNoGatewayFlag) != 0;
  message.switching = (flags & kSwitchingFlag) != 0;
  message.died = (flags & kDiedFlag) != 0;
  message.health = in.u8();
  message.flaps = in.u8();
  message.view = base::HostSet(in.be64());
  message.view_digest = in.be64();
  message.committed_view = base::HostSet(in.be64());
  message.committed_generation = in.be32();
  message.map_digest = in.be64();
  message.config_digest = in.be64();
  message.staged_digest = in.be64();
  message.alive = base::HostSet(in.be64());
  message.claims_digest = in.be64();
  message.residual_digest = in.be64();
}

void read_host_name(base::ByteReader& in, Message& message) {
  if (in.remaining() > kMaxHostName) return in.fail();
  const auto bytes = in.bytes(in.remaining());
  message.host_name.assign(bytes.begin(), bytes.end());
  if (!is_printable(message.host_name)) in.fail();
}

void read_acknowledgements(base::ByteReader& in, Message& message) {
  base::HostId before;
  while (in.ok() && in.remaining() >= kAcknowledgementBytes) {
    Acknowledgement one;
    one.host = base::HostId{in.u8()};
    one.nonce_low = in.be16();
    one.sequence = in.be32();
    one.age_ms = in.be16();
    if (!one.host.is_valid() || one.host <= before)
      return in.fail();  // ascending: at most kMaxHosts of them
    before = one.host;
    message.acknowledgements.push_back(one);
  }
}

void read_classes(base::ByteReader& in, Message& message) {
  if (in.remaining() > kMaxClasses * kClassBytes) return in.fail();
  while (in.remaining() >= kClassBytes) {
    const std::uint16_t weight = in.be16();
    message.classes.push_back({weight, in.be16()});
  }
}

bucket::Bitmap read_bitmap(base::ByteReader& in) {
  const std::uint32_t size = in.be32();
  if (size > base::kMaxBuckets) in.fail();
  const auto bytes = in.bytes((std::size_t{size} + 7) / 8);
  if (!in.ok()) return {};
  bucket::Bitmap bitmap(size);
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    bitmap.words()[at / 8] |= static_cast<std::uint64_t>(bytes[at]) << (at % 8 * 8);
  }
  const std::vector<std::uint64_t> as_sent = bitmap.words();
  bitmap.clear_unused();
  if (bitmap.words() != as_sent) in.fail();
  return bitmap;
}

void read_claims(base::ByteReader& in, Message& message) {
  const std::uint16_t index = in.be16();
  const std::uint8_t form = in.u8();
  if (index != message.claims.size() || index >= kMaxClasses) return in.fail();
  if (form == kOwnBits) {
    message.claims.push_back(read_bitmap(in));
  } else if (form == kSameAsClass) {
    const std::uint16_t same = in.be16();
    if (!in.ok() || same >= index) return in.fail();
    message.claims.push_back(bucket::Bitmap(message.claims[same]));
  } else {
    in.fail();
  }
}

void read_flap_counts(base::ByteReader& in, Message& message) {
  base::HostId before;
  while (in.ok() && in.remaining() >= kFlapCountBytes) {
    FlapCount one{.host = base::HostId{in.u8()}, .count = in.u8()};
    if (!one.host.is_valid() || one.host <= before) return in.fail();
    before = one.host;
    message.flap_counts.push_back(one);
  }
}

std::string read_text(base::ByteReader& in) {
  const auto bytes = in.bytes(in.be16());
  std::string text(bytes.begin(), bytes.end());
  if (!is_setting_text(text)) in.fail();
  return text;
}

void read_excerpt(base::ByteReader& in, Message& message) {
  message.excerpt.first = in.be16();
  message.excerpt.total = in.be16();
  while (in.ok() && in.remaining() > 0) {
    base::Setting setting;
    setting.name = read_text(in);
    setting.value = read_text(in);
    message.excerpt.settings.push_back(std::move(setting));
  }
  if (message.excerpt.first + message.excerpt.settings.size() > message.excerpt.total) in.fail();
}

void read_keys(base::ByteReader& in, Message& message) {
  if (in.remaining() == 0 || in.remaining() > kMaxKeys * kHeldKeyBytes) return in.fail();
  while (in.remaining() >= kHeldKeyBytes) {
    const std::uint8_t id = in.u8();
    message.keys.push_back({id, in.be32()});
  }
}

void read_staged_classes(base::ByteReader& in, Message& message) {
  if (in.remaining() > kMaxClasses * kStagedClassBytes) return in.fail();
  while (in.remaining() >= kStagedClassBytes) {
    const std::uint16_t weight = in.be16();
    const std::uint16_t priority = in.be16();
    message.staged_classes.push_back({weight, priority, in.be16()});
  }
}

/// False for a section of a newer minor version.
bool read_section(Section section, base::ByteReader& in, Message& message) {
  switch (section) {
    case Section::state:
      read_state(in, message);
      return true;
    case Section::host_name:
      read_host_name(in, message);
      return true;
    case Section::acknowledgements:
      read_acknowledgements(in, message);
      return true;
    case Section::classes:
      read_classes(in, message);
      return true;
    case Section::claims:
      read_claims(in, message);
      return true;
    case Section::residual:
      message.residual = read_bitmap(in);
      return true;
    case Section::flap_counts:
      read_flap_counts(in, message);
      return true;
    case Section::excerpt:
      read_excerpt(in, message);
      return true;
    case Section::keys:
      read_keys(in, message);
      return true;
    case Section::staged_classes:
      read_staged_classes(in, message);
      return true;
  }
  return false;
}

}  // namespace

base::Result<std::vector<std::uint8_t>> encode_body(const Message& message) {
  if (const char* wrong = what_is_wrong(message)) {
    return base::fail(ErrorCode::invalid_argument, std::string("heartbeat message: ") + wrong);
  }
  base::ByteWriter out;
  write_section(out, Section::state, [&] { write_state(out, message); });
  if (!message.host_name.empty()) {
    write_section(out, Section::host_name, [&] {
      for (const char c : message.host_name)
        out.u8(static_cast<std::uint8_t>(c));
    });
  }
  if (!message.acknowledgements.empty()) {
    write_section(out, Section::acknowledgements, [&] {
      for (const Acknowledgement& one : message.acknowledgements) {
        out.u8(one.host.value);
        out.be16(one.nonce_low);
        out.be32(one.sequence);
        out.be16(one.age_ms);
      }
    });
  }
  if (!message.classes.empty()) {
    write_section(out, Section::classes, [&] {
      for (const ClassStatement& one : message.classes) {
        out.be16(one.weight);
        out.be16(one.priority);
      }
    });
  }
  for (std::size_t index = 0; index < message.claims.size(); ++index) {
    write_section(out, Section::claims, [&] { write_claims(out, message.claims, index); });
  }
  if (message.residual.size() > 0) {
    write_section(out, Section::residual, [&] { write_bitmap(out, message.residual); });
  }
  write_rare_sections(out, message);
  out.bytes(kLaterSections);
  return out.take();
}

base::Result<void> decode_body(std::span<const std::uint8_t> body, Message& message) {
  base::ByteReader in(body);
  std::uint16_t before = 0;
  bool has_state = false;
  while (in.remaining() > 0) {
    const std::uint16_t type = in.be16();
    const auto value = in.bytes(in.be16());
    const bool repeats = type == before && type == static_cast<std::uint16_t>(Section::claims);
    const bool is_new = type > kLastSection;
    if (!in.ok() || type < before || (type == before && !repeats && !is_new)) {
      return base::fail(ErrorCode::corrupt, "heartbeat body: sections out of order or cut off");
    }
    base::ByteReader section(value);
    if (read_section(static_cast<Section>(type), section, message) &&
        (!section.ok() || section.remaining() > 0)) {
      return base::fail(ErrorCode::corrupt,
                        "heartbeat body: section " + std::to_string(type) + " does not decode");
    }
    has_state = has_state || type == static_cast<std::uint16_t>(Section::state);
    before = type;
  }
  if (!has_state) return base::fail(ErrorCode::corrupt, "heartbeat body: no state section");
  return {};
}

}  // namespace covey::heartbeat
