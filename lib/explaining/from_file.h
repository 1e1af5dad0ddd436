// SPDX-License-Identifier: BSD-3-Clause
// explain_from_file(): what a host would do with a packet, by a configuration file, without a
// daemon.
//
// Owner: explaining. Thread: any; reads the configuration and the key file, keeps nothing. The
// forwarding core of the daemon judges, with no connection held. What is assumed of the cluster is
// in file_cluster.h.
#pragma once

#include "api/file_question.h"
#include "base/result.h"

namespace covey::explaining {

/// Errors: invalid_argument for what the question gets wrong.
[[nodiscard]] base::Result<api::FileAnswer> explain_from_file(const api::FileQuestion& question);

}  // namespace covey::explaining
