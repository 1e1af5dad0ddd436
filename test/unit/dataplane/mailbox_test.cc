// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/mailbox.h"

#include <poll.h>

#include <catch2/catch.hpp>
#include <thread>

using covey::dataplane::Mailboxes;
using covey::dataplane::Payload;

namespace {

std::unique_ptr<Mailboxes> make(unsigned workers) {
  auto made = Mailboxes::create(workers);
  REQUIRE(made.has_value());
  return std::move(*made);
}

bool readable(int fd) {
  pollfd waiting{fd, POLLIN, 0};
  return poll(&waiting, 1, 0) == 1;
}

}  // namespace

TEST_CASE("heartbeats to the segment come out in the order they were posted") {
  const auto mailboxes = make(1);
  const std::vector<std::uint8_t> first(10, 1);
  const std::vector<std::uint8_t> second(covey::dataplane::kMaxPayload, 2);
  CHECK(mailboxes->post_heartbeat(first));
  CHECK(mailboxes->post_heartbeat(second));
  Payload payload;
  REQUIRE(mailboxes->next_to_send(payload));
  CHECK(std::vector(payload.view().begin(), payload.view().end()) == first);
  REQUIRE(mailboxes->next_to_send(payload));
  CHECK(std::vector(payload.view().begin(), payload.view().end()) == second);
  CHECK_FALSE(mailboxes->next_to_send(payload));
  CHECK(mailboxes->heartbeats_lost() == 0);
}

TEST_CASE("a payload longer than a frame is refused and counted, either way") {
  const auto mailboxes = make(1);
  const std::vector<std::uint8_t> endless(covey::dataplane::kMaxPayload + 1, 0);
  CHECK_FALSE(mailboxes->post_heartbeat(endless));
  CHECK_FALSE(mailboxes->deliver_heartbeat(0, endless));
  CHECK(mailboxes->heartbeats_lost() == 2);
}

TEST_CASE("a full ring loses the newest heartbeat and counts it") {
  const auto mailboxes = make(1);
  const std::vector<std::uint8_t> payload(60, 7);
  std::size_t taken = 0;
  while (mailboxes->deliver_heartbeat(0, payload))
    ++taken;
  CHECK(taken == covey::dataplane::kHeartbeatsToControl);
  CHECK(mailboxes->heartbeats_lost() == 1);
  std::vector<std::uint8_t> out;
  std::size_t found = 0;
  while (mailboxes->take_heartbeat(out))
    ++found;
  CHECK(found == taken);
}

TEST_CASE("heartbeats of every worker reach the control thread") {
  const auto mailboxes = make(3);
  CHECK(mailboxes->deliver_heartbeat(2, std::vector<std::uint8_t>{2}));
  CHECK(mailboxes->deliver_heartbeat(0, std::vector<std::uint8_t>{0}));
  std::vector<std::uint8_t> out;
  std::size_t found = 0;
  while (mailboxes->take_heartbeat(out))
    ++found;
  CHECK(found == 2);
}

TEST_CASE("an empty payload is a payload") {
  const auto mailboxes = make(1);
  CHECK(mailboxes->deliver_heartbeat(0, {}));
  std::vector<std::uint8_t> out{1, 2, 3};
  REQUIRE(mailboxes->take_heartbeat(out));
  CHECK(out.empty());
}

TEST_CASE("a heartbeat to the segment rings at the first worker alone") {
  const auto mailboxes = make(2);
  CHECK_FALSE(readable(mailboxes->doorbell(0).fd()));
  CHECK(mailboxes->post_heartbeat(std::vector<std::uint8_t>(10, 1)));
  CHECK(readable(mailboxes->doorbell(0).fd()));
  CHECK_FALSE(readable(mailboxes->doorbell(1).fd()));
  mailboxes->doorbell(0).silence();
  CHECK_FALSE(readable(mailboxes->doorbell(0).fd()));
}

TEST_CASE("wake() makes the descriptor readable until it is cleared") {
  const auto mailboxes = make(1);
  CHECK_FALSE(readable(mailboxes->wake_fd()));
  mailboxes->wake();
  mailboxes->wake();
  CHECK(readable(mailboxes->wake_fd()));
  mailboxes->clear_wake();
  CHECK_FALSE(readable(mailboxes->wake_fd()));
  mailboxes->clear_wake();  // nothing pending: does no harm and does not block
}

TEST_CASE("two threads can pass heartbeats in both directions at once") {
  constexpr unsigned kEach = 20000;
  const auto mailboxes = make(1);
  std::thread worker([&mailboxes] {
    unsigned sent = 0;
    unsigned received = 0;
    Payload payload;
    while (sent < kEach || received < kEach) {
      const std::vector<std::uint8_t> bytes(sent % 200 + 1, static_cast<std::uint8_t>(sent));
      if (sent < kEach && mailboxes->deliver_heartbeat(0, bytes)) ++sent;
      if (mailboxes->next_to_send(payload)) ++received;
    }
  });
  unsigned posted = 0;
  unsigned taken = 0;
  unsigned wrong = 0;
  std::vector<std::uint8_t> out;
  while (posted < kEach || taken < kEach) {
    if (posted < kEach && mailboxes->post_heartbeat(std::vector<std::uint8_t>(100, 1))) ++posted;
    if (!mailboxes->take_heartbeat(out)) continue;
    if (out.size() != taken % 200 + 1 || out.back() != static_cast<std::uint8_t>(taken)) ++wrong;
    ++taken;
  }
  worker.join();
  CHECK(wrong == 0);
}
