// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/evidence.h"

#include <catch2/catch.hpp>

#include "convergence/send_log.h"

namespace covey::convergence {

namespace {

using base::HostId;
using base::HostSet;
using base::TimePoint;
using namespace std::chrono_literals;

constexpr HostId kSelf{1};
constexpr HostId kOther{2};
constexpr TimePoint kStart{1'000'000'000};

TimePoint outside_until(const Evidence& evidence, HostSet members = {}, std::uint64_t nonce = 0) {
  std::array<std::uint64_t, base::kMaxHosts + 1> nonces{};
  nonces[kOther.value] = nonce;
  return evidence.outside_until(kSelf, members, nonces, 1s);
}

}  // namespace

TEST_CASE("an unknown host outside may be serving for no time") {
  CHECK(outside_until(Evidence{}) == TimePoint::distant_past());
}

TEST_CASE("a host outside may serve for a lease from its newest message") {
  Evidence evidence;
  evidence.heard(kOther, 7, 1, kStart, kStart);
  evidence.heard(kOther, 7, 2, kStart + 100ms, kStart + 100ms);
  CHECK(outside_until(evidence) == kStart + 1100ms);
}

TEST_CASE("a report of an older message changes nothing") {
  Evidence evidence;
  evidence.heard(kOther, 7, 2, kStart, kStart);
  evidence.heard(kOther, 7, 1, kStart + 5s, kStart + 5s);
  CHECK(outside_until(evidence) == kStart + 1s);
}

TEST_CASE("of reports of one message the earliest counts") {
  Evidence evidence;
  evidence.heard(kOther, 7, 2, kStart + 30ms, kStart + 30ms);
  evidence.heard(kOther, 7, 2, kStart, kStart + 40ms);
  CHECK(outside_until(evidence) == kStart + 1s);
}

TEST_CASE("a host that left or serves nothing is not waited for, until it serves again") {
  Evidence evidence;
  evidence.heard(kOther, 7, 2, kStart, kStart);
  evidence.set_harmless(kOther, 7, 2, true);
  CHECK(outside_until(evidence) == TimePoint::distant_past());
  evidence.set_harmless(kOther, 7, 3, false);
  CHECK(outside_until(evidence) == kStart + 1s);
}

TEST_CASE("that a host serves nothing is not known of a newer message that others have heard") {
  Evidence evidence;
  evidence.heard(kOther, 7, 2, kStart, kStart);
  evidence.set_harmless(kOther, 7, 3, true);
  evidence.heard(kOther, 7, 3, kStart + 100ms, kStart + 100ms);
  CHECK(outside_until(evidence) == TimePoint::distant_past());
  evidence.heard(kOther, 7, 4, kStart + 200ms, kStart + 300ms);
  CHECK(outside_until(evidence) == kStart + 1200ms);
}

TEST_CASE("a member is not outside but its former incarnation is") {
  Evidence evidence;
  evidence.heard(kOther, 7, 2, kStart, kStart);
  HostSet members;
  members.insert(kOther);
  CHECK(outside_until(evidence, members, 7) == TimePoint::distant_past());
  CHECK(outside_until(evidence, members, 8) == kStart + 1s);
}

TEST_CASE("what others say about this host is no evidence against it") {
  Evidence evidence;
  evidence.heard(kSelf, 7, 2, kStart, kStart);
  CHECK(outside_until(evidence) == TimePoint::distant_past());
}

TEST_CASE("evidence is forgotten when nobody reports it any more") {
  Evidence evidence;
  evidence.heard(kOther, 7, 2, kStart, kStart);
  evidence.heard(kOther, 7, 2, kStart, kStart + 2s);
  evidence.forget(kStart + 4s, 3s);
  CHECK(outside_until(evidence) == kStart + 1s);
  evidence.forget(kStart + 6s, 3s);
  CHECK(outside_until(evidence) == TimePoint::distant_past());
}

TEST_CASE("an acknowledgement becomes the time of sending") {
  SendLog log(kSelf, 1);
  CHECK_FALSE(log.sent_at(0).has_value());
  CHECK_FALSE(log.sent_at(1).has_value());
  CHECK(log.append(kStart) == 1);
  CHECK(log.append(kStart + 1s) == 2);
  CHECK(log.sent_at(1) == kStart);
  CHECK(log.sent_at(2) == kStart + 1s);
  CHECK_FALSE(log.sent_at(3).has_value());  // never sent: a lie
}

TEST_CASE("an acknowledgement of a message long gone counts as none") {
  SendLog log(kSelf, 1);
  for (std::uint32_t i = 0; i <= SendLog::kRemembered; ++i)
    log.append(kStart);
  CHECK_FALSE(log.sent_at(1).has_value());
  CHECK(log.sent_at(2).has_value());
}

}  // namespace covey::convergence
