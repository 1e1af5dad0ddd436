// SPDX-License-Identifier: BSD-3-Clause
#include "parent.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <stop_token>
#include <thread>
#include <utility>

#include "dataplane/settings.h"
#include "options.h"
#include "process/frame_sender.h"
#include "process/priority.h"
#include "process/privileges.h"
#include "process/service_manager.h"
#include "process/watch.h"

namespace covey::app {
namespace {

constexpr int kFarewells = 3;  // nobody acknowledges them
constexpr auto kFarewellGap = std::chrono::milliseconds(1);
constexpr int kParentPriority = 11;  // above the control threads of other hosts on this machine

void complain(const std::string& what) {
  fmt::print(stderr, "coveyd: {}\n", what);
}

/// The kernel's way onto the segment; there is none beside a NIC that a user-space driver has
/// taken.
void open_sender(const dataplane::Uplink& uplink, std::optional<process::FrameSender>& sender) {
  using dataplane::DeviceKind;
  if (uplink.kind != DeviceKind::af_packet && uplink.kind != DeviceKind::af_xdp) return;
  auto opened = process::FrameSender::open(uplink.argument);
  if (opened) {
    sender.emplace(std::move(*opened));
  } else {
    complain(opened.error().context + ": peers will notice a crash by silence alone");
  }
}

void settle_down(const dataplane::Workers& workers) {
  if (workers.realtime == dataplane::Realtime::automatic) process::be_urgent(kParentPriority);
  if (const auto dropped = process::keep_only({}); !dropped) complain(dropped.error().context);
}

base::Result<Legacy> make_legacy() {
  Legacy legacy;
  auto words = process::LastWords::make();
  if (!words) return std::unexpected(words.error());
  auto pulse = process::Pulse::make();
  if (!pulse) return std::unexpected(pulse.error());
  legacy.last_words = std::move(*words);
  legacy.pulse = std::move(*pulse);
  if (process::has_service_manager()) {
    auto messenger = process::Messenger::make();
    if (!messenger) return std::unexpected(messenger.error());
    legacy.messenger = std::move(*messenger);
    legacy.patience = process::service_manager_patience();
  }
  return legacy;
}

/// Says the last words of the child, once, as soon as its workers or all of it are dead.
class Farewell {
 public:
  Farewell(const config::Config& config, const Legacy& legacy) : config_(config), legacy_(legacy) {}

  /// In the parent, once the child runs.
  void prepare() {
    open_sender(config_.uplink, sender_);
    watcher_ = std::jthread([this](const std::stop_token& stop) {
      settle_down(config_.workers);
      if (legacy_.pulse->wait_for_death(stop)) say();
    });
    settle_down(config_.workers);
  }
  /// The child has ended.
  void finish() {
    watcher_.request_stop();
    watcher_.join();
    say();
    process::be_ordinary();
  }
  [[nodiscard]] bool was_said() const { return said_; }

 private:
  void say() {
    if (said_ || !sender_ || legacy_.last_words->frame().empty()) return;
    said_ = true;
    for (int i = 0; i < kFarewells; ++i) {
      if (i > 0) std::this_thread::sleep_for(kFarewellGap);
      if (!sender_->send(legacy_.last_words->frame()))
        complain("a farewell to the peers could not be sent");
    }
  }

  const config::Config& config_;
  const Legacy& legacy_;
  std::optional<process::FrameSender> sender_;
  bool said_ = false;  // by the watcher, and after it has ended
  std::jthread watcher_;
};

/// Passes on to the service manager, which listens to its main process alone, what the child says.
std::jthread pass_on_news(const Legacy& legacy) {
  if (legacy.messenger == nullptr) return {};
  return std::jthread([&legacy] { legacy.messenger->pass_on(process::tell_service_manager); });
}

void report_death(const process::Ending& ending, bool was_told) {
  const std::string what = fmt::format("the daemon {}{}", process::text(ending),
                                       was_told ? "; its peers were told" : "");
  complain(what);
  process::tell_service_manager("STATUS=" + what);
}

}  // namespace

control::Supervisor supervisor(const Legacy& legacy) {
  if (!process::has_service_manager()) return {};
  if (legacy.messenger == nullptr) return {process::tell_service_manager, legacy.patience};
  return {[&legacy](const std::string& news) { legacy.messenger->send(news); }, legacy.patience};
}

int run_alone(const std::function<int(const Legacy&)>& appliance) {
  Legacy legacy;
  legacy.patience = process::service_manager_patience();
  return appliance(legacy);
}

int run_watched(const config::Config& config, const std::function<int(const Legacy&)>& appliance) {
  const base::Result<Legacy> legacy = make_legacy();
  if (!legacy) {
    complain(legacy.error().context);
    return kExitFailed;
  }
  Farewell farewell(config, *legacy);
  std::jthread news;
  const auto ending = process::watch({.child =
                                          [&] {
                                            process::forbid_core_dumps();
                                            return appliance(*legacy);
                                          },
                                      .parent =
                                          [&](int) {
                                            farewell.prepare();
                                            news = pass_on_news(*legacy);
                                          },
                                      .ended = [&](const process::Ending&) { farewell.finish(); }});
  if (!ending) {
    complain(ending.error().context);
    return kExitFailed;
  }
  if (news.joinable()) news.join();  // so that its last news come before this
  if (farewell.was_said() || ending->signal != 0) report_death(*ending, farewell.was_said());
  return ending->signal != 0 ? kExitSignal + ending->signal : ending->status;
}

}  // namespace covey::app
