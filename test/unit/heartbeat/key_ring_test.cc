// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/key_ring.h"

#include <catch2/catch.hpp>

#include "heartbeat/fragment.h"
#include "messages.h"

namespace covey::heartbeat {
namespace {

ClusterKey key_of(std::uint8_t fill) {
  ClusterKey key{};
  key.fill(fill);
  return key;
}

/// Key 0 of the fixed cluster and a key 1.
KeyRing rotating() {
  return with_key(ring_of(test::fixed_key()).value(), key_to_hex(key_of(1))).value();
}

std::string problem(std::string_view text) {
  const auto ring = ring_from_text(text);
  REQUIRE_FALSE(ring.has_value());
  CHECK(ring.error().code == base::ErrorCode::invalid_argument);
  return ring.error().context;
}

base::ErrorCode code(const base::Result<KeyRing>& ring) {
  REQUIRE_FALSE(ring.has_value());
  return ring.error().code;
}

const std::string kHex(64, 'a');
const std::string kHash = "hash " + std::string(128, 'b') + "\n";

}  // namespace

TEST_CASE("64 digits are key 0 of a cluster that never rotated") {
  const std::string digits = key_to_hex(test::fixed_key());
  for (const char* end : {"", "\n", "\r\n", "\n\n"}) {
    const KeyRing ring = ring_from_text(digits + end).value();
    CHECK(ring == ring_of(test::fixed_key()).value());
    CHECK(ring.keys == Secrets<NumberedKey>{{0, test::fixed_key()}});
  }
}

TEST_CASE("a ring survives its text, also with comments, blank lines and blanks around words") {
  const KeyRing ring = rotating();
  const std::string text = ring_to_text(ring);
  CHECK(text.size() <= kMaxKeyFile);
  CHECK(ring_from_text(text).value() == ring);
  const std::string loose = "\n# mine\n\tkey  0 " + key_to_hex(test::fixed_key()) + " \r\n\n" +
                            text.substr(text.find("key 1")) + "# end";
  CHECK(ring_from_text(loose).value() == ring);
}

TEST_CASE("a mistake in a key file is told with its line and without the text") {
  const std::string key = "key 0 " + kHex + "\n";
  CHECK(problem("# a\n\nkez 0 " + kHex) ==
        "line 3: unknown word (allowed: key, hash, comments that begin with #)");
  const std::string not_a_key =
      "line 1: not `key ID HEX` (allowed: a number of 0..255, then 64 lower-case hexadecimal "
      "digits)";
  for (const std::string& line :
       {std::string("key"), "key " + kHex, "key 256 " + kHex, "key -1 " + kHex, "key 1x " + kHex,
        "key 1 " + kHex + "0", "key 1 " + kHex.substr(1), "key 1 " + kHex + " # mine",
        "key 1 G" + kHex.substr(1)}) {
    CAPTURE(line);
    CHECK(problem(line + "\n" + kHash) == not_a_key);
  }
  CHECK(problem(key + key + kHash) == "line 2: a second key 0");
  CHECK(problem(key + "key 1 " + kHex + "\n" + kHash) ==
        "line 2: the same key under another number");
  CHECK(problem(key + "key 1 " + std::string(64, 'c') + "\nkey 2 " + std::string(64, 'd') + "\n" +
                kHash) == "line 3: a third key (allowed: an old and a new one)");
  CHECK(problem(key + kHash + kHash) == "line 3: a second line `hash`");
  CHECK(problem(key + "hash " + kHex) ==
        "line 2: not `hash HEX` (allowed: 128 lower-case hexadecimal digits)");
  CHECK(problem(key) == "no line `hash HEX`");
  CHECK(problem(kHash) == "no line `key ID HEX`");
  CHECK(problem("# nothing\n") == "no line `key ID HEX`");
  CHECK(problem(kHex + "0") == "a cluster key is 64 lower-case hexadecimal digits");
  CHECK(problem("") == "a cluster key is 64 lower-case hexadecimal digits");
  CHECK(problem(std::string(kMaxKeyFile + 1, '#')) == "longer than 2048 bytes: not a key file");
}

TEST_CASE("a rotation changes the seals and nothing that the map or the cluster depends on") {
  const KeyRing both = rotating();
  const KeyRing after = without_key(both, 0).value();
  const DerivedKeys old = derive_keys(test::fixed_key(), "web").value();
  for (const KeyRing& ring : {both, after}) {
    const DerivedKeys keys = derive_keys(ring, "web").value();
    CHECK(keys.bucket_hash == old.bucket_hash);
    CHECK(keys.map_score == old.map_score);
    CHECK(keys.cluster_id == old.cluster_id);
    CHECK(keys.seals.back().heartbeat != old.seals.front().heartbeat);
    CHECK(keys.seals.back().command != old.seals.front().command);
    CHECK(keys.seals.back().held.mark != old.seals.front().held.mark);
  }
  CHECK(ring_to_text(after).find(key_to_hex(test::fixed_key())) == std::string::npos);
}

TEST_CASE("a bare key gets the next number, and after 255 comes 0") {
  KeyRing ring = ring_of(test::fixed_key()).value();
  for (unsigned step = 1; step <= 256; ++step) {
    ClusterKey key = key_of(static_cast<std::uint8_t>(step));
    key[0] = static_cast<std::uint8_t>(step / 256 + 1);
    ring = with_key(ring, key_to_hex(key) + "\n").value();
    REQUIRE(ring.keys.back().id == step % 256);
    ring = without_key(ring, ring.keys.front().id).value();
  }
}

TEST_CASE("the key file of another host gives its newest key under its own number") {
  const KeyRing mine = ring_of(test::fixed_key()).value();
  KeyRing other = rotating();
  other.keys.back().id = 9;
  CHECK(with_key(mine, ring_to_text(other)).value() == other);
  other.lasting[0] ^= 1U;
  CHECK(code(with_key(mine, ring_to_text(other))) == base::ErrorCode::refused);
}

TEST_CASE("a third key, a key held already and a number in use are refused") {
  const KeyRing both = rotating();
  CHECK(code(with_key(both, key_to_hex(key_of(3)))) == base::ErrorCode::refused);
  CHECK(code(with_key(both, key_to_hex(key_of(1)))) == base::ErrorCode::refused);
  CHECK(code(with_key(both, "no key")) == base::ErrorCode::invalid_argument);
  const KeyRing mine = ring_of(test::fixed_key()).value();
  KeyRing clash = mine;
  clash.keys[0].key = key_of(5);
  CHECK(code(with_key(mine, ring_to_text(clash))) == base::ErrorCode::refused);
}

TEST_CASE("the only key and an unknown one cannot be retired") {
  CHECK(code(without_key(ring_of(test::fixed_key()).value(), 0)) == base::ErrorCode::refused);
  CHECK(code(without_key(rotating(), 7)) == base::ErrorCode::not_found);
}

TEST_CASE("a host seals with the newest key that every other host holds") {
  const HeldKey old{0, 10};
  const HeldKey fresh{1, 11};
  const HeldKey forged{1, 99};  // another key under the same number
  const std::vector<HeldKey> ours{old, fresh};
  using Others = std::vector<std::vector<HeldKey>>;
  CHECK(choose_key(ours, Others{}) == 1);
  CHECK(choose_key(ours, Others{ours, ours}) == 1);
  CHECK(choose_key(ours, Others{ours, {old}}) == 0);
  CHECK(choose_key(ours, Others{ours, {fresh}}) == 1);
  CHECK(choose_key(ours, Others{{old, forged}}) == 0);
  CHECK(choose_key(ours, Others{{}}) == 0);  // an earlier version
  CHECK(choose_key(ours, Others{{old}, {fresh}}) == 0);
}

TEST_CASE("a codec opens under both keys and seals under the one it was told") {
  const DerivedKeys old = derive_keys(test::fixed_key(), "web").value();
  const DerivedKeys both = derive_keys(rotating(), "web").value();
  const Message message = test::fixed_message();
  Codec rotated(both);
  CHECK(rotated.sends_with() == 0);
  Codec not_yet(old);
  const auto sealed_old = rotated.seal(message)->front();
  CHECK(not_yet.open(sealed_old).message == message);
  rotated.send_with(1);
  const auto sealed_new = rotated.seal(message)->front();
  CHECK(not_yet.open(sealed_new).status == OpenStatus::unknown_key);
  for (const auto& payload : {sealed_old, sealed_new}) {
    const Opened opened = Codec(both).open(payload);
    CHECK(opened.status == OpenStatus::complete);
    CHECK(opened.key_id == (payload == sealed_new ? 1 : 0));
  }
}

TEST_CASE("a codec that gave up a key refuses it and keeps a message that was under way") {
  Message message = test::fixed_message();
  for (std::uint32_t c = 0; c < 3; ++c)
    message.claims.push_back(test::striped(8192, c + 2));
  Codec sender(derive_keys(rotating(), "web").value());
  sender.send_with(1);
  const auto payloads = sender.seal(message).value();
  REQUIRE(payloads.size() > 1);
  Codec receiver(derive_keys(rotating(), "web").value());
  for (std::size_t i = 0; i + 1 < payloads.size(); ++i)
    CHECK(receiver.open(payloads[i]).status == OpenStatus::incomplete);
  receiver.set_keys(derive_keys(without_key(rotating(), 0).value(), "web").value());
  CHECK(receiver.open(payloads.back()).message == message);
  sender.send_with(0);
  CHECK(receiver.open(sender.seal(test::fixed_message())->front()).status ==
        OpenStatus::unknown_key);
}

}  // namespace covey::heartbeat
