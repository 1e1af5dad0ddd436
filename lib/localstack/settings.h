// SPDX-License-Identifier: BSD-3-Clause
// Settings of the adapter to the local network stack (`ports.local`).
//
// Owner: localstack. Thread: any; plain values.
#pragma once

#include <cstdint>
#include <string>

namespace covey::localstack {

enum class Kind : std::uint8_t { tap, virtio_user, none };

struct Settings {
  Kind kind = Kind::tap;
  std::string name = "covey0";
  bool offload = true;  // long TCP segments and open checksums pass the interface
  friend bool operator==(const Settings&, const Settings&) = default;
};

}  // namespace covey::localstack
