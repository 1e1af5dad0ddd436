// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/idle.h"

#include <catch2/catch.hpp>

using covey::dataplane::Idle;
using covey::dataplane::IdlePolicy;

namespace {

constexpr std::int64_t kStart = 1'000'000'000;

}  // namespace

TEST_CASE("a worker that polls never sleeps") {
  IdlePolicy policy(Idle::poll, /*can_be_woken=*/true);
  CHECK(policy.after_look(true, kStart).ns == 0);
  CHECK(policy.after_look(false, kStart + 1'000'000'000).ns == 0);
}

TEST_CASE("a busy worker never sleeps") {
  IdlePolicy policy(Idle::adaptive, /*can_be_woken=*/false);
  for (std::int64_t i = 0; i < 1000; ++i)
    CHECK(policy.after_look(true, kStart + i * 1'000'000).ns == 0);
}

TEST_CASE("a worker polls on for a moment after the last frame") {
  IdlePolicy policy(Idle::adaptive, /*can_be_woken=*/false);
  static_cast<void>(policy.after_look(true, kStart));
  CHECK(policy.after_look(false, kStart + IdlePolicy::kPatience - 1).ns == 0);
  CHECK(policy.after_look(false, kStart + IdlePolicy::kPatience).ns == IdlePolicy::kShortest);
}

TEST_CASE("sleeps double up to the longest, and a lull allows deeper ones") {
  IdlePolicy policy(Idle::adaptive, /*can_be_woken=*/false);
  static_cast<void>(policy.after_look(true, kStart));
  const std::int64_t soon = kStart + IdlePolicy::kPatience;
  std::vector<std::int64_t> sleeps;
  for (int i = 0; i < 7; ++i)
    sleeps.push_back(policy.after_look(false, soon).ns);
  CHECK(sleeps ==
        std::vector<std::int64_t>{10'000, 20'000, 40'000, 80'000, 160'000, 250'000, 250'000});
  const std::int64_t later = kStart + IdlePolicy::kLull;
  CHECK(policy.after_look(false, later).ns == IdlePolicy::kDeepest);
  CHECK(policy.after_look(false, later).ns == IdlePolicy::kDeepest);
}

TEST_CASE("a worker that frames can wake soon waits for them") {
  IdlePolicy policy(Idle::adaptive, /*can_be_woken=*/true);
  static_cast<void>(policy.after_look(true, kStart));
  CHECK(policy.after_look(false, kStart + IdlePolicy::kBriefPatience - 1).ns == 0);
  const IdlePolicy::Pause until_woken{IdlePolicy::kUntilWoken, true};
  CHECK(policy.after_look(false, kStart + IdlePolicy::kBriefPatience) == until_woken);
  CHECK(policy.after_look(false, kStart + IdlePolicy::kLull) == until_woken);
  CHECK(policy.after_look(true, kStart + 1'000'000'000).ns == 0);
}

TEST_CASE("one frame ends the sleeping and starts it from the beginning") {
  IdlePolicy policy(Idle::adaptive, /*can_be_woken=*/false);
  static_cast<void>(policy.after_look(true, kStart));
  for (int i = 0; i < 7; ++i)
    static_cast<void>(policy.after_look(false, kStart + 100'000));
  CHECK(policy.after_look(true, kStart + 200'000).ns == 0);
  CHECK(policy.after_look(false, kStart + 200'001).ns == 0);
  CHECK(policy.after_look(false, kStart + 300'000).ns == IdlePolicy::kShortest);
}
