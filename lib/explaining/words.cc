// SPDX-License-Identifier: BSD-3-Clause
#include "explaining/words.h"

#include "forwarding/verdict.h"

namespace covey::explaining {

forwarding::Question to_question(const api::ExplainRequest& request) {
  return {request.protocol,    request.source,           request.source_port,
          request.destination, request.destination_port, request.tcp_flags};
}

api::ExplainReply to_reply(const forwarding::Explanation& explanation) {
  api::ExplainReply reply;
  reply.rule = explanation.rule;
  reply.mode = explanation.mode;
  reply.affinity = explanation.affinity;
  reply.hashed = explanation.hashed;
  if (explanation.has_bucket) {
    reply.bucket = explanation.bucket;
    if (!explanation.owner.is_nobody()) reply.owner = explanation.owner.value;
  }
  reply.verdict = forwarding::name(explanation.verdict);
  reply.reason = explanation.reason;
  reply.tracked = explanation.tracked;
  return reply;
}

}  // namespace covey::explaining
