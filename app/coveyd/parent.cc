// SPDX-License-Identifier: BSD-3-Clause
#include "parent.h"

#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <memory>
#include <optional>
#include <thread>

#include "dataplane/settings.h"
#include "process/frame_sender.h"
#include "process/priority.h"
#include "process/privileges.h"
#include "process/watch.h"

namespace covey::app {
namespace {

constexpr int kExitFailed = 1;
constexpr int kExitSignal = 128;  // and the number of the signal, as shells have it
constexpr int kFarewells = 3;     // nobody acknowledges them
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

void say_farewell(const process::FrameSender& sender, const process::LastWords& words) {
  for (int i = 0; i < kFarewells; ++i) {
    if (i > 0) std::this_thread::sleep_for(kFarewellGap);
    if (!sender.send(words.frame())) complain("a farewell to the peers could not be sent");
  }
}

}  // namespace

int run_watched(const config::Config& config,
                const std::function<int(process::LastWords*)>& appliance) {
  const auto words = process::LastWords::make();
  if (!words) {
    complain(words.error().context);
    return kExitFailed;
  }
  std::optional<process::FrameSender> sender;
  bool said = false;
  const auto ending = process::watch({.child =
                                          [&] {
                                            process::forbid_core_dumps();
                                            return appliance(words->get());
                                          },
                                      .parent =
                                          [&](int) {
                                            open_sender(config.uplink, sender);
                                            settle_down(config.workers);
                                          },
                                      .ended =
                                          [&](const process::Ending&) {
                                            said = sender && !(*words)->frame().empty();
                                            if (said) say_farewell(*sender, **words);
                                            process::be_ordinary();
                                          }});
  if (!ending) {
    complain(ending.error().context);
    return kExitFailed;
  }
  if (said || ending->signal != 0) {
    complain(fmt::format("the daemon {}{}", process::text(*ending),
                         said ? "; its peers were told" : ""));
  }
  return ending->signal != 0 ? kExitSignal + ending->signal : ending->status;
}

}  // namespace covey::app
