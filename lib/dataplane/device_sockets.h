// SPDX-License-Identifier: BSD-3-Clause
// The sockets by which a driver gets frames from the kernel, found from outside: DPDK has no way to
// ask for them, and a thread that rests on one is woken by the first frame.
//
// Owner: dataplane. Thread: the control thread, once the queues of a device are set up. They stay
// the driver's: nobody else reads or closes them. What is not found for certain is not given.
#pragma once

#include <cstdint>
#include <vector>

#include "dataplane/settings.h"

namespace covey::dataplane {

/// By queue; empty for other kinds of devices, and when there are not as many as queues.
[[nodiscard]] std::vector<int> device_sockets(DeviceKind kind, std::uint16_t queues);

}  // namespace covey::dataplane
