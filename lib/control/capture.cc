// SPDX-License-Identifier: BSD-3-Clause
#include "control/capture.h"

#include <utility>

namespace covey::control {
namespace {

constexpr std::size_t kAtOnce = 64;  // packets put into words: some hundred microseconds

}  // namespace

std::string comment_of(const api::TraceRow& row) {
  std::string comment = row.verdict;
  if (!row.rule.empty()) comment += " rule=" + row.rule;
  if (row.bucket) comment += " bucket=" + std::to_string(*row.bucket);
  if (row.owner) comment += " owner=" + std::to_string(*row.owner);
  if (row.flow != "none") comment += " flow=" + row.flow;
  return comment + ": " + row.reason;
}

Capture::Capture(DataPlaneView& view, const api::CaptureRequest& request, std::string interface)
    : view_(view),
      interface_(std::move(interface)),
      left_(request.count),
      until_(view.now() + std::chrono::milliseconds(request.time_ms)) {}

std::int64_t Capture::now_ns() {
  clock_.observe(view_.now(), std::chrono::system_clock::now());
  return clock_.ns(view_.now());
}

std::string Capture::head() {
  std::string out;
  api::append_pcapng_start(out, "coveyd", interface_);
  return out;
}

void Capture::ask(std::function<void()> ready) {
  arrival_->part.reset();
  next_ = 0;
  view_.take_captured([weak = std::weak_ptr<Arrival>(arrival_),
                       ready = std::move(ready)](std::shared_ptr<const CapturedPart> part) {
    const auto arrival = weak.lock();
    if (!arrival) return;
    arrival->part = std::move(part);
    ready();
  });
}

bool Capture::append_some(std::string& out) {
  const auto& part = arrival_->part;
  if (part == nullptr) return false;
  static_cast<void>(now_ns());  // the wall clock may have been set
  for (std::size_t i = 0; i < kAtOnce && next_ < part->size() && left_ > 0; ++i, ++next_, --left_) {
    const CapturedPart::Packet packet = part->at(next_);
    const std::string comment = comment_of(packet.row);
    api::append_pcapng_packet(out, {clock_.ns(packet.when), packet.bytes, packet.row.length,
                                    packet.row.direction == "out", comment});
  }
  if (next_ < part->size() && left_ > 0) return true;
  counts_.seen += part->counts().seen;
  counts_.lost += part->counts().lost;
  arrival_->part.reset();
  return false;
}

bool Capture::is_over() const {
  return left_ == 0 || view_.now() >= until_;
}

std::string Capture::tail() {
  std::string out;
  api::append_pcapng_end(out, now_ns(), counts_);
  return out;
}

}  // namespace covey::control
