// SPDX-License-Identifier: BSD-3-Clause
// CapturePage: frames with their bytes, as workers saw and decided them, until the page is turned.
//
// Owner: dataplane. Threads: made by the control thread; while it is part of the newest order of
// the publisher (trace.h), each worker writes on its own shelf; once no worker follows it any more,
// the control thread reads it. Memory is allocated at construction and never grows; what finds no
// room is lost and counted, and nobody waits. The bytes are copied when a frame comes, since nobody
// has them any more when it is decided.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "base/result.h"
#include "dataplane/mailbox.h"
#include "dataplane/trace.h"

namespace covey::dataplane {

struct FilterStep {  // as struct bpf_insn
  std::uint16_t code = 0;
  std::uint8_t if_true = 0;
  std::uint8_t if_false = 0;
  std::uint32_t operand = 0;
};

/// A program of classic BPF. It has no loops, so it ends after as many steps as it has.
class CaptureFilter {
 public:
  static constexpr std::size_t kMaxSteps = 256;
  /// ErrorCode::invalid_argument for what is no sound program. Without steps: takes all.
  [[nodiscard]] static base::Result<CaptureFilter> make(std::vector<FilterStep> steps);
  /// `length`: of the whole frame.
  [[nodiscard]] bool wants(std::span<const std::uint8_t> bytes,
                           std::uint32_t length) const noexcept;

 private:
  explicit CaptureFilter(std::vector<FilterStep> steps) : steps_(std::move(steps)) {}
  std::vector<FilterStep> steps_;
};

class CapturePage {
 public:
  static constexpr std::uint32_t kFrames = 2048;            // of a worker
  static constexpr std::uint32_t kBytes = 2 * 1024 * 1024;  // likewise
  static constexpr std::uint32_t kNoPlace = 0xffffffff;

  CapturePage(std::shared_ptr<const CaptureFilter> filter, unsigned workers);
  CapturePage(const CapturePage&) = delete;
  CapturePage& operator=(const CapturePage&) = delete;

  /// Worker: where a frame is kept that came just now; kNoPlace if it is not wanted or there is no
  /// room.
  [[nodiscard]] std::uint32_t keep(unsigned worker, std::span<const std::uint8_t> bytes,
                                   std::uint32_t length) noexcept;
  /// Worker: that frame is decided. Of what is never finished nothing is shown.
  void finish(std::uint32_t place, TracedFrame&& frame) noexcept;

  struct Captured {
    const TracedFrame* frame = nullptr;
    std::span<const std::uint8_t> bytes;
  };
  /// Control thread, once no worker writes any more: by time.
  [[nodiscard]] std::vector<Captured> frames() const;
  [[nodiscard]] std::uint64_t seen() const;  // with those not wanted
  [[nodiscard]] std::uint64_t lost() const;

 private:
  struct Place {
    TracedFrame frame;  // without a policy: not finished
    std::uint32_t at = 0;
    std::uint32_t length = 0;
  };
  struct alignas(64) Shelf {
    std::vector<Place> places;
    std::unique_ptr<std::uint8_t[]> bytes;
    std::uint32_t used = 0;   // bytes
    std::uint32_t taken = 0;  // places
    std::uint64_t seen = 0;
    std::uint64_t lost = 0;
  };

  std::shared_ptr<const CaptureFilter> filter_;
  std::vector<Shelf> shelves_;  // by worker
};

/// Control thread. One capture is on at a time.
class Captures {
 public:
  Captures(unsigned workers, Traces& traces, Mailboxes& mailboxes)
      : workers_(workers), traces_(traces), mailboxes_(mailboxes) {}

  /// Captures until end(). Refused while another one is on; invalid_argument for a filter that is
  /// no program.
  [[nodiscard]] base::Result<void> begin(std::vector<FilterStep> filter);
  /// While one is on: what was captured since the last time, by Traces::dispatch() soon after.
  void take(Traces::PageCompletion taken);
  /// Nothing if there is none.
  void end();

 private:
  void turn_page(bool goes_on, Traces::PageCompletion turned);

  unsigned workers_;
  Traces& traces_;
  Mailboxes& mailboxes_;
  std::shared_ptr<const CaptureFilter> filter_;
};

}  // namespace covey::dataplane
