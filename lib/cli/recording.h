// SPDX-License-Identifier: BSD-3-Clause
// record(): takes a capture from the daemon as long as it comes, or until Ctrl-C.
//
// Owner: cli. Thread: one; it returns when the capture has ended. At Ctrl-C the daemon is told that
// it is enough, and says the rest; a second one does not wait for that.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "api/capture.h"
#include "api/pcapng.h"
#include "base/result.h"

namespace covey::cli {

struct Recorded {
  std::uint64_t packets = 0;
  api::CaptureCounts counts;
};
/// Takes bytes of the file; an error ends the capture.
using Sink = std::function<base::Result<void>(std::string_view bytes)>;

/// Errors as Client; unavailable if the capture breaks off.
[[nodiscard]] base::Result<Recorded> record(const std::string& socket,
                                            const api::CaptureRequest& request, const Sink& sink);

}  // namespace covey::cli
