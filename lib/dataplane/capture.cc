// SPDX-License-Identifier: BSD-3-Clause
#include "dataplane/capture.h"

#include <pcap/bpf.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstring>
#include <utility>

#include "base/assert.h"

namespace covey::dataplane {
namespace {

static_assert(sizeof(FilterStep) == sizeof(bpf_insn));
static_assert(offsetof(FilterStep, code) == offsetof(bpf_insn, code));
static_assert(offsetof(FilterStep, if_true) == offsetof(bpf_insn, jt));
static_assert(offsetof(FilterStep, if_false) == offsetof(bpf_insn, jf));
static_assert(offsetof(FilterStep, operand) == offsetof(bpf_insn, k));

/// All that the interpreter knows: it gives up the whole process on any other, and libpcap's own
/// check lets some of them pass.
constexpr std::array<std::uint16_t, 47> kCodes = {
    BPF_RET | BPF_K,
    BPF_RET | BPF_A,
    BPF_LD | BPF_W | BPF_ABS,
    BPF_LD | BPF_H | BPF_ABS,
    BPF_LD | BPF_B | BPF_ABS,
    BPF_LD | BPF_W | BPF_LEN,
    BPF_LDX | BPF_W | BPF_LEN,
    BPF_LD | BPF_W | BPF_IND,
    BPF_LD | BPF_H | BPF_IND,
    BPF_LD | BPF_B | BPF_IND,
    BPF_LDX | BPF_MSH | BPF_B,
    BPF_LD | BPF_IMM,
    BPF_LDX | BPF_IMM,
    BPF_LD | BPF_MEM,
    BPF_LDX | BPF_MEM,
    BPF_ST,
    BPF_STX,
    BPF_JMP | BPF_JA,
    BPF_JMP | BPF_JGT | BPF_K,
    BPF_JMP | BPF_JGE | BPF_K,
    BPF_JMP | BPF_JEQ | BPF_K,
    BPF_JMP | BPF_JSET | BPF_K,
    BPF_JMP | BPF_JGT | BPF_X,
    BPF_JMP | BPF_JGE | BPF_X,
    BPF_JMP | BPF_JEQ | BPF_X,
    BPF_JMP | BPF_JSET | BPF_X,
    BPF_ALU | BPF_ADD | BPF_X,
    BPF_ALU | BPF_SUB | BPF_X,
    BPF_ALU | BPF_MUL | BPF_X,
    BPF_ALU | BPF_DIV | BPF_X,
    BPF_ALU | BPF_MOD | BPF_X,
    BPF_ALU | BPF_AND | BPF_X,
    BPF_ALU | BPF_OR | BPF_X,
    BPF_ALU | BPF_XOR | BPF_X,
    BPF_ALU | BPF_ADD | BPF_K,
    BPF_ALU | BPF_SUB | BPF_K,
    BPF_ALU | BPF_MUL | BPF_K,
    BPF_ALU | BPF_DIV | BPF_K,
    BPF_ALU | BPF_MOD | BPF_K,
    BPF_ALU | BPF_AND | BPF_K,
    BPF_ALU | BPF_OR | BPF_K,
    BPF_ALU | BPF_XOR | BPF_K,
    BPF_ALU | BPF_NEG,
    BPF_MISC | BPF_TAX,
    BPF_MISC | BPF_TXA,
    BPF_ALU | BPF_LSH | BPF_X,
    BPF_ALU | BPF_RSH | BPF_X,
};
constexpr std::array<std::uint16_t, 2> kShiftsByNumber = {BPF_ALU | BPF_LSH | BPF_K,
                                                          BPF_ALU | BPF_RSH | BPF_K};

bool is_known(const FilterStep& step) {
  constexpr std::uint32_t kBits = 32;
  return std::ranges::find(kCodes, step.code) != kCodes.end() ||
         (std::ranges::find(kShiftsByNumber, step.code) != kShiftsByNumber.end() &&
          step.operand < kBits);
}

const bpf_insn* program(const std::vector<FilterStep>& steps) {
  return static_cast<const bpf_insn*>(static_cast<const void*>(steps.data()));
}

}  // namespace

base::Result<CaptureFilter> CaptureFilter::make(std::vector<FilterStep> steps) {
  const bool is_sound =
      steps.empty() || (steps.size() <= kMaxSteps && std::ranges::all_of(steps, is_known) &&
                        ::bpf_validate(program(steps), static_cast<int>(steps.size())) != 0);
  if (is_sound) return CaptureFilter(std::move(steps));
  return base::fail(base::ErrorCode::invalid_argument, "filter: not a sound program of BPF");
}

bool CaptureFilter::wants(std::span<const std::uint8_t> bytes,
                          std::uint32_t length) const noexcept {
  return steps_.empty() ||
         ::bpf_filter(program(steps_), bytes.data(), length, static_cast<u_int>(bytes.size())) != 0;
}

CapturePage::CapturePage(std::shared_ptr<const CaptureFilter> filter, unsigned workers)
    : filter_(std::move(filter)), shelves_(workers) {
  for (Shelf& shelf : shelves_) {
    shelf.places.resize(kFrames);
    // Not written yet: most pages stay nearly empty.
    shelf.bytes = std::make_unique_for_overwrite<std::uint8_t[]>(kBytes);
  }
}

std::uint32_t CapturePage::keep(unsigned worker, std::span<const std::uint8_t> bytes,
                                std::uint32_t length) noexcept {
  Shelf& shelf = shelves_[worker];
  ++shelf.seen;
  if (!filter_->wants(bytes, length)) return kNoPlace;
  if (shelf.taken == kFrames || kBytes - shelf.used < bytes.size()) {
    ++shelf.lost;
    return kNoPlace;
  }
  Place& place = shelf.places[shelf.taken];
  place.at = shelf.used;
  place.length = static_cast<std::uint32_t>(bytes.size());
  std::memcpy(shelf.bytes.get() + shelf.used, bytes.data(), bytes.size());
  shelf.used += place.length;
  return shelf.taken++;
}

void CapturePage::finish(std::uint32_t place, TracedFrame&& frame) noexcept {
  if (place == kNoPlace) return;
  Shelf& shelf = shelves_[frame.worker];
  shelf.places[place].frame = std::move(frame);
}

std::vector<CapturePage::Captured> CapturePage::frames() const {
  std::vector<Captured> all;
  for (const Shelf& shelf : shelves_) {
    for (std::uint32_t i = 0; i < shelf.taken; ++i) {
      const Place& place = shelf.places[i];
      if (place.frame.policy == nullptr) continue;
      all.push_back({&place.frame, {shelf.bytes.get() + place.at, place.length}});
    }
  }
  std::ranges::stable_sort(all, {}, [](const Captured& it) { return it.frame->when.ns; });
  return all;
}

std::uint64_t CapturePage::seen() const {
  std::uint64_t frames = 0;
  for (const Shelf& shelf : shelves_)
    frames += shelf.seen;
  return frames;
}

std::uint64_t CapturePage::lost() const {
  std::uint64_t frames = 0;
  for (const Shelf& shelf : shelves_)
    frames += shelf.lost;
  return frames;
}

base::Result<void> Captures::begin(std::vector<FilterStep> filter) {
  if (traces_.is_capturing())
    return base::fail(base::ErrorCode::refused, "another capture is on; one at a time");
  auto program = CaptureFilter::make(std::move(filter));
  if (!program) return std::unexpected(program.error());
  filter_ = std::make_shared<const CaptureFilter>(std::move(*program));
  turn_page(/*goes_on=*/true, [](const auto&) {});
  return {};
}

void Captures::take(Traces::PageCompletion taken) {
  COVEY_ASSERT(traces_.is_capturing());
  turn_page(/*goes_on=*/true, std::move(taken));
}

void Captures::end() {
  if (traces_.is_capturing()) turn_page(/*goes_on=*/false, [](const auto&) {});
}

void Captures::turn_page(bool goes_on, Traces::PageCompletion turned) {
  std::shared_ptr<CapturePage> next;
  if (goes_on) next = std::make_shared<CapturePage>(filter_, workers_);
  traces_.turn_page(std::move(next), std::move(turned));
  mailboxes_.wake();  // also if no worker runs that would
}

}  // namespace covey::dataplane
