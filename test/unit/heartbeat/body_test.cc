// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/body.h"

#include <algorithm>
#include <catch2/catch.hpp>

#include "base/byte_reader.h"
#include "messages.h"

namespace covey::heartbeat {
namespace {

using Bytes = std::vector<std::uint8_t>;

Bytes section(std::uint16_t type, const Bytes& value) {
  base::ByteWriter out;
  out.be16(type);
  out.be16(static_cast<std::uint16_t>(value.size()));
  out.bytes(value);
  return out.take();
}

Bytes joined(const std::vector<Bytes>& parts) {
  Bytes all;
  for (const Bytes& part : parts)
    all.insert(all.end(), part.begin(), part.end());
  return all;
}

Bytes state() {
  Bytes value(84, 0);
  value[4] = static_cast<std::uint8_t>(Phase::stable);
  return section(1, value);
}

bool decodes(const Bytes& body) {
  Message message;
  return decode_body(body, message).has_value();
}

bool decodes_after_state(std::uint16_t type, const Bytes& value) {
  return decodes(joined({state(), section(type, value)}));
}

}  // namespace

TEST_CASE("a body needs exactly one state section, of the right length, before the others") {
  CHECK(decodes(state()));
  CHECK_FALSE(decodes({}));
  CHECK_FALSE(decodes(section(2, {'a'})));
  CHECK_FALSE(decodes(joined({section(2, {'a'}), state()})));
  CHECK_FALSE(decodes(joined({state(), state()})));
  CHECK_FALSE(decodes(section(1, Bytes(83, 1))));
  CHECK_FALSE(decodes(section(1, Bytes(85, 1))));
}

TEST_CASE("an unknown phase is refused") {
  Bytes body = state();
  body[8] = 0;
  CHECK_FALSE(decodes(body));
  body[8] = 9;
  CHECK_FALSE(decodes(body));
}

TEST_CASE("sections that end beyond the body are refused") {
  CHECK_FALSE(decodes(joined({state(), {0}})));
  CHECK_FALSE(decodes(joined({state(), {0, 2, 0}})));
  CHECK_FALSE(decodes(joined({state(), {0, 2, 0, 2, 'a'}})));
  CHECK_FALSE(decodes(joined({state(), {0, 200, 0, 1}})));
}

TEST_CASE("host names are printable and not too long") {
  CHECK(decodes_after_state(2, {'a', 0xc3, 0xa9}));
  CHECK(decodes_after_state(2, Bytes(kMaxHostName, 'a')));
  CHECK_FALSE(decodes_after_state(2, Bytes(kMaxHostName + 1, 'a')));
  CHECK_FALSE(decodes_after_state(2, {'a', 0x1b}));
  CHECK_FALSE(decodes_after_state(2, {0x7f}));
}

TEST_CASE("acknowledgements are whole, of real hosts and in ascending order") {
  const Bytes one{1, 0, 1, 0, 0, 0, 1, 0, 1};
  const Bytes two{2, 0, 1, 0, 0, 0, 1, 0, 1};
  CHECK(decodes_after_state(3, joined({one, two})));
  CHECK_FALSE(decodes_after_state(3, joined({two, one})));
  CHECK_FALSE(decodes_after_state(3, joined({one, one})));
  CHECK_FALSE(decodes_after_state(3, {1, 0, 1, 0, 0, 0, 1, 0}));
  CHECK_FALSE(decodes_after_state(3, {0, 0, 1, 0, 0, 0, 1, 0, 1}));
  CHECK_FALSE(decodes_after_state(3, {65, 0, 1, 0, 0, 0, 1, 0, 1}));
}

TEST_CASE("class statements are whole and not too many") {
  CHECK(decodes_after_state(4, Bytes(kMaxClasses * 4, 1)));
  CHECK_FALSE(decodes_after_state(4, Bytes(kMaxClasses * 4 + 4, 1)));
  CHECK_FALSE(decodes_after_state(4, {0, 1, 0}));
}

TEST_CASE("claims come class by class and refer backwards only") {
  const Bytes own{0, 0, 0, 0, 0, 0, 4, 0x0f};  // class 0: four buckets, all claimed
  const Bytes same{0, 1, 1, 0, 0};             // class 1: as class 0
  Message message;
  REQUIRE(decode_body(joined({state(), section(5, own), section(5, same)}), message).has_value());
  CHECK(message.claims == std::vector<bucket::Bitmap>(2, test::striped(4, 1)));

  CHECK_FALSE(decodes_after_state(5, same));                            // class 1 first
  CHECK_FALSE(decodes_after_state(5, {0, 0, 1, 0, 0}));                 // refers to itself
  CHECK_FALSE(decodes_after_state(5, {0, 0, 2, 0, 0}));                 // unknown form
  CHECK_FALSE(decodes_after_state(5, {0, 0, 0, 0, 0, 0, 4, 0x1f}));     // a bit beyond the end
  CHECK_FALSE(decodes_after_state(5, {0, 0, 0, 0, 0, 0, 9, 0x0f}));     // too few bytes
  CHECK_FALSE(decodes_after_state(5, {0, 0, 0, 0, 0, 0, 4, 0x0f, 0}));  // too many
  CHECK_FALSE(
      decodes_after_state(5, {0, 0, 0, 0xff, 0xff, 0xff, 0xff}));  // a size beyond all limits
  CHECK_FALSE(decodes(joined({state(), section(5, own), section(5, own)})));  // class 0 twice
}

TEST_CASE("a residual bitmap comes at most once") {
  const Bytes residual = section(6, {0, 0, 0, 8, 0xaa});
  CHECK(decodes(joined({state(), residual})));
  CHECK_FALSE(decodes(joined({state(), residual, residual})));
  CHECK_FALSE(decodes_after_state(6, Bytes{0, 1, 0, 1}));
}

TEST_CASE("flap counts are whole, of real hosts and in ascending order") {
  CHECK(decodes_after_state(7, {1, 5, 64, 255}));
  CHECK_FALSE(decodes_after_state(7, {1, 5, 64}));
  CHECK_FALSE(decodes_after_state(7, {0, 5}));
  CHECK_FALSE(decodes_after_state(7, {65, 5}));
  CHECK_FALSE(decodes_after_state(7, {2, 5, 2, 5}));
}

TEST_CASE("an excerpt of settings is whole, printable and within its total") {
  CHECK(decodes_after_state(8, {0, 0, 0, 1, 0, 1, 'a', 0, 1, 'b'}));
  CHECK(decodes_after_state(8, {0, 0, 0, 0}));
  CHECK_FALSE(decodes_after_state(8, {0, 0, 0}));
  CHECK_FALSE(decodes_after_state(8, {0, 1, 0, 1, 0, 1, 'a', 0, 1, 'b'}));   // beyond the last
  CHECK_FALSE(decodes_after_state(8, {0, 0, 0, 1, 0, 1, 'a', 0, 2, 'b'}));   // cut off
  CHECK_FALSE(decodes_after_state(8, {0, 0, 0, 1, 0, 1, '\n', 0, 1, 'b'}));  // not printable
  CHECK_FALSE(decodes_after_state(8, {0, 0, 0, 1, 0, 1, 'a'}));              // a name, no value
  Bytes large(6 + base::kMaxSettingText + 1 + 2, 'x');
  std::copy_n(Bytes{0, 0, 0, 1, 2, 1}.begin(), 6, large.begin());
  std::fill(large.end() - 2, large.end(), std::uint8_t{0});
  CHECK_FALSE(decodes_after_state(8, large));
}

TEST_CASE("keys are whole, and an old and a new one at most") {
  Message message;
  REQUIRE(decode_body(joined({state(), section(9, {3, 0, 0, 0, 9, 4, 0, 0, 1, 0})}), message)
              .has_value());
  CHECK(message.keys == std::vector<HeldKey>{{3, 9}, {4, 256}});
  CHECK_FALSE(decodes_after_state(9, {}));
  CHECK_FALSE(decodes_after_state(9, {3, 0, 0, 0}));
  CHECK_FALSE(decodes_after_state(9, {3, 0, 0, 0, 9, 4}));
  CHECK_FALSE(decodes_after_state(9, Bytes(15, 1)));
}

TEST_CASE("staged classes are whole, and absent from hosts that stage nothing") {
  Message message;
  REQUIRE(decode_body(joined({state(), section(10, {0, 50, 0, 3, 0, 2, 0, 0, 0, 1, 255, 255})}),
                      message)
              .has_value());
  CHECK(message.staged_classes == std::vector<StagedClass>{{50, 3, 2}, {0, 1, kNotCarried}});
  CHECK(decodes_after_state(10, {}));
  CHECK_FALSE(decodes_after_state(10, {0, 50, 0, 3, 0}));
  CHECK_FALSE(decodes_after_state(10, Bytes((kMaxClasses + 1) * 6, 0)));
}

}  // namespace covey::heartbeat
