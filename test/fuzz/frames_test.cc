// SPDX-License-Identifier: BSD-3-Clause
// A million random and mutated frames through the whole forwarding core, both ways, as a test.
//
// Owner: test/fuzz. Thread: one. Meant for builds with AddressSanitizer and
// UndefinedBehaviorSanitizer; besides what they find it stops where a promise breaks.
// COVEY_FUZZ_FRAMES sets how many frames, COVEY_FUZZ_SEED the seed.
#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "flow/flow_cache.h"
#include "forwarding/decide.h"
#include "forwarding/fragments.h"
#include "packet/headers.h"
#include "packet/reply.h"
#include "support/seed_frames.h"
#include "support/world.h"

namespace {

using namespace covey;
using forwarding::ClusterMode;
using forwarding::IcmpPolicy;
using forwarding::Verdict;
using test::Frame;
using test::World;
using Random = std::mt19937_64;

constexpr std::uint64_t kDefaultFrames = 1'000'000;
constexpr std::uint64_t kDefaultSeed = 20'240'607;

std::uint64_t setting(const char* name, std::uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text != nullptr ? std::strtoull(text, nullptr, 10) : otherwise;
}

std::size_t below(Random& random, std::size_t limit) {
  return random() % limit;
}

std::uint8_t random_byte(Random& random) {
  // Values at the edges of fields turn up far more often than by chance.
  constexpr std::array<std::uint8_t, 8> kEdges = {0, 1, 4, 6, 0x40, 0x7f, 0x80, 0xff};
  return below(random, 2) == 0 ? kEdges[below(random, kEdges.size())]
                               : static_cast<std::uint8_t>(random());
}

void mutate_once(Frame& frame, Random& random) {
  constexpr std::size_t kHeaders = 90;  // where most fields are
  if (frame.empty()) {
    frame.push_back(random_byte(random));
    return;
  }
  const std::size_t at = below(random, std::min(frame.size(), kHeaders));
  const auto place = frame.begin() + static_cast<std::ptrdiff_t>(at);
  switch (below(random, 16)) {
    case 0:
      frame.insert(place, random_byte(random));
      break;
    case 1:
      frame.erase(place);
      break;
    case 2:
      frame.resize(below(random, frame.size() + 1));
      break;
    case 3:
      frame.resize(frame.size() + below(random, 40), random_byte(random));
      break;
    case 4:
    case 5:
    case 6:
      frame[at] = random_byte(random);
      break;
    default:
      frame[at] = static_cast<std::uint8_t>(frame[at] ^ (1U << below(random, 8)));
      break;
  }
}

Frame random_frame(const std::vector<test::SeedFrame>& seeds, Random& random) {
  constexpr std::size_t kMostMutations = 4;
  constexpr std::size_t kLongestNoise = 200;
  if (below(random, 16) == 0) {
    Frame noise(below(random, kLongestNoise));
    for (std::uint8_t& byte : noise)
      byte = random_byte(random);
    return noise;
  }
  Frame frame = seeds[below(random, seeds.size())].frame;
  for (std::size_t i = below(random, kMostMutations + 1); i > 0; --i)
    mutate_once(frame, random);
  return Frame(frame.begin(), frame.end());  // of exact capacity, so that a sanitizer sees its end
}

std::vector<forwarding::Snapshot> snapshots() {
  std::vector<forwarding::Snapshot> all;
  for (const World& world :
       {World(), World().foreign(), World().dirty(), World().stopped(), World().without_rules(),
        World().icmp(IcmpPolicy::all).mode(ClusterMode::multicast),
        World()
            .icmp(IcmpPolicy::drop)
            .mode(ClusterMode::igmp)
            .multicast(forwarding::MulticastPolicy::deliver),
        World().unmasked()}) {
    all.push_back(world.snapshot());
  }
  return all;
}

class Session {
 public:
  Session(std::uint64_t seed)
      : random_(seed),
        flows_({.capacity = 256}, snapshots_.front().policy->classes().class_sizes, seed) {}

  /// False at the first broken promise; `frame_` is then the frame that broke it.
  bool run(std::uint64_t frames) {
    for (std::uint64_t i = 0; i < frames; ++i) {
      now_.ns += 1'000'000;
      frame_ = random_frame(seeds_, random_);
      const forwarding::Snapshot& snapshot = snapshots_[below(random_, snapshots_.size())];
      const bool lease_valid = below(random_, 8) != 0;
      if (!receive(frame_, {snapshot, flows_, lease_valid, &fragments_})) return false;
      if (!send(frame_, {snapshot, flows_, lease_valid})) return false;
      flows_.expire(now_, 2);
      if (!end_waiting()) return false;
    }
    return true;
  }

  void report() const {
    for (std::size_t i = 0; i < verdicts_.size(); ++i) {
      const std::string_view name = forwarding::kVerdictTexts[i].name;
      std::printf("%-22.*s %llu\n", static_cast<int>(name.size()), name.data(),
                  static_cast<unsigned long long>(verdicts_[i]));
    }
  }
  void print_frame() const {
    for (const std::uint8_t byte : frame_)
      std::fprintf(stderr, "%02x", byte);
    std::fprintf(stderr, "\n");
  }

 private:
  bool receive(const Frame& frame, const forwarding::Surroundings& around) {
    const packet::FrameView view = packet::parse(frame);
    const forwarding::Decision decision = forwarding::decide(frame, view, around);
    count(decision.verdict);
    if (decision.verdict >= Verdict::send_uplink) return false;
    if (!bucket_exists(decision, around)) return false;
    forwarding::note_received(view, decision, flows_, now_);
    if (!follow_fragment(view, decision)) return false;
    if (!reply(frame, view, decision.verdict)) return false;
    return !forwarding::is_delivery(decision.verdict) ||
           delivered_right(frame, view, *around.snapshot.policy);
  }

  bool send(const Frame& frame, const forwarding::Surroundings& around) {
    const packet::FrameView view = packet::parse(frame);
    const forwarding::Decision decision = forwarding::decide_egress(frame, view, around);
    count(decision.verdict);
    if (!bucket_exists(decision, around)) return false;
    forwarding::note_sent(view, decision, flows_, now_);
    return sent_right(frame, view, *around.snapshot.policy);
  }

  // Each slot is in use once, from park() until it is ready or its time is up.
  bool follow_fragment(const packet::FrameView& view, const forwarding::Decision& decision) {
    fragments_.learn(view, decision, now_);
    if (decision.verdict != Verdict::drop_fragment_unknown) return true;
    const auto slot = fragments_.park(view, now_);
    return !slot || !std::exchange(parked_.at(*slot), true);
  }
  bool end_waiting() {
    bool all_were_parked = true;
    while (const auto slot = fragments_.take_ready())
      all_were_parked = std::exchange(parked_.at(*slot), false) && all_were_parked;
    for (const forwarding::Fragments::Slot slot : fragments_.expire(now_))
      all_were_parked = std::exchange(parked_.at(slot), false) && all_were_parked;
    return all_were_parked;
  }

  static bool bucket_exists(const forwarding::Decision& decision,
                            const forwarding::Surroundings& around) {
    const auto& classes = around.snapshot.buckets.classes;
    return !decision.has_bucket ||
           (decision.map_class.value < classes.size() &&
            decision.bucket.value <= classes[decision.map_class.value].mask);
  }

  static bool reply(const Frame& frame, const packet::FrameView& view, Verdict verdict) {
    const packet::ReplyMacs macs{test::kHostMac, test::kClusterMac};
    std::vector<std::uint8_t> out(96);
    const std::size_t arp = packet::build_arp_reply(frame, view, macs, out);
    if (arp != 0 && !answer_right(frame, {out.data(), arp})) return false;
    const std::size_t nd = packet::build_neighbor_advertisement(frame, view, macs, out);
    if (nd != 0 && !answer_right(frame, {out.data(), nd})) return false;
    // A verdict to answer what cannot be answered happens (a group address as asker), the reverse
    // must not.
    return (verdict != Verdict::reply_arp || nd == 0) && (verdict != Verdict::reply_nd || arp == 0);
  }

  static bool answer_right(const Frame& request, std::span<const std::uint8_t> answer) {
    const packet::FrameView view = packet::parse(answer);
    return view.status == packet::ParseStatus::ok && packet::source_mac(answer) == test::kHostMac &&
           view.has_vlan == packet::parse(request).has_vlan &&
           test::checksums_are_right(Frame(answer.begin(), answer.end()));
  }

  static bool delivered_right(Frame frame, const packet::FrameView& view,
                              const forwarding::Policy& policy) {
    forwarding::rewrite_for_delivery(frame, view, policy);
    const base::MacAddress destination = packet::destination_mac(frame);
    return packet::parse(frame).key == view.key &&
           (destination == test::kStackMac || destination.is_multicast());
  }

  static bool sent_right(Frame frame, const packet::FrameView& view,
                         const forwarding::Policy& policy) {
    const bool masks = policy.settings().mask_source_mac;
    forwarding::rewrite_for_uplink(frame, view, policy);
    if (frame.size() < packet::kEthernetHeader) return true;
    const base::MacAddress source = packet::source_mac(frame);
    return packet::parse(frame).key == view.key && !source.is_multicast() &&
           (!masks || source == policy.host_mac());
  }

  void count(Verdict verdict) { ++verdicts_[static_cast<std::size_t>(verdict)]; }

  std::vector<test::SeedFrame> seeds_ = test::seed_frames();
  std::vector<forwarding::Snapshot> snapshots_ = snapshots();
  Random random_;
  flow::FlowCache flows_;
  forwarding::Fragments fragments_{kDefaultSeed};
  std::array<bool, forwarding::Fragments::kParkingSlots> parked_{};
  base::TimePoint now_{};
  Frame frame_;
  std::array<std::uint64_t, forwarding::kVerdictCount> verdicts_{};
};

}  // namespace

int main() {
  const std::uint64_t frames = setting("COVEY_FUZZ_FRAMES", kDefaultFrames);
  const std::uint64_t seed = setting("COVEY_FUZZ_SEED", kDefaultSeed);
  std::printf("COVEY_FUZZ_FRAMES=%llu COVEY_FUZZ_SEED=%llu\n",
              static_cast<unsigned long long>(frames), static_cast<unsigned long long>(seed));
  std::fflush(stdout);
  Session session(seed);
  if (!session.run(frames)) {
    std::fprintf(stderr, "a promise broke on this frame:\n");
    session.print_frame();
    return 1;
  }
  session.report();
  return 0;
}
