// SPDX-License-Identifier: BSD-3-Clause
// ModelDatagrams: clients and a service that exchange datagrams, with `flows.udp_track`.
//
// Owner: test/unit/forwarding. Thread: one. Besides the verdicts of the reference this must hold:
//
//   one stack      no datagram reaches the stacks of two hosts, be it sent on and late
//   one host       a conversation that was answered by the host whose bucket it was is held by that
//                  host alone, and all its datagrams go there, until it was silent for kUdpIdle
//   nobody waits   where one host alone holds others, what begins a conversation reaches the owner
//
// The service answers at once or later, but not after kUdpIdle, or after its bucket went to another
// host and came back: then another host may hold the conversation by now.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "model_buckets.h"
#include "model_checks.h"
#include "support/frames.h"

namespace covey::test {

class ModelDatagrams {
 public:
  ModelDatagrams(std::vector<ModelHost>& hosts, const ModelBuckets& buckets, Random& random,
                 ModelCounts& counts);

  void client_speaks(base::TimePoint now);
  /// What was not answered at once, of one client.
  void service_catches_up(base::TimePoint now);
  void error_arrives(base::TimePoint now);
  /// What hosts have sent on may arrive.
  void pass_on(base::TimePoint now);
  void note_death(std::size_t host);
  void note_rules();

 private:
  static constexpr std::size_t kHosts = ModelBuckets::kHosts;
  static constexpr std::size_t kNone = ModelBuckets::kNone;
  static constexpr unsigned kTalkers = 120;

  struct Owed {
    unsigned answers = 0;
    std::uint64_t term = 0;  // of the bucket when they were asked for
    base::TimePoint since;
  };
  struct Talker {
    std::string address;
    std::string virtual_ip;
    packet::FlowKey key;
    std::size_t home = kNone;  // holds the conversation
    base::TimePoint heard;     // when a datagram of it passed home last
    std::array<Owed, kHosts> owed{};
  };
  struct SentOn {
    Frame frame;
    Talker* talker = nullptr;
    std::shared_ptr<std::size_t> reached;  // whose stack has this very datagram, if one
    bool must_arrive = false;
    std::uint64_t generation = 0;
    std::uint64_t term = 0;
  };

  [[nodiscard]] static Talker make_talker(unsigned number);
  [[nodiscard]] Talker& somebody();
  [[nodiscard]] Frame answer_to(const Talker& talker) const;
  bool chance(std::uint64_t one_in) { return random_() % one_in == 0; }
  forwarding::Decision receive(std::size_t at, Talker& talker, const Frame& frame, bool sent_on,
                               base::TimePoint now);
  void deliver(std::size_t at, Talker& talker, std::size_t& reached, base::TimePoint now);
  void arrive(const SentOn& copy, base::TimePoint now);
  void answer(std::size_t at, Talker& talker, base::TimePoint now);
  [[nodiscard]] bool is_alive(const Talker& talker, base::TimePoint now) const {
    return talker.home != kNone && now - talker.heard < ModelHost::kUdpIdle;
  }
  /// By what all hosts hold, and have been told.
  [[nodiscard]] bool must_be_served(const Talker& talker);

  std::vector<ModelHost>& hosts_;
  const ModelBuckets& buckets_;
  Random& random_;
  ModelCounts& counts_;
  std::vector<Talker> talkers_;
  std::vector<SentOn> wire_;
};

}  // namespace covey::test
