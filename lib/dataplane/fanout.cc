// SPDX-License-Identifier: BSD-3-Clause
// DPDK's af_packet driver asks the kernel to reassemble IPv4 fragments before it shares frames out
// among queues, whatever the number of queues, and there is no option not to. What then comes is
// one frame longer than any buffer. But all that is needed to send fragments the right way is the
// first of them (forwarding/fragments.h). The driver is a plugin, so the one call in which it asks
// is answered here (docs/decisions/0014): the process's own setsockopt() comes before the C
// library's.
#include "dataplane/fanout.h"

#include <linux/if_packet.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdint>
#include <cstring>

namespace covey::dataplane {

void keep_fragments_as_they_are() noexcept {}

}  // namespace covey::dataplane

extern "C" [[gnu::visibility("default")]] int setsockopt(int socket, int level, int name,
                                                         const void* value,
                                                         socklen_t length) noexcept {
  constexpr std::uint32_t kDefragment = std::uint32_t{PACKET_FANOUT_FLAG_DEFRAG} << 16U;
  std::uint32_t fanout = 0;
  if (level == SOL_PACKET && name == PACKET_FANOUT && length == sizeof(fanout)) {
    std::memcpy(&fanout, value, sizeof(fanout));
    fanout &= ~kDefragment;
    value = &fanout;
  }
  return static_cast<int>(::syscall(SYS_setsockopt, socket, level, name, value, length));
}
