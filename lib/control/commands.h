// SPDX-License-Identifier: BSD-3-Clause
// interpret(): an operator's command and the state it meets -> what the convergence core is told,
// and the answer.
//
// Owner: control. Thread: any; pure. Which host is meant is remote_control.h's business. Nothing is
// changed here: the caller steps `order`, if there is one. A command that would change nothing
// succeeds and says so; one that the state forbids is refused (code 5).
#pragma once

#include <optional>
#include <span>
#include <string>

#include "api/messages.h"
#include "convergence/node.h"

namespace covey::control {

// Exit statuses of the command line that a reply can ask for.
inline constexpr int kDone = 0;
inline constexpr int kFailed = 1;
inline constexpr int kUsage = 2;
inline constexpr int kInvalidConfiguration = 3;
inline constexpr int kRefused = 5;
inline constexpr int kTimedOut = 6;

/// The host a command meets.
struct CommandContext {
  std::string host_name;
  convergence::HostState state = convergence::HostState::joining;
  std::span<const api::RuleStatus> rules;
};

struct Interpreted {
  std::optional<convergence::OperatorCommand> order;
  api::CommandReply reply;
};

/// What a request says that does not go with its verb, "target: not with stop", for who says it
/// means something else; empty if there is no such thing, and of verbs that nobody knows.
[[nodiscard]] std::string superfluous(const api::CommandRequest& request);

[[nodiscard]] Interpreted interpret(const api::CommandRequest& request,
                                    const CommandContext& context);

}  // namespace covey::control
