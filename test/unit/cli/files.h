// SPDX-License-Identifier: BSD-3-Clause
// Files: what answers commands that need no daemon, in tests of the command line alone. A file
// "bad.yaml" has a mistake, any other is good.
//
// Owner: test/unit/cli. Thread: any.
#pragma once

#include "cli/offline.h"

namespace covey::cli::test {

class Files final : public Offline {
 public:
  [[nodiscard]] base::Result<api::FileAnswer> explain(
      const api::FileQuestion& question) const override {
    if (question.file == "bad.yaml") return api::FileAnswer{{"bad.yaml:1:1: x: no"}, {}};
    api::ExplainReply reply;
    reply.rule = "web";
    reply.bucket = 7;
    reply.owner = 2;
    reply.verdict = "drop_not_owner";
    reply.reason = "bucket 7 of rule web belongs to host 2";
    reply.without = api::absence_of(2, true, reply, 1);
    return api::FileAnswer{{}, reply};
  }
  [[nodiscard]] api::Diagnosis diagnose(const api::Doctoring& about) const override {
    api::Diagnosis diagnosis;
    diagnosis.configuration = about.file.empty() ? "none" : "file";
    if (about.daemon) {
      diagnosis.host = about.daemon->status.host.id;
      diagnosis.configuration = "daemon";
      diagnosis.findings = {{"a_note", "note", "It is so.", "here", "nothing"}};
    } else {
      diagnosis.faults = 1;
      diagnosis.findings = {{"daemon_unreachable", "fault", about.unreachable, about.socket, "x"}};
    }
    return diagnosis;
  }
};

}  // namespace covey::cli::test
