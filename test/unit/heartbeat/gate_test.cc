// SPDX-License-Identifier: BSD-3-Clause
#include "heartbeat/gate.h"

#include <catch2/catch.hpp>
#include <chrono>

namespace covey::heartbeat {

namespace {

using namespace std::chrono_literals;
using Verdict = Gate::Verdict;

constexpr base::HostId kTwo{2};
constexpr std::uint64_t kNonce = 222;
constexpr base::TimePoint kStart{1'000'000'000'000};

FragmentHeader said(std::uint32_t sequence, std::uint64_t nonce = kNonce,
                    base::HostId host = kTwo) {
  return {
      .cluster_id = 1, .host = host, .nonce = nonce, .sequence = sequence, .index = 0, .count = 1};
}

Gate gate_with_member() {
  Gate gate;
  gate.bind(kTwo, kNonce);
  gate.opened(kTwo, kNonce, 10);
  return gate;
}

/// How many of `frames`, spread evenly over `span`, are worth a look.
int checked(Gate& gate, int frames, base::Duration span, std::uint64_t nonce) {
  int count = 0;
  for (int i = 0; i < frames; ++i) {
    const auto sequence = static_cast<std::uint32_t>(100 + i);
    count +=
        gate.judge(said(sequence, nonce), kStart + span * i / frames) == Verdict::check ? 1 : 0;
  }
  return count;
}

}  // namespace

TEST_CASE("what a member has said already is not checked again") {
  Gate gate = gate_with_member();
  CHECK(gate.judge(said(9), kStart) == Verdict::replayed);
  CHECK(gate.judge(said(10), kStart) == Verdict::replayed);
  CHECK(gate.judge(said(11), kStart) == Verdict::check);
  CHECK(gate.judge(said(11), kStart) == Verdict::check);  // another fragment, or a forgery
}

TEST_CASE("only a good seal moves a member's sequence, and never back") {
  Gate gate = gate_with_member();
  CHECK(gate.judge(said(4'000'000'000), kStart) == Verdict::check);
  CHECK(gate.judge(said(11), kStart) == Verdict::check);
  gate.opened(kTwo, kNonce, 11);
  gate.opened(kTwo, kNonce, 3);
  CHECK(gate.judge(said(11), kStart) == Verdict::replayed);
}

TEST_CASE("a message of an incarnation nobody is bound to changes nothing for the bound one") {
  Gate gate = gate_with_member();
  gate.opened(kTwo, 999, 5000);
  CHECK(gate.judge(said(11), kStart) == Verdict::check);
  gate.bind(kTwo, 999);
  CHECK(gate.judge(said(1, 999), kStart) == Verdict::check);
}

TEST_CASE("a flood of strangers is looked at a thousand times a second, and members as ever") {
  Gate gate = gate_with_member();
  const int strangers = checked(gate, 500'000, 10s, 333);
  CHECK(strangers >= 10'000);
  CHECK(strangers <= 10'500);
  CHECK(gate.judge(said(11), kStart + 10s) == Verdict::check);
  static_cast<void>(gate.judge(said(11, 333), kStart + 10s));
  CHECK(gate.judge(said(11, 333), kStart + 10s) == Verdict::limited);
  CHECK(gate.judge(said(11, 333), kStart + 11s) == Verdict::check);
}

TEST_CASE("whoever copies what a member says is limited to a slice of a processor") {
  Gate gate = gate_with_member();
  const int copies = checked(gate, 3'000'000, 10s, kNonce);
  CHECK(copies >= 1'000'000);
  CHECK(copies <= 1'020'000);
}

TEST_CASE("nobody is bound to incarnation 0") {
  Gate gate;
  CHECK(checked(gate, 100'000, 1s, 0) < 2000);
}

TEST_CASE("host ids that do not exist are strangers") {
  Gate gate;
  CHECK(gate.judge(said(1, 1, base::HostId{0}), kStart) == Verdict::check);
  CHECK(gate.judge(said(1, 1, base::HostId{65}), kStart) == Verdict::check);
  CHECK(gate.judge(said(1, 0, base::HostId{255}), kStart) == Verdict::check);
}

TEST_CASE("commands have a limit of their own") {
  Gate gate;
  int commands = 0;
  for (int i = 0; i < 10'000; ++i)
    commands += gate.judge_command(kStart) == Verdict::check ? 1 : 0;
  CHECK(commands == 500);
  CHECK(gate.judge(said(1), kStart) == Verdict::check);
}

}  // namespace covey::heartbeat
