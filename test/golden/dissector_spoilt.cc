// SPDX-License-Identifier: BSD-3-Clause
#include "dissector_spoilt.h"

#include <algorithm>
#include <random>
#include <string>

#include "heartbeat/body.h"
#include "heartbeat/codec.h"
#include "heartbeat/command.h"
#include "heartbeat/fragment.h"
#include "heartbeat/tag.h"
#include "unit/heartbeat/messages.h"

namespace covey::golden {
namespace {

using base::ByteWriter;
using Bytes = std::vector<std::uint8_t>;

constexpr std::size_t kClusterAt = 8;  // in both kinds of frames
constexpr std::size_t kClusterEnd = 16;

Bytes joined(Bytes first, const Bytes& second) {
  first.insert(first.end(), second.begin(), second.end());
  return first;
}

Bytes repeated(const Bytes& entry, std::size_t times) {
  Bytes all;
  for (std::size_t i = 0; i < times; ++i)
    all.insert(all.end(), entry.begin(), entry.end());
  return all;
}

Bytes section(unsigned type, const Bytes& value) {
  ByteWriter out;
  out.be16(static_cast<std::uint16_t>(type));
  out.be16(static_cast<std::uint16_t>(value.size()));
  out.bytes(value);
  return out.take();
}

/// The value of a state section; 1 is the smallest phase.
Bytes state_value(std::uint8_t phase = 1, std::uint8_t flags = 0) {
  Bytes value(84, 0x5a);
  value[4] = phase;
  value[5] = flags;
  return value;
}

Bytes with_state(const Bytes& rest) {
  return joined(section(1, state_value()), rest);
}

Bytes bitmap(std::uint32_t size, const Bytes& bits) {
  ByteWriter out;
  out.be32(size);
  out.bytes(bits);
  return out.take();
}

Bytes claims(unsigned index, const Bytes& form_and_rest) {
  ByteWriter out;
  out.be16(static_cast<std::uint16_t>(index));
  out.bytes(form_and_rest);
  return section(5, out.take());
}

Bytes own_bits(const Bytes& bits) {
  return joined({0}, bits);
}

Bytes text(std::size_t length) {
  return joined({static_cast<std::uint8_t>(length >> 8U), static_cast<std::uint8_t>(length)},
                Bytes(length, 't'));
}

Bytes many_claims(unsigned count) {
  Bytes all = claims(0, own_bits(bitmap(3, {5})));
  for (unsigned index = 1; index < count; ++index)
    all = joined(std::move(all), claims(index, {1, 0, 0}));
  return all;
}

// ---- bodies on both sides of each rule ----

void add_order(std::vector<Bytes>& out) {
  const Bytes name = section(2, {'w', 'e', 'b'});
  const Bytes unknown = section(11, {1, 2, 3});
  out.insert(out.end(),
             {name, with_state({}), joined(with_state({}), with_state({})), with_state(name),
              joined(name, with_state({})), with_state(joined(name, name)), with_state(unknown),
              with_state(joined(unknown, unknown)), with_state(joined(section(12, {}), unknown)),
              with_state(joined(unknown, section(12, {}))), with_state(joined(unknown, name)),
              with_state(section(0, {})), joined(section(0, {}), with_state({})),
              with_state({0, 2}), with_state({0, 2, 0}), with_state({0, 2, 0, 4, 'w', 'e', 'b'}),
              with_state({0, 2, 0, 3, 'w', 'e', 'b', '2'})});
}

void add_states(std::vector<Bytes>& out) {
  for (const unsigned phase : {0U, 1U, 8U, 9U, 255U})
    out.push_back(section(1, state_value(static_cast<std::uint8_t>(phase))));
  for (const unsigned flags : {1U, 2U, 4U, 8U, 0xf0U, 0xffU})
    out.push_back(section(1, state_value(4, static_cast<std::uint8_t>(flags))));
  Bytes longer = state_value();
  longer.push_back(0);
  Bytes shorter = state_value();
  shorter.pop_back();
  out.insert(out.end(), {section(1, longer), section(1, shorter), section(1, {}),
                         section(1, {0, 0, 0, 1, 4})});
}

void add_names(std::vector<Bytes>& out) {
  for (const Bytes& name : {Bytes{}, Bytes(64, 'n'), Bytes(65, 'n'), Bytes{0x20}, Bytes{'a', 0x1f},
                            Bytes{0x7f}, Bytes{0x00}, Bytes{0xc3, 0xbc}})
    out.push_back(with_state(section(2, name)));
}

void add_lists_of_hosts(std::vector<Bytes>& out) {
  const std::pair<unsigned, Bytes> kinds[] = {{3, Bytes(8, 0x11)}, {7, Bytes(1, 0x22)}};
  for (const auto& [type, rest] : kinds) {
    const auto entry = [&rest](std::uint8_t host) { return joined({host}, rest); };
    for (const unsigned host : {0U, 1U, 64U, 65U, 255U})
      out.push_back(with_state(section(type, entry(static_cast<std::uint8_t>(host)))));
    out.push_back(with_state(section(type, {})));
    out.push_back(with_state(section(type, joined(entry(2), entry(3)))));
    out.push_back(with_state(section(type, joined(entry(2), entry(2)))));
    out.push_back(with_state(section(type, joined(entry(3), entry(2)))));
    out.push_back(with_state(section(type, joined(entry(3), {4}))));
  }
}

void add_classes(std::vector<Bytes>& out) {
  const std::pair<unsigned, std::size_t> kinds[] = {{4, 4}, {10, 6}};
  for (const auto& [type, bytes] : kinds) {
    const Bytes entry(bytes, 0x33);
    for (const std::size_t count :
         {std::size_t{0}, std::size_t{1}, heartbeat::kMaxClasses, heartbeat::kMaxClasses + 1})
      out.push_back(with_state(section(type, repeated(entry, count))));
    out.push_back(with_state(section(type, joined(entry, {1}))));
    out.push_back(with_state(section(type, joined(entry, {1, 2, 3}))));
  }
}

void add_bitmaps(std::vector<Bytes>& out) {
  const std::pair<std::uint32_t, Bytes> bitmaps[] = {{1, {1}},
                                                     {1, {2}},
                                                     {7, {0x7f}},
                                                     {7, {0x80}},
                                                     {8, {0xff}},
                                                     {8, {}},
                                                     {8, {1, 2}},
                                                     {9, {0xff, 1}},
                                                     {9, {0xff, 2}},
                                                     {9, {0xff}},
                                                     {64, Bytes(8, 0xa5)},
                                                     {65536, Bytes(8192, 0x81)},
                                                     {65537, Bytes(8193, 0)}};
  for (const auto& [size, bits] : bitmaps) {
    out.push_back(with_state(claims(0, own_bits(bitmap(size, bits)))));
    out.push_back(with_state(section(6, bitmap(size, bits))));
  }
  out.push_back(with_state(claims(0, own_bits(bitmap(0, {})))));
  out.push_back(with_state(section(6, {0, 0, 0})));
}

void add_claims(std::vector<Bytes>& out) {
  const Bytes first = claims(0, own_bits(bitmap(9, {0x81, 1})));
  const Bytes bits = own_bits(bitmap(4, {9}));
  out.insert(
      out.end(),
      {with_state(claims(1, bits)), with_state(joined(first, claims(0, bits))),
       with_state(joined(first, claims(1, bits))), with_state(joined(first, claims(2, bits))),
       with_state(joined(first, claims(1, {1, 0, 0}))),
       with_state(joined(first, claims(1, {1, 0, 1}))), with_state(claims(0, {1, 0, 0})),
       with_state(joined(first, claims(1, {1, 0}))),
       with_state(joined(first, claims(1, {1, 0, 0, 0}))), with_state(claims(0, {2})),
       with_state(claims(0, {})), with_state(section(5, {0})),
       with_state(joined(joined(first, claims(1, bits)), claims(2, {1, 0, 1}))),
       with_state(joined(joined(first, section(6, bitmap(1, {1}))), claims(1, bits))),
       with_state(many_claims(heartbeat::kMaxClasses)),
       with_state(many_claims(heartbeat::kMaxClasses + 1))});
}

void add_excerpts(std::vector<Bytes>& out) {
  const auto excerpt = [&out](std::uint8_t first, std::uint8_t total, const Bytes& settings) {
    out.push_back(with_state(section(8, joined({0, first, 0, total}, settings))));
  };
  const Bytes setting = joined(text(3), text(0));
  excerpt(0, 1, setting);
  excerpt(1, 1, setting);
  excerpt(3, 3, {});
  excerpt(4, 3, {});
  excerpt(7, 9, joined(setting, setting));
  excerpt(8, 9, joined(setting, setting));
  excerpt(0, 9, joined(text(512), text(512)));
  excerpt(0, 9, joined(text(513), text(1)));
  excerpt(0, 9, joined(text(1), text(513)));
  excerpt(0, 9, text(3));
  excerpt(0, 9, joined(text(3), {0}));
  excerpt(0, 9, joined(text(3), {0, 2, 'v'}));
  excerpt(0, 9, joined(text(3), {0, 1, '\n'}));
  excerpt(0, 9, joined(text(3), {0, 1, 0x7f}));
  out.push_back(with_state(section(8, {0, 0, 0})));
}

void add_keys(std::vector<Bytes>& out) {
  const Bytes key{7, 1, 2, 3, 4};
  for (std::size_t count = 0; count <= 3; ++count)
    out.push_back(with_state(section(9, repeated(key, count))));
  out.push_back(with_state(section(9, joined(key, {8}))));
  out.push_back(with_state(section(9, {7, 1, 2, 3})));
}

std::vector<Bytes> ruled_bodies() {
  std::vector<Bytes> bodies;
  add_order(bodies);
  add_states(bodies);
  add_names(bodies);
  add_lists_of_hosts(bodies);
  add_classes(bodies);
  add_bitmaps(bodies);
  add_claims(bodies);
  add_excerpts(bodies);
  add_keys(bodies);
  return bodies;
}

// ---- frames ----

class Maker {
 public:
  Maker(std::uint64_t seed, const Clusters& clusters)
      : random_(seed), messages_(seed), clusters_(clusters) {}

  Frames take() { return std::move(frames_); }

  /// Some messages at a time, of several hosts, clusters and keys, and of one host that was late:
  /// their fragments come in any order, some twice, some never.
  void random_messages() {
    for (int group = 0; group < 12; ++group) {
      Frames some;
      for (int i = 0; i < 3; ++i)
        append_fragments(messages_.next(), some);
      heartbeat::Message late = messages_.next();
      append_fragments(late, some);
      late.sequence += below(4);
      late.host_name = "later";
      append_fragments(late, some);
      const std::size_t whole = some.size();
      for (std::size_t i = 0; i < whole; i += 1 + below(7))
        some.push_back(some[i]);
      std::ranges::shuffle(some, random_);
      if (group % 3 == 0) some.pop_back();
      std::ranges::move(some, std::back_inserter(frames_));
    }
  }

  void bodies() {
    for (const Bytes& body : ruled_bodies())
      append_body(body);
    for (int i = 0; i < 150; ++i)
      append_body(damaged(heartbeat::encode_body(small_message()).value()));
  }

  /// Messages of one host that get into each other's way.
  void interrupted() {
    struct Piece {
      std::uint32_t sequence;
      std::uint8_t index, count;
    };
    constexpr std::uint32_t last = 0xffffffff;
    constexpr std::uint32_t half = 0x80000000;
    const Piece pieces[] = {
        {5, 0, 2},        {5, 0, 3},        {5, 1, 2},       {5, 1, 3},
        {5, 2, 3},        {5, 0, 3},                                     // another count
        {6, 0, 2},        {4, 0, 1},        {7, 0, 1},       {6, 1, 2},  // whole ones in between
        {8, 0, 2},        {8, 0, 2},        {7, 1, 2},       {8, 1, 2},
        {8, 1, 2},                                                       // a late one, repeated
        {last, 0, 2},     {0, 0, 2},        {last, 1, 2},    {0, 1, 2},  // around the end
        {1, 0, 2},        {1 + half, 1, 2}, {1, 1, 2},                   // as far as can be
        {2 + half, 0, 2}, {2, 1, 2},        {2 + half, 1, 2}};
    const Bytes body = with_state({});
    for (const auto& [sequence, index, count] : pieces) {
      const std::size_t share = body.size() / count + 1;
      const std::size_t at = index * share;
      const heartbeat::FragmentHeader header{
          clusters_.web.cluster_id, base::HostId{12}, 0x1212, sequence, index, count};
      frames_.push_back({seal_fragment(
          any_key(), header, std::span(body).subspan(at, std::min(share, body.size() - at)))});
    }
  }

  void headers() {
    const auto sealed = [this](std::size_t at, std::initializer_list<unsigned> values) {
      for (const unsigned value : values) {
        Bytes payload = one_fragment({});
        payload[at] = static_cast<std::uint8_t>(value);
        frames_.push_back({reseal(payload, false)});
      }
    };
    sealed(4, {0, 1, 2, 255});
    sealed(5, {0, 3, 4, 255});
    sealed(7, {0, 1, 64, 65, 255});
    for (const auto& [index, count] :
         {std::pair{0, 0}, {0, 1}, {1, 1}, {0, 64}, {63, 64}, {64, 64}, {0, 65}, {64, 65}}) {
      Bytes payload = one_fragment({});
      payload[28] = static_cast<std::uint8_t>(index);
      payload[29] = static_cast<std::uint8_t>(count);
      frames_.push_back({reseal(payload, false)});
    }
    damage_each_byte(one_fragment({}), heartbeat::kHeaderBytes);
    cut(one_fragment({}));
    for (const std::size_t length : {0, 1, 1352, 1353})
      frames_.push_back({of_length(one_fragment({}), heartbeat::kHeaderBytes, 30, length)});
    unheld_key(one_fragment({}));
  }

  void commands() {
    for (int i = 0; i < 20; ++i)
      frames_.push_back({command(below(heartbeat::kMaxCommandText + 1))});
    for (const auto& [at, value] : {std::pair{4, 0},
                                    {4, 2},
                                    {5, 9},
                                    {7, 0},
                                    {7, 1},
                                    {7, 3},
                                    {7, 4},
                                    {16, 0},
                                    {16, 1},
                                    {16, 64},
                                    {16, 65},
                                    {17, 0},
                                    {17, 64},
                                    {17, 65},
                                    {17, 255}}) {
      Bytes payload = command(20);
      payload[static_cast<std::size_t>(at)] = static_cast<std::uint8_t>(value);
      frames_.push_back({reseal(payload, true)});
    }
    damage_each_byte(command(20), heartbeat::kCommandHeaderBytes);
    cut(command(20));
    for (const std::size_t length : {0, 1, 1344, 1345})
      frames_.push_back({of_length(command(20), heartbeat::kCommandHeaderBytes, 18, length)});
    unheld_key(command(20));
    // Under the other kind's sub-key.
    frames_.push_back({reseal(command(20), false)});
    frames_.push_back({reseal(one_fragment({}), true)});
  }

 private:
  std::uint32_t below(std::size_t limit) { return static_cast<std::uint32_t>(random_() % limit); }

  const heartbeat::SealKey& any_key() {
    return clusters_.web.seals[below(clusters_.web.seals.size())];
  }

  void append_fragments(heartbeat::Message message, Frames& out) {
    const heartbeat::DerivedKeys& keys = below(3) == 0 ? clusters_.mail : clusters_.web;
    message.cluster_id = keys.cluster_id;
    heartbeat::Codec codec(keys);
    codec.send_with(any_key().held.id);
    const auto payloads = codec.seal(message).value();
    for (const Bytes& payload : payloads)
      out.push_back({payload});
  }

  heartbeat::Message small_message() {
    heartbeat::Message message = messages_.next();
    message.excerpt = {3, 9, {{"icmp", "on"}}};
    message.residual = heartbeat::test::striped(64, 3);
    if (message.claims.size() > 2) message.claims.resize(2);
    return message;
  }

  /// As many fragments as the body needs, under the next sequence number.
  void append_body(const Bytes& body) {
    const std::size_t most = heartbeat::kMaxFragmentBody;
    heartbeat::FragmentHeader header{clusters_.web.cluster_id,
                                     base::HostId{9},
                                     0x9999,
                                     ++sequence_,
                                     0,
                                     static_cast<std::uint8_t>((body.size() + most - 1) / most)};
    const heartbeat::SealKey& key = any_key();
    for (std::size_t at = 0; at < body.size(); at += most, ++header.index) {
      const auto piece = std::span(body).subspan(at, std::min(most, body.size() - at));
      frames_.push_back({seal_fragment(key, header, piece)});
    }
  }

  Bytes damaged(Bytes body) {
    for (std::uint32_t i = below(3); i > 0; --i)
      body[below(body.size())] = static_cast<std::uint8_t>(random_());
    if (below(4) == 0) body.resize(1 + below(body.size()));
    if (below(8) == 0) body.insert(body.begin() + below(body.size()), std::uint8_t{0});
    return body;
  }

  Bytes one_fragment(const Bytes& rest) {
    const heartbeat::FragmentHeader header{
        clusters_.web.cluster_id, base::HostId{5}, 0x5555, ++sequence_, 0, 1};
    return seal_fragment(clusters_.web.seals.front(), header, with_state(rest));
  }

  Bytes command(std::size_t length) {
    heartbeat::CommandFrame frame;
    frame.kind = static_cast<heartbeat::CommandKind>(1 + below(3));
    frame.from = base::HostId{static_cast<std::uint8_t>(1 + below(64))};
    frame.to = base::HostId{static_cast<std::uint8_t>(below(65))};
    frame.nonce = random_();
    frame.challenge = random_();
    frame.sequence = below(1U << 31U);
    for (std::size_t i = 0; i < length; ++i)
      frame.text += static_cast<char>(' ' + below(95));
    return seal_command(any_key(), clusters_.web.cluster_id, frame);
  }

  /// The payload with a right tag, in place of the one it has.
  Bytes reseal(const Bytes& payload, bool as_command) {
    return sealed_anew(std::span(payload).first(payload.size() - heartbeat::kTagBytes), as_command);
  }

  Bytes sealed_anew(std::span<const std::uint8_t> sealed, bool as_command) {
    const heartbeat::SealKey* key = heartbeat::find_key(clusters_.web.seals, sealed[6]);
    ByteWriter out;
    out.bytes(sealed);
    heartbeat::append_tag(out, as_command ? key->command : key->heartbeat);
    return out.take();
  }

  /// Right in all but, perhaps, its length.
  Bytes of_length(const Bytes& payload, std::size_t header, std::size_t length_at,
                  std::size_t length) {
    Bytes sealed(payload.begin(), payload.begin() + static_cast<std::ptrdiff_t>(header));
    base::store_be16(sealed.data() + length_at, static_cast<std::uint16_t>(length));
    sealed.resize(header + length, 'x');
    return sealed_anew(sealed, header == heartbeat::kCommandHeaderBytes);
  }

  void damage_each_byte(const Bytes& payload, std::size_t header) {
    for (std::size_t at = 0; at < payload.size(); at += at < header ? 1 : 1 + below(9)) {
      if (at >= kClusterAt && at < kClusterEnd) continue;
      Bytes damaged = payload;
      damaged[at] ^= static_cast<std::uint8_t>(1U << below(8));
      frames_.push_back({damaged});
    }
  }

  void cut(const Bytes& payload) {
    for (std::size_t length = 0; length <= payload.size(); length += 1 + below(5))
      frames_.push_back(
          {Bytes(payload.begin(), payload.begin() + static_cast<int>(length)), false});
    const auto whole = static_cast<std::ptrdiff_t>(payload.size());
    frames_.push_back({Bytes(payload.begin(), payload.begin() + whole - 1), false});
    frames_.push_back({payload, false});
    frames_.push_back({joined(payload, Bytes(40, 0xee)), false});
  }

  void unheld_key(Bytes payload) {
    payload[6] = 200;
    frames_.push_back({payload});
  }

  std::mt19937_64 random_;
  heartbeat::test::RandomMessages messages_;
  const Clusters& clusters_;
  Frames frames_;
  std::uint32_t sequence_ = 0;
};

}  // namespace

heartbeat::KeyRing two_keys() {
  heartbeat::ClusterKey second{};
  second.fill(0xd7);
  heartbeat::KeyRing ring = heartbeat::ring_of(heartbeat::test::fixed_key()).value();
  ring.keys.push_back({7, second});
  return ring;
}

Clusters clusters_of(const heartbeat::KeyRing& ring) {
  return {heartbeat::derive_keys(ring, "web").value(),
          heartbeat::derive_keys(ring, "mail").value()};
}

Frames all_frames(std::uint64_t seed, const Clusters& clusters) {
  Maker maker(seed, clusters);
  maker.random_messages();
  maker.interrupted();
  maker.bodies();
  maker.headers();
  maker.commands();
  return maker.take();
}

}  // namespace covey::golden
