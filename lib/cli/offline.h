// SPDX-License-Identifier: BSD-3-Clause
// Offline: what the command line answers without a daemon.
//
// Owner: cli. Thread: one; a call returns when the answer is there. The command line knows nothing
// but the daemon's messages; what needs the cores and the configuration is written down here, and
// app/covey brings the libraries that do it. Errors are those of Client.
#pragma once

#include "api/diagnosis.h"
#include "api/file_question.h"
#include "base/result.h"

namespace covey::cli {

class Offline {
 public:
  virtual ~Offline() = default;
  [[nodiscard]] virtual base::Result<api::FileAnswer> explain(
      const api::FileQuestion& question) const = 0;
  /// Looks at this machine, too.
  [[nodiscard]] virtual api::Diagnosis diagnose(const api::Doctoring& about) const = 0;
};

}  // namespace covey::cli
