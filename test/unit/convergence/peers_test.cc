// SPDX-License-Identifier: BSD-3-Clause
#include "convergence/peers.h"

#include <catch2/catch.hpp>

#include "convergence/digest.h"
#include "convergence/evidence.h"

namespace covey::convergence {

namespace {

using base::HostId;
using base::TimePoint;
using heartbeat::Message;
using heartbeat::Phase;
using namespace std::chrono_literals;

constexpr HostId kSelf{1};
constexpr HostId kPeer{2};
constexpr std::uint64_t kOwnNonce = 0x1111;
constexpr TimePoint kStart{1'000'000'000};

/// T = 100 ms, K = 3; this host has sent one message at kStart.
struct Scene {
  Scene() : timing{.interval = 100ms, .tolerance = 3}, sent(kSelf, kOwnNonce) {
    sent.append(kStart);
  }
  Message message(std::uint64_t nonce, std::uint32_t sequence) const {
    Message message;
    message.host = kPeer;
    message.nonce = nonce;
    message.sequence = sequence;
    message.phase = Phase::stable;
    message.config_digest = 5;
    message.classes.resize(1);
    message.claims.emplace_back(8);
    message.claims_digest = digest_of(message.claims);
    message.acknowledgements = {
        {.host = kSelf, .nonce_low = nonce_low(kOwnNonce), .sequence = 1, .age_ms = 0}};
    return message;
  }
  Hearing hear(base::Duration after, const Message& message) {
    return peers.hear(kStart + after, message, sent);
  }
  const Peer& peer() const { return peers.at(kPeer); }

  Timing timing;
  SendLog sent;
  PeerTable peers{Timing{.interval = 100ms, .tolerance = 3},
                  {Shape{.digest = 5, .class_buckets = {8}, .residual_buckets = 8}}};
};

}  // namespace

TEST_CASE("an edge needs an acknowledgement of this very start") {
  Scene scene;
  Message message = scene.message(7, 1);
  message.acknowledgements.clear();
  scene.hear(1ms, message);
  CHECK_FALSE(scene.peer().edge);
  message = scene.message(7, 2);
  message.acknowledgements[0].nonce_low = 0x2222;  // of an earlier start
  scene.hear(2ms, message);
  CHECK_FALSE(scene.peer().edge);
  message = scene.message(7, 3);
  message.acknowledgements[0].sequence = 99;  // never sent
  scene.hear(3ms, message);
  CHECK_FALSE(scene.peer().edge);
  scene.hear(4ms, scene.message(7, 4));
  CHECK(scene.peer().edge);
}

TEST_CASE("a repeated or older message is ignored") {
  Scene scene;
  CHECK(scene.hear(1ms, scene.message(7, 5)) == Hearing::rebound);
  CHECK(scene.hear(2ms, scene.message(7, 5)) == Hearing::ignored);
  CHECK(scene.hear(3ms, scene.message(7, 4)) == Hearing::ignored);
  CHECK(scene.peer().last_heard == kStart + 1ms);
  CHECK(scene.hear(4ms, scene.message(7, 6)) == Hearing::news);
}

TEST_CASE("only judge finds silence, after K intervals without a message") {
  Scene scene;
  scene.hear(0ms, scene.message(7, 1));
  CHECK(scene.peers.judge(kStart + 299ms, 300ms).empty());
  CHECK(scene.peer().edge);
  CHECK(scene.peers.judge(kStart + 300ms, 300ms).contains(kPeer));
  CHECK(scene.peer().silent);
  CHECK_FALSE(scene.peer().edge);
  CHECK(scene.peers.judge(kStart + 400ms, 300ms).empty());  // told once
}

TEST_CASE("an edge is lost when acknowledgements stop though messages go on") {
  Scene scene;
  for (std::uint32_t i = 1; i <= 5; ++i) {
    scene.hear(std::chrono::milliseconds(i * 90), scene.message(7, i));
  }
  scene.peers.judge(kStart + 399ms, 300ms);
  CHECK(scene.peer().edge);
  scene.peers.judge(kStart + 400ms, 300ms);  // D + T after the sending of what it acknowledges
  CHECK_FALSE(scene.peer().silent);
  CHECK_FALSE(scene.peer().edge);
}

TEST_CASE("after an own stall nobody is blamed for what this host did not hear") {
  Scene scene;
  scene.hear(0ms, scene.message(7, 1));
  scene.peers.restart_timers(kStart + 10s);
  CHECK(scene.peers.judge(kStart + 10s + 299ms, 300ms).empty());
  CHECK(scene.peer().edge);
  CHECK(scene.peers.judge(kStart + 10s + 300ms, 300ms).contains(kPeer));
}

TEST_CASE("a restarted host takes its id over when the predecessor has fallen silent") {
  Scene scene;
  scene.hear(0ms, scene.message(7, 100));
  CHECK(scene.hear(200ms, scene.message(8, 1)) == Hearing::ignored);
  CHECK(scene.peer().nonce == 7);
  CHECK(scene.hear(250ms, scene.message(8, 2)) == Hearing::rebound);
  CHECK(scene.peer().nonce == 8);
  CHECK(scene.hear(260ms, scene.message(7, 101)) == Hearing::ignored);  // never again
}

TEST_CASE("a restarted host takes its id over at once when the predecessor left") {
  Scene scene;
  scene.hear(0ms, scene.message(7, 100));
  Message leave = scene.message(7, 101);
  leave.phase = Phase::leave;
  scene.hear(1ms, leave);
  CHECK(scene.peer().left);
  CHECK(scene.hear(2ms, scene.message(8, 1)) == Hearing::rebound);
}

TEST_CASE("a recording of an old start cannot take an id over") {
  Scene scene;
  scene.hear(0ms, scene.message(7, 100));
  scene.peers.judge(kStart + 1s, 300ms);
  Message recorded = scene.message(6, 50);
  recorded.acknowledgements[0].nonce_low = 0x2222;  // it knows a former start of this host
  CHECK(scene.hear(1s, recorded) == Hearing::ignored);
  CHECK(scene.peer().nonce == 7);
}

TEST_CASE("an incarnation that was replaced comes back only with something new to say") {
  Scene scene;
  scene.hear(0ms, scene.message(7, 100));
  CHECK(scene.hear(250ms, scene.message(8, 1)) == Hearing::rebound);
  scene.peers.judge(kStart + 1s, 300ms);
  CHECK(scene.hear(1s, scene.message(7, 100)) == Hearing::ignored);  // a recording
  CHECK(scene.hear(1s, scene.message(7, 101)) == Hearing::rebound);
  CHECK(scene.hear(1s, scene.message(8, 1)) == Hearing::ignored);
}

TEST_CASE("a candidate is acknowledged once nobody needs our word on the bound incarnation") {
  Scene scene;
  scene.hear(0ms, scene.message(7, 100));
  Message stranger = scene.message(8, 1);
  stranger.acknowledgements.clear();  // bound to a former start of ours, as we are to one of its
  scene.hear(400ms, stranger);
  CHECK(scene.peer().acknowledged(kStart + 400ms, 450ms).nonce == 7);
  CHECK(scene.peer().acknowledged(kStart + 451ms, 450ms).nonce == 8);
  CHECK(scene.peer().acknowledged(kStart + 451ms, 450ms).sequence == 1);
}

TEST_CASE("a candidate is acknowledged at once if the bound incarnation is a refused namesake") {
  Scene scene;
  Message refused = scene.message(7, 1);
  refused.phase = Phase::refused;
  scene.hear(0ms, refused);
  Message incumbent = scene.message(8, 50);
  incumbent.acknowledgements.clear();
  CHECK(scene.hear(10ms, incumbent) == Hearing::ignored);
  CHECK(scene.peer().acknowledged(kStart + 10ms, 450ms).nonce == 8);
  CHECK(scene.hear(20ms, scene.message(8, 51)) == Hearing::rebound);
  CHECK(scene.hear(30ms, refused) == Hearing::ignored);
}

TEST_CASE("two living hosts with one id are reported once") {
  Scene scene;
  int reports = 0;
  for (std::uint32_t i = 1; i <= 20; ++i) {
    const base::Duration at = std::chrono::milliseconds(i * 50);
    if (scene.hear(at, scene.message(7, i)) == Hearing::duplicate) ++reports;
    if (scene.hear(at + 10ms, scene.message(8, i)) == Hearing::duplicate) ++reports;
  }
  CHECK(reports == 1);
  CHECK(scene.peer().nonce == 7);
}

TEST_CASE("a host with another configuration or other classes is no partner") {
  Scene scene;
  Message other = scene.message(7, 1);
  other.config_digest = 6;
  scene.hear(1ms, other);
  CHECK(scene.peer().mismatched);
  CHECK_FALSE(scene.peer().edge);
  other = scene.message(7, 2);
  other.claims = {bucket::Bitmap(16)};
  scene.hear(2ms, other);
  CHECK(scene.peer().mismatched);
  other = scene.message(7, 3);
  other.classes.resize(2);
  scene.hear(3ms, other);
  CHECK(scene.peer().mismatched);
  other = scene.message(7, 4);
  other.residual = bucket::Bitmap(4);
  scene.hear(4ms, other);
  CHECK(scene.peer().mismatched);
  scene.hear(5ms, scene.message(7, 5));
  CHECK_FALSE(scene.peer().mismatched);
}

TEST_CASE("claims are known while the digest names the bitmaps that came last") {
  Scene scene;
  scene.hear(1ms, scene.message(7, 1));
  CHECK(scene.peer().claims_known);
  Message digest_only = scene.message(7, 2);
  digest_only.claims.clear();
  scene.hear(2ms, digest_only);
  CHECK(scene.peer().claims_known);
  digest_only.sequence = 3;
  digest_only.claims_digest ^= 1;
  scene.hear(3ms, digest_only);
  CHECK_FALSE(scene.peer().claims_known);
}

TEST_CASE("bitmaps that do not match their own digest are not believed") {
  Scene scene;
  Message wrong = scene.message(7, 1);
  wrong.claims_digest ^= 1;
  scene.hear(1ms, wrong);
  CHECK_FALSE(scene.peer().claims_known);
}

}  // namespace covey::convergence
