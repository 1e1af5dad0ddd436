// SPDX-License-Identifier: BSD-3-Clause
// dissector_frames SEED CAPTURE KEYS both|first: writes frames of two clusters to CAPTURE, the
// cluster's keys (two, or only the first, as hexadecimal digits) to KEYS, and prints what the
// product holds of each frame, for another reader to compare:
//
//   STATUS TAG         one line a frame; STATUS as OpenStatus, or `none`: no frame of ours
//   NAME VALUE         then its values, under the names of conf/wireshark; numbers are decimal
//
// There are random messages and commands, their fragments shuffled, repeated and lost; bodies and
// frames on both sides of each rule; and such where a byte is wrong. The cluster id is never
// spoilt: the dissector shows every cluster, the product only its own.
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <string>

#include "dissector_spoilt.h"
#include "heartbeat/codec.h"
#include "heartbeat/command.h"
#include "heartbeat/fragment.h"
#include "packet/heartbeat_frame.h"

using namespace covey;
using namespace covey::golden;
using heartbeat::OpenStatus;

namespace {

// ---- what the product holds of a frame ----

void print(const char* name, std::uint64_t value) {
  std::printf("%s %lu\n", name, value);
}

void print(const char* name, const std::string& value) {
  std::printf("%s %s\n", name, value.c_str());
}

std::string hex(std::span<const std::uint8_t> bytes) {
  std::string text;
  for (const std::uint8_t byte : bytes) {
    char digits[3];
    std::snprintf(digits, sizeof(digits), "%02x", byte);
    text += digits;
  }
  return text;
}

void print_bitmap(const std::string& name, const bucket::Bitmap& bitmap) {
  print((name + ".size").c_str(), bitmap.size());
  print((name + ".count").c_str(), bitmap.count());
  std::vector<std::uint8_t> bytes;
  for (std::uint32_t at = 0; at * 8U < bitmap.size(); ++at)
    bytes.push_back(static_cast<std::uint8_t>(bitmap.words()[at / 8] >> (at % 8 * 8)));
  if (!bytes.empty()) print((name + ".bits").c_str(), hex(bytes));
}

void print_state(const heartbeat::Message& m) {
  print("covey.epoch", m.generation);
  print("covey.phase", static_cast<std::uint64_t>(m.phase));
  print("covey.flags.draining", m.draining);
  print("covey.flags.no_gateway", m.no_gateway);
  print("covey.flags.switching", m.switching);
  print("covey.flags.died", m.died);
  print("covey.health", m.health);
  print("covey.flaps", m.flaps);
  print("covey.view", m.view.bits());
  print("covey.view_digest", m.view_digest);
  print("covey.committed_view", m.committed_view.bits());
  print("covey.committed_epoch", m.committed_generation);
  print("covey.map_digest", m.map_digest);
  print("covey.config_digest", m.config_digest);
  print("covey.staged_digest", m.staged_digest);
  print("covey.alive", m.alive.bits());
  print("covey.claims_digest", m.claims_digest);
  print("covey.residual_digest", m.residual_digest);
}

void print_lists(const heartbeat::Message& m) {
  if (!m.host_name.empty()) print("covey.host_name", m.host_name);
  for (const auto& one : m.acknowledgements) {
    print("covey.ack.host", one.host.value);
    print("covey.ack.nonce", one.nonce_low);
    print("covey.ack.sequence", one.sequence);
    print("covey.ack.age", one.age_ms);
  }
  for (const auto& one : m.classes) {
    print("covey.class.weight", one.weight);
    print("covey.class.priority", one.priority);
  }
  for (std::size_t index = 0; index < m.claims.size(); ++index) {
    print("covey.claims.class", index);
    print_bitmap("covey.claims", m.claims[index]);
  }
  if (m.residual.size() > 0) print_bitmap("covey.residual", m.residual);
  for (const auto& one : m.flap_counts) {
    print("covey.flap.host", one.host.value);
    print("covey.flap.count", one.count);
  }
  if (m.excerpt.total > 0) {
    print("covey.excerpt.first", m.excerpt.first);
    print("covey.excerpt.total", m.excerpt.total);
  }
  for (const auto& setting : m.excerpt.settings) {
    print("covey.excerpt.name", setting.name);
    print("covey.excerpt.value", setting.value);
  }
  for (const auto& key : m.keys) {
    print("covey.held_key.id", key.id);
    print("covey.held_key.mark", key.mark);
  }
  for (const auto& one : m.staged_classes) {
    print("covey.staged.weight", one.weight);
    print("covey.staged.priority", one.priority);
    print("covey.staged.from", one.from);
  }
}

/// What both kinds of frames begin and end with; the seal was right.
void print_frame(std::span<const std::uint8_t> payload, std::size_t sealed, std::uint8_t key_id,
                 std::uint64_t cluster_id) {
  print("covey.magic", std::string(payload.begin(), payload.begin() + 4));
  print("covey.major", payload[4]);
  print("covey.minor", payload[5]);
  print("covey.key_id", key_id);
  print("covey.cluster", cluster_id);
  print("covey.tag", hex(payload.subspan(sealed, heartbeat::kTagBytes)));
}

/// "good", "bad" or "not checked", from how the seal alone was judged.
const char* tag_text(OpenStatus status, bool is_checked) {
  if (status == OpenStatus::bad_tag) return "bad";
  return is_checked ? "good" : "not checked";
}

class Judge {
 public:
  explicit Judge(const Clusters& clusters) {
    for (const heartbeat::DerivedKeys* keys : {&clusters.web, &clusters.mail}) {
      keys_.emplace(keys->cluster_id, keys);
      codecs_.try_emplace(keys->cluster_id, *keys);
    }
    web_ = clusters.web.cluster_id;
  }

  void judge(std::span<const std::uint8_t> payload) {
    const std::uint64_t named = payload.size() >= 16 ? base::load_be64(payload.data() + 8) : 0;
    const std::uint64_t cluster = codecs_.contains(named) ? named : web_;
    const bool has_magic = payload.size() >= 4;
    const std::uint32_t magic = has_magic ? base::load_be32(payload.data()) : 0;
    if (magic != heartbeat::kMagic && magic != heartbeat::kCommandMagic) {
      std::puts("none none");
    } else if (heartbeat::is_command(payload)) {
      judge_command(cluster, payload);
    } else {
      judge_heartbeat(cluster, payload);
    }
  }

 private:
  void judge_heartbeat(std::uint64_t cluster, std::span<const std::uint8_t> payload) {
    const auto fragment = heartbeat::open_fragment(keys_.at(cluster)->seals, cluster, payload);
    const heartbeat::Opened opened = codecs_.at(cluster).open(payload);
    const bool good = fragment.status == OpenStatus::complete;
    const bool is_checked = good || (fragment.status == OpenStatus::malformed &&
                                     seal_is_right(payload, heartbeat::kHeaderBytes, cluster));
    std::printf("%s %s\n", std::string(name(opened.status)).c_str(),
                tag_text(fragment.status, is_checked));
    if (!good) return;
    const heartbeat::FragmentHeader& header = fragment.header;
    print_frame(payload, heartbeat::kHeaderBytes + fragment.body.size(), fragment.key_id,
                header.cluster_id);
    print("covey.host", header.host.value);
    print("covey.nonce", header.nonce);
    print("covey.sequence", header.sequence);
    print("covey.fragment", header.index);
    print("covey.fragments", header.count);
    print("covey.length", fragment.body.size());
    print("covey.body", hex(fragment.body));
    if (opened.status != OpenStatus::complete) return;
    print_state(opened.message);
    print_lists(opened.message);
  }

  void judge_command(std::uint64_t cluster, std::span<const std::uint8_t> payload) {
    const auto opened = heartbeat::open_command(keys_.at(cluster)->seals, cluster, payload);
    const bool good = opened.status == OpenStatus::complete;
    const bool is_checked =
        good || (opened.status == OpenStatus::malformed &&
                 seal_is_right(payload, heartbeat::kCommandHeaderBytes, cluster));
    std::printf("%s %s\n", std::string(name(opened.status)).c_str(),
                tag_text(opened.status, is_checked));
    if (!good) return;
    const heartbeat::CommandFrame& frame = opened.frame;
    print_frame(payload, heartbeat::kCommandHeaderBytes + frame.text.size(), opened.key_id,
                cluster);
    print("covey.command.kind", static_cast<std::uint64_t>(frame.kind));
    print("covey.command.from", frame.from.value);
    print("covey.command.to", frame.to.value);
    print("covey.command.length", frame.text.size());
    print("covey.command.nonce", frame.nonce);
    print("covey.command.challenge", frame.challenge);
    print("covey.command.sequence", frame.sequence);
    print("covey.command.text", frame.text);
  }

  /// Of a malformed frame: whether it came as far as its tag, and passed. Both opens say only
  /// "malformed", whether a frame is cut off or names a host that cannot be.
  [[nodiscard]] bool seal_is_right(std::span<const std::uint8_t> payload, std::size_t header,
                                   std::uint64_t cluster) const {
    if (payload.size() < header) return false;
    const bool is_command = header == heartbeat::kCommandHeaderBytes;
    const std::size_t length = base::load_be16(payload.data() + (is_command ? 18 : 30));
    const std::size_t sealed = header + length;
    const bool can_be = sealed + heartbeat::kTagBytes <= heartbeat::kMaxPayload &&
                        sealed + heartbeat::kTagBytes <= payload.size() &&
                        (is_command || length > 0);
    const heartbeat::SealKey* key = heartbeat::find_key(keys_.at(cluster)->seals, payload[6]);
    if (!can_be || key == nullptr) return false;
    return heartbeat::tag_is_right(is_command ? key->command : key->heartbeat,
                                   payload.first(sealed),
                                   payload.subspan(sealed, heartbeat::kTagBytes));
  }

  std::map<std::uint64_t, const heartbeat::DerivedKeys*> keys_;
  std::map<std::uint64_t, heartbeat::Codec> codecs_;
  std::uint64_t web_ = 0;
};

// ---- the capture ----

template <typename T>
void put(std::ofstream& out, T value) {
  out.write(reinterpret_cast<const char*>(&value), sizeof(value));
}

void write_capture(const char* path, const Frames& frames) {
  constexpr std::uint32_t kPcap = 0xa1b2c3d4;  // in the byte order of this machine
  constexpr std::uint32_t kEthernet = 1;
  constexpr std::uint32_t kLongest = 65535;
  std::ofstream out(path, std::ios::binary);
  put(out, kPcap);
  put(out, std::uint32_t{2U | 4U << 16U});  // version 2.4
  put(out, std::uint64_t{0});
  put(out, kLongest);
  put(out, kEthernet);
  std::uint32_t second = 0;
  for (const Frame& frame : frames) {
    std::vector<std::uint8_t> bytes(packet::heartbeat_frame_length(frame.payload.size()));
    packet::build_heartbeat_frame(frame.payload, base::MacAddress{}, bytes);
    // Without the padding of the wire a payload ends where the spoiler wants it to end.
    if (!frame.is_padded) bytes.resize(packet::kEthernetHeader + frame.payload.size());
    const auto length = static_cast<std::uint32_t>(bytes.size());
    put(out, ++second);
    put(out, std::uint32_t{0});
    put(out, length);
    put(out, length);
    out.write(reinterpret_cast<const char*>(bytes.data()), length);
  }
}

std::string key_text(const heartbeat::KeyRing& ring, bool both) {
  return both ? heartbeat::ring_to_text(ring) : heartbeat::key_to_hex(ring.keys.front().key);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 5) {
    std::fprintf(stderr, "usage: dissector_frames SEED CAPTURE KEYS both|first\n");
    return 2;
  }
  const bool both = std::string(argv[4]) == "both";
  const heartbeat::KeyRing ring = two_keys();
  const Frames frames = all_frames(std::strtoull(argv[1], nullptr, 10), clusters_of(ring));
  write_capture(argv[2], frames);
  std::ofstream(argv[3]) << key_text(ring, both);
  const heartbeat::KeyRing known = both ? ring : heartbeat::ring_of(ring.keys.front().key).value();
  const Clusters judging = clusters_of(known);
  Judge judge(judging);
  for (const Frame& frame : frames) {
    std::vector<std::uint8_t> payload = frame.payload;
    const std::size_t shortest = packet::kMinimumFrame - packet::kEthernetHeader;
    if (frame.is_padded && payload.size() < shortest) payload.resize(shortest);
    judge.judge(payload);
  }
  return 0;
}
