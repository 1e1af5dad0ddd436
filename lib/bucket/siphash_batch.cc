// SPDX-License-Identifier: BSD-3-Clause
#include "bucket/siphash_batch.h"

#include "bucket/siphash_lanes.h"

namespace covey::bucket {
namespace {

void hash_one_by_one(const SipKey& key, const HashInputs& inputs, HashOutputs& outputs) noexcept {
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const HashWords words{inputs.first()[i], inputs.second()[i], inputs.third()[i],
                          static_cast<std::uint32_t>(inputs.counts()[i])};
    outputs.hashes[i] = siphash13_words(key, words);
  }
}

void contest_one_by_one(const SipKey& key, const HashContest& contest,
                        HashWinners& winners) noexcept {
  for (std::size_t i = 0; i < contest.size; ++i) {
    std::uint64_t highest = 0;
    winners.rivals[i] = 0;
    for (std::size_t rival = 0; rival < contest.rival_count; ++rival) {
      const std::uint64_t word = contest.messages[i] | contest.rivals[rival];
      const std::uint64_t hash = siphash13_words(key, {.first = word, .count = 1});
      if (hash <= highest) continue;
      highest = hash;
      winners.rivals[i] = rival;
    }
  }
}

#ifdef COVEY_HAVE_X86_LANES
template <void (*hash)(std::uint64_t, std::uint64_t, const lanes::Columns&) noexcept>
void in_lanes(const SipKey& key, const HashInputs& inputs, HashOutputs& outputs) noexcept {
  hash(key.k0, key.k1,
       {inputs.first(), inputs.second(), inputs.third(), inputs.counts(), inputs.size(),
        inputs.least(), inputs.most(), outputs.hashes.data()});
}

template <void (*hold)(std::uint64_t, std::uint64_t, const lanes::Contest&) noexcept>
void contest_in_lanes(const SipKey& key, const HashContest& contest,
                      HashWinners& winners) noexcept {
  hold(key.k0, key.k1,
       {contest.messages.data(), contest.size, contest.rivals.data(), contest.rival_count,
        winners.rivals.data()});
}

constexpr std::array kVariants = {
    HashVariant{"avx512", in_lanes<lanes::hash_avx512>, contest_in_lanes<lanes::contest_avx512>},
    HashVariant{"avx2", in_lanes<lanes::hash_avx2>, contest_in_lanes<lanes::contest_avx2>},
    HashVariant{"scalar", hash_one_by_one, contest_one_by_one},
};

std::size_t first_supported() noexcept {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512vl")) return 0;
  return __builtin_cpu_supports("avx2") ? 1 : 2;
}
#else
constexpr std::array kVariants = {HashVariant{"scalar", hash_one_by_one, contest_one_by_one}};

std::size_t first_supported() noexcept {
  return 0;
}
#endif

const std::size_t kChosen = first_supported();

}  // namespace

void siphash13_batch(const SipKey& key, const HashInputs& inputs, HashOutputs& outputs) noexcept {
  kVariants[kChosen].hash(key, inputs, outputs);
}

void siphash13_contest(const SipKey& key, const HashContest& contest,
                       HashWinners& winners) noexcept {
  kVariants[kChosen].contest(key, contest, winners);
}

std::span<const HashVariant> hash_variants() noexcept {
  return std::span(kVariants).subspan(kChosen);
}

}  // namespace covey::bucket
