// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/command.h"

#include <catch2/catch.hpp>
#include <fstream>
#include <random>
#include <sstream>

#include "messages.h"

namespace covey::heartbeat {
namespace {

using Payload = std::vector<std::uint8_t>;

CommandFrame fixed_frame() {
  return {CommandKind::command, base::HostId{3}, base::HostId{7},     0x1122334455667788,
          0xa1a2a3a4a5a6a7a8,   0x01020304,      R"({"verb":"stop"})"};
}

Payload sealed(const CommandFrame& frame) {
  const DerivedKeys keys = test::fixed_keys();
  return seal_command(keys.seals.front(), keys.cluster_id, frame);
}

OpenedCommand opened(std::span<const std::uint8_t> payload) {
  const DerivedKeys keys = test::fixed_keys();
  return open_command(keys.seals, keys.cluster_id, payload);
}

}  // namespace

TEST_CASE("the bytes of a fixed command under a fixed key never change") {
  const std::string path = COVEY_SOURCE_ROOT "/test/golden/command.txt";
  const std::string text =
      "# A command of host 3 for host 7, sealed under the key 000102..1f, cluster \"web\".\n" +
      test::to_hex(sealed(fixed_frame()));
  if (std::getenv("COVEY_REWRITE_GOLDEN") != nullptr) std::ofstream(path) << text;
  std::ostringstream golden;
  golden << std::ifstream(path).rdbuf();
  CHECK(golden.str() == text);
}

TEST_CASE("any command survives a round trip") {
  const std::uint64_t seed = std::random_device()();
  INFO("seed " << seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200; ++i) {
    CommandFrame frame;
    frame.kind = static_cast<CommandKind>(1 + random() % 3);
    frame.from = base::HostId{static_cast<std::uint8_t>(1 + random() % base::kMaxHosts)};
    frame.to = base::HostId{static_cast<std::uint8_t>(random() % (base::kMaxHosts + 1))};
    frame.nonce = random();
    frame.challenge = random();
    frame.sequence = static_cast<std::uint32_t>(random());
    frame.text.resize(random() % (kMaxCommandText + 1));
    for (char& c : frame.text)
      c = static_cast<char>(random());
    const Payload payload = sealed(frame);
    REQUIRE(payload.size() <= kMaxPayload);
    REQUIRE(is_command(payload));
    const OpenedCommand again = opened(payload);
    REQUIRE(again.status == OpenStatus::complete);
    REQUIRE(again.frame == frame);
  }
}

TEST_CASE("a command that is cut anywhere or has a bit flipped is refused") {
  const Payload whole = sealed(fixed_frame());
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    REQUIRE(opened(std::span(whole).first(length)).status != OpenStatus::complete);
  }
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    CAPTURE(bit);
    Payload flipped = whole;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    REQUIRE(opened(flipped).status != OpenStatus::complete);
  }
}

TEST_CASE("refused commands say why") {
  const Payload whole = sealed(fixed_frame());
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Payload changed = whole;
    changed[at] = value;
    return opened(changed).status;
  };
  CHECK(with(0, 'X') == OpenStatus::not_ours);
  CHECK(with(4, 2) == OpenStatus::bad_version);
  CHECK(with(6, 1) == OpenStatus::unknown_key);
  CHECK(with(8, static_cast<std::uint8_t>(whole[8] ^ 1U)) == OpenStatus::not_ours);
  CHECK(with(kCommandHeaderBytes, 'x') == OpenStatus::bad_tag);
  CHECK(opened({}).status == OpenStatus::malformed);
  CommandFrame frame = fixed_frame();
  frame.to = base::HostId{65};
  CHECK(opened(sealed(frame)).status == OpenStatus::malformed);
  frame = fixed_frame();
  frame.kind = static_cast<CommandKind>(4);
  CHECK(opened(sealed(frame)).status == OpenStatus::malformed);
}

TEST_CASE("a foreign key and the key of heartbeats seal no command") {
  const DerivedKeys keys = test::fixed_keys();
  SealKey foreign = keys.seals.front();
  foreign.command[0] ^= 1U;
  CHECK(opened(seal_command(foreign, keys.cluster_id, fixed_frame())).status ==
        OpenStatus::bad_tag);
  SealKey confused = keys.seals.front();
  confused.command = confused.heartbeat;
  CHECK(opened(seal_command(confused, keys.cluster_id, fixed_frame())).status ==
        OpenStatus::bad_tag);
}

TEST_CASE("a heartbeat is no command, and a command is no heartbeat") {
  Codec codec(test::fixed_keys());
  const Payload heartbeat = codec.seal(test::fixed_message())->front();
  CHECK_FALSE(is_command(heartbeat));
  CHECK_FALSE(is_command({}));
  CHECK(opened(heartbeat).status == OpenStatus::not_ours);
  CHECK(codec.open(sealed(fixed_frame())).status == OpenStatus::not_ours);
}

TEST_CASE("an answer is sealed with the key of its question as long as it is held") {
  const KeyRing ring = ring_of(test::fixed_key()).value();
  const KeyRing both = with_key(ring, std::string(64, 'a')).value();
  Codec codec(derive_keys(both, "web").value());
  const auto key_of = [&](std::optional<std::uint8_t> key_id) {
    return codec.open_command(codec.seal_command(fixed_frame(), key_id)).key_id;
  };
  CHECK(key_of(std::nullopt) == 0);
  CHECK(key_of(1) == 1);
  codec.set_keys(derive_keys(without_key(both, 0).value(), "web").value());
  CHECK(key_of(0) == 1);
}

}  // namespace covey::heartbeat
