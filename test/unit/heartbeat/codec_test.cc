// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/codec.h"

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <random>
#include <sstream>

#include "heartbeat/body.h"
#include "heartbeat/fragment.h"
#include "messages.h"

namespace covey::heartbeat {
namespace {

using Payload = std::vector<std::uint8_t>;

std::vector<Payload> sealed(const Message& message) {
  return Codec(test::fixed_keys()).seal(message).value();
}

OpenStatus status_of(const Payload& payload) {
  return Codec(test::fixed_keys()).open(payload).status;
}

bool is_refused(OpenStatus status) {
  return status != OpenStatus::complete && status != OpenStatus::incomplete;
}

/// More than one fragment: 64 acknowledgements and 16 classes of 4096 buckets, all different.
Message large_message(std::uint8_t host) {
  Message m = test::fixed_message();
  m.host = base::HostId{host};
  m.acknowledgements.clear();
  for (std::uint8_t id = 1; id <= base::kMaxHosts; ++id) {
    m.acknowledgements.push_back({base::HostId{id}, id, id * 1000U, id});
  }
  m.classes.assign(16, {100, 0});
  m.claims.clear();
  for (std::uint32_t c = 0; c < 16; ++c)
    m.claims.push_back(test::striped(4096, c + host + 1U));
  m.residual = test::striped(4096, 7);
  return m;
}

}  // namespace

TEST_CASE("random messages come out as they went in") {
  const std::uint64_t seed = std::random_device{}();
  CAPTURE(seed);
  test::RandomMessages messages(seed);
  Codec codec(test::fixed_keys());
  for (int round = 0; round < 300; ++round) {
    const Message message = messages.next();
    const auto payloads = codec.seal(message).value();
    for (std::size_t i = 0; i + 1 < payloads.size(); ++i) {
      REQUIRE(codec.open(payloads[i]).status == OpenStatus::incomplete);
    }
    const Opened opened = codec.open(payloads.back());
    REQUIRE(opened.status == OpenStatus::complete);
    REQUIRE(opened.message == message);
  }
}

TEST_CASE("the bytes of a fixed message under a fixed key never change") {
  const std::string path = std::string(COVEY_SOURCE_ROOT) + "/test/golden/heartbeat.txt";
  const std::string hex = test::to_hex(sealed(test::fixed_message()).at(0));
  if (std::getenv("COVEY_REWRITE_GOLDEN") != nullptr) {
    std::ofstream(path)
        << "# test::fixed_message() sealed under the key 000102..1f, cluster \"web\".\n"
        << hex;
  }
  std::ifstream file(path);
  std::string comment;
  std::getline(file, comment);
  std::stringstream golden;
  golden << file.rdbuf();
  CHECK(golden.str() == hex);
}

TEST_CASE("a cut off payload is refused at every length") {
  const Payload whole = sealed(test::fixed_message()).at(0);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    CAPTURE(length);
    const Payload cut(whole.begin(), whole.begin() + static_cast<std::ptrdiff_t>(length));
    REQUIRE(is_refused(status_of(cut)));
  }
}

TEST_CASE("a payload with any one bit flipped is refused") {
  const Payload whole = sealed(test::fixed_message()).at(0);
  for (std::size_t bit = 0; bit < whole.size() * 8; ++bit) {
    CAPTURE(bit);
    Payload flipped = whole;
    flipped[bit / 8] = static_cast<std::uint8_t>(flipped[bit / 8] ^ (1U << (bit % 8)));
    REQUIRE(is_refused(status_of(flipped)));
  }
}

TEST_CASE("refusals say why") {
  const Payload whole = sealed(test::fixed_message()).at(0);
  const auto with = [&](std::size_t at, std::uint8_t value) {
    Payload changed = whole;
    changed[at] = value;
    return status_of(changed);
  };
  CHECK(with(0, 'X') == OpenStatus::not_ours);   // magic
  CHECK(with(4, 2) == OpenStatus::bad_version);  // major version
  CHECK(with(6, 1) == OpenStatus::unknown_key);  // key id
  CHECK(with(8, static_cast<std::uint8_t>(whole[8] ^ 1U)) == OpenStatus::not_ours);  // cluster id
  CHECK(with(kHeaderBytes, 1) == OpenStatus::bad_tag);
  CHECK(status_of({}) == OpenStatus::malformed);
  CHECK(status_of(Payload(60, 0)) == OpenStatus::not_ours);
}

TEST_CASE("another key or another cluster name opens nothing") {
  ClusterKey other_key = test::fixed_key();
  other_key[31] ^= 1;
  const Payload payload = sealed(test::fixed_message()).at(0);
  CHECK(Codec(derive_keys(other_key, "web").value()).open(payload).status == OpenStatus::not_ours);
  CHECK(Codec(derive_keys(test::fixed_key(), "wed").value()).open(payload).status ==
        OpenStatus::not_ours);
  DerivedKeys same_id = derive_keys(other_key, "web").value();
  same_id.cluster_id = test::fixed_keys().cluster_id;
  CHECK(Codec(same_id).open(payload).status == OpenStatus::bad_tag);
}

TEST_CASE("a newer minor version is read, its unknown sections are skipped") {
  const Message message = test::fixed_message();
  Payload body = encode_body(message).value();
  for (const int byte : {0, 200, 0, 3, 1, 2, 3, 0, 201, 0, 0}) {
    body.push_back(static_cast<std::uint8_t>(byte));
  }
  const FragmentHeader header{
      message.cluster_id, message.host, message.nonce, message.sequence, 0, 1};
  Codec codec(test::fixed_keys());
  const Opened opened = codec.open(seal_fragment(test::fixed_keys().seals.front(), header, body));
  CHECK(opened.status == OpenStatus::complete);
  CHECK(opened.message == message);
}

TEST_CASE("Ethernet padding behind the tag is ignored") {
  Payload payload = sealed(test::fixed_message()).at(0);
  payload.insert(payload.end(), 100, 0);
  const Opened opened = Codec(test::fixed_keys()).open(payload);
  CHECK(opened.status == OpenStatus::complete);
  CHECK(opened.message == test::fixed_message());
}

TEST_CASE("a message of 64 hosts and 16 classes of 4096 buckets takes a few fragments") {
  const auto payloads = sealed(large_message(1));
  CHECK(payloads.size() == 8);
  CHECK(std::ranges::all_of(payloads, [](const Payload& p) { return p.size() <= kMaxPayload; }));
}

TEST_CASE("fragments may come in any order and more than once") {
  const auto payloads = sealed(large_message(1));
  Codec codec(test::fixed_keys());
  for (std::size_t i = payloads.size() - 1; i > 0; --i) {
    REQUIRE(codec.open(payloads[i]).status == OpenStatus::incomplete);
    REQUIRE(codec.open(payloads[i]).status == OpenStatus::incomplete);
  }
  const Opened opened = codec.open(payloads[0]);
  CHECK(opened.status == OpenStatus::complete);
  CHECK(opened.message == large_message(1));
}

TEST_CASE("fragments of two hosts may be interleaved") {
  const auto first = sealed(large_message(1));
  const auto second = sealed(large_message(2));
  REQUIRE(first.size() == second.size());
  Codec codec(test::fixed_keys());
  for (std::size_t i = 0; i + 1 < first.size(); ++i) {
    REQUIRE(codec.open(first[i]).status == OpenStatus::incomplete);
    REQUIRE(codec.open(second[i]).status == OpenStatus::incomplete);
  }
  CHECK(codec.open(first.back()).message == large_message(1));
  CHECK(codec.open(second.back()).message == large_message(2));
}

TEST_CASE("a newer message of a host replaces its unfinished one, an older one does not") {
  Message newer = large_message(1);
  newer.sequence += 1;
  const auto old_payloads = sealed(large_message(1));
  const auto new_payloads = sealed(newer);
  Codec codec(test::fixed_keys());
  REQUIRE(codec.open(old_payloads[0]).status == OpenStatus::incomplete);
  for (std::size_t i = 0; i + 1 < new_payloads.size(); ++i) {
    REQUIRE(codec.open(new_payloads[i]).status == OpenStatus::incomplete);
    REQUIRE(codec.open(old_payloads[i + 1]).status == OpenStatus::incomplete);
  }
  const Opened opened = codec.open(new_payloads.back());
  CHECK(opened.status == OpenStatus::complete);
  CHECK(opened.message == newer);
}

TEST_CASE("a lost fragment leaves the message incomplete and the next message whole") {
  Message next = large_message(1);
  next.sequence += 1;
  const auto broken = sealed(large_message(1));
  Codec codec(test::fixed_keys());
  for (std::size_t i = 1; i < broken.size(); ++i) {
    REQUIRE(codec.open(broken[i]).status == OpenStatus::incomplete);
  }
  for (const Payload& payload : sealed(next)) {
    const Opened opened = codec.open(payload);
    if (opened.status == OpenStatus::complete) CHECK(opened.message == next);
  }
}

TEST_CASE("what cannot be sent is refused by seal") {
  const Codec codec(test::fixed_keys());
  const auto refused = [&](auto&& spoil) {
    Message message = test::fixed_message();
    spoil(message);
    return !codec.seal(message).has_value();
  };
  CHECK(refused([](Message& m) { m.host = base::kNobody; }));
  CHECK(refused([](Message& m) { m.cluster_id += 1; }));
  CHECK(refused([](Message& m) { m.phase = static_cast<Phase>(0); }));
  CHECK(refused([](Message& m) { m.phase = static_cast<Phase>(9); }));
  CHECK(refused([](Message& m) { m.host_name = std::string(kMaxHostName + 1, 'a'); }));
  CHECK(refused([](Message& m) { m.host_name = "\033[2J"; }));
  CHECK(refused([](Message& m) { std::ranges::reverse(m.acknowledgements); }));
  CHECK(refused([](Message& m) { m.acknowledgements[0].host = base::kNobody; }));
  CHECK(refused([](Message& m) { m.classes.resize(kMaxClasses + 1); }));
  CHECK(refused([](Message& m) { m.staged_classes.resize(kMaxClasses + 1); }));
  CHECK(refused([](Message& m) { m.residual = bucket::Bitmap(base::kMaxBuckets + 1); }));
  CHECK(refused([](Message& m) { m.keys.resize(kMaxKeys + 1); }));
  CHECK(refused([](Message& m) {
    m.claims.clear();
    for (std::uint32_t c = 0; c < 11; ++c)
      m.claims.push_back(test::striped(65536, c + 2));
  }));
}

TEST_CASE("classes with equal claims cost a reference, not a bitmap") {
  Message message = test::fixed_message();
  message.claims.assign(16, test::striped(65536, 3));
  CHECK(sealed(message).size() == 7);
  CHECK(encode_body(message)->size() < 9000);
}

}  // namespace covey::heartbeat
