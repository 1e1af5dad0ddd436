// SPDX-License-Identifier: BSD-3-Clause
// A question to the forwarding core and its answer, in the words of the api: the same with a daemon
// and without.
//
// Owner: explaining. Thread: any; pure functions.
#pragma once

#include "api/messages.h"
#include "forwarding/explain.h"

namespace covey::explaining {

[[nodiscard]] forwarding::Question to_question(const api::ExplainRequest& request);
[[nodiscard]] api::ExplainReply to_reply(const forwarding::Explanation& explanation);

}  // namespace covey::explaining
