// SPDX-License-Identifier: BSD-3-Clause
// Capture: packets of the data plane as a stream of pcapng, each with its verdict as a comment.
//
// Owner: control; made by DaemonService, held by the session that sends it. Thread: the control
// thread. Packets are put into words a few at a time, so that nothing else waits for long.
#pragma once

#include <memory>
#include <string>

#include "control/api_service.h"
#include "control/ports.h"
#include "control/wall_clock.h"

namespace covey::control {

class Capture final : public CaptureStream {
 public:
  /// A capture that the data plane has begun.
  Capture(DataPlaneView& view, const api::CaptureRequest& request, std::string interface);
  ~Capture() override { view_.end_capture(); }
  Capture(const Capture&) = delete;
  Capture& operator=(const Capture&) = delete;

  [[nodiscard]] std::string head() override;
  void ask(std::function<void()> ready) override;
  [[nodiscard]] bool append_some(std::string& out) override;
  [[nodiscard]] bool is_over() const override;
  [[nodiscard]] std::string tail() override;

 private:
  struct Arrival {
    std::shared_ptr<const CapturedPart> part;
  };
  [[nodiscard]] std::int64_t now_ns();

  DataPlaneView& view_;
  const std::string interface_;
  WallClock clock_;
  std::uint64_t left_;  // packets
  base::TimePoint until_;
  std::shared_ptr<Arrival> arrival_ = std::make_shared<Arrival>();  // asked for weakly
  std::size_t next_ = 0;                                            // packet of it
  api::CaptureCounts counts_;
};

/// "deliver_owned rule=web bucket=1234 owner=1: bucket 1234 of rule web belongs to this host"
[[nodiscard]] std::string comment_of(const api::TraceRow& row);

}  // namespace covey::control
