// SPDX-License-Identifier: BSD-3-Clause
#include <algorithm>
#include <catch2/catch.hpp>

#include "messages.h"

namespace covey::heartbeat {

TEST_CASE("derived keys depend on the cluster key, the cluster id on the name too") {
  const DerivedKeys web = test::fixed_keys();
  const DerivedKeys mail = derive_keys(test::fixed_key(), "mail").value();
  CHECK(web.seals.front().heartbeat == mail.seals.front().heartbeat);
  CHECK(web.bucket_hash == mail.bucket_hash);
  CHECK(web.map_score == mail.map_score);
  CHECK(web.cluster_id != mail.cluster_id);
  CHECK(web.bucket_hash != web.map_score);

  ClusterKey other = test::fixed_key();
  other[0] ^= 1;
  const DerivedKeys changed = derive_keys(other, "web").value();
  CHECK(changed.seals.front().heartbeat != web.seals.front().heartbeat);
  CHECK(changed.bucket_hash != web.bucket_hash);
  CHECK(changed.map_score != web.map_score);
  CHECK(changed.cluster_id != web.cluster_id);
}

TEST_CASE("a key survives its text form, with or without the newline of a file") {
  const std::string text = key_to_hex(test::fixed_key());
  CHECK(text == "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f");
  CHECK(key_from_hex(text).value() == test::fixed_key());
  CHECK(key_from_hex(text + "\n").value() == test::fixed_key());
}

TEST_CASE("text that is not a key is refused without being repeated") {
  const std::string text = key_to_hex(test::fixed_key());
  const std::string tail = text.substr(1);
  for (const std::string& wrong :
       {std::string(), tail, text + "0", text + "\n\n", std::string(" ").append(text),
        std::string("g").append(tail), std::string("A").append(tail), text + " # key"}) {
    CAPTURE(wrong);
    const auto key = key_from_hex(wrong);
    REQUIRE_FALSE(key.has_value());
    CHECK(key.error().context == "a cluster key is 64 lower-case hexadecimal digits");
  }
}

TEST_CASE("generated keys differ") {
  CHECK(generate_key().value() != generate_key().value());
}

TEST_CASE("every open status has a name of its own") {
  std::vector<std::string_view> names;
  for (std::size_t i = 0; i < kOpenStatusCount; ++i)
    names.push_back(name(static_cast<OpenStatus>(i)));
  std::sort(names.begin(), names.end());
  CHECK(std::unique(names.begin(), names.end()) == names.end());
}

}  // namespace covey::heartbeat
