// SPDX-License-Identifier: BSD-3-Clause
// KeyService: rotation of the cluster key on a running host: what is held where, add, retire.
//
// Owner: control. Thread: the control thread. A change is written to the key file first and used
// after that, so that a restart never finds less than what was promised. Which key seals is the
// driver's business and follows from what the other hosts hold. Key material is never logged.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "api/messages.h"
#include "control/convergence_driver.h"
#include "control/logging.h"
#include "heartbeat/key_ring.h"

namespace covey::control {

class KeyService {
 public:
  struct Parts {
    ConvergenceDriver& driver;
    Logger& logger;
    std::string cluster_name;
    std::string key_file;
  };
  KeyService(heartbeat::KeyRing ring, Parts parts)
      : ring_(std::move(ring)), parts_(std::move(parts)) {}

  [[nodiscard]] api::KeyList list() const;
  [[nodiscard]] api::CommandReply change(const api::KeyRequest& request);

 private:
  [[nodiscard]] api::CommandReply add(std::string_view given);
  [[nodiscard]] api::CommandReply generate();
  [[nodiscard]] api::CommandReply retire(unsigned id, bool force);
  [[nodiscard]] std::string objection_to_retiring(std::uint8_t id,
                                                  const heartbeat::KeyRing& rest) const;
  [[nodiscard]] base::Result<void> adopt(const heartbeat::KeyRing& ring);

  heartbeat::KeyRing ring_;
  Parts parts_;
};

}  // namespace covey::control
