// SPDX-License-Identifier: BSD-3-Clause
#include "process/privileges.h"

#include <cap-ng.h>
#include <sys/prctl.h>

#include <cerrno>
#include <vector>

#include "base/assert.h"

namespace covey::process {
namespace {

unsigned number(Capability capability) {
  switch (capability) {
    case Capability::net_admin:
      return CAP_NET_ADMIN;
    case Capability::net_raw:
      return CAP_NET_RAW;
    case Capability::sys_nice:
      return CAP_SYS_NICE;
    case Capability::ipc_lock:
      return CAP_IPC_LOCK;
    case Capability::file_access:
      return CAP_DAC_OVERRIDE;
    case Capability::chown:
      return CAP_CHOWN;
    case Capability::bpf:
      return CAP_BPF;
    case Capability::sys_admin:
      return CAP_SYS_ADMIN;
    case Capability::sys_rawio:
      return CAP_SYS_RAWIO;
    case Capability::sys_resource:
      return CAP_SYS_RESOURCE;
  }
  COVEY_ASSERT(false);
}

}  // namespace

base::Result<void> keep_only(std::span<const Capability> kept) {
  std::vector<unsigned> held;
  for (const Capability capability : kept) {
    if (capng_have_capability(CAPNG_PERMITTED, number(capability)) != 0)
      held.push_back(number(capability));
  }
  const bool may_bound = capng_have_capability(CAPNG_EFFECTIVE, CAP_SETPCAP) != 0;
  const auto sets = static_cast<capng_type_t>(CAPNG_EFFECTIVE | CAPNG_PERMITTED |
                                              (may_bound ? CAPNG_BOUNDING_SET : 0));
  capng_clear(CAPNG_SELECT_BOTH);
  for (const unsigned capability : held)
    capng_update(CAPNG_ADD, sets, capability);
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0)
    return base::fail_errno("no new privileges", errno);
  if (capng_apply(may_bound ? CAPNG_SELECT_BOTH : CAPNG_SELECT_CAPS) != 0)
    return base::fail(base::ErrorCode::permission_denied, "the system keeps our capabilities");
  return {};
}

void forbid_core_dumps() {
  ::prctl(PR_SET_DUMPABLE, 0);
}

}  // namespace covey::process
