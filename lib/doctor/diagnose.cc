// SPDX-License-Identifier: BSD-3-Clause
#include "doctor/diagnose.h"

#include <utility>
#include <variant>

#include "doctor/gather.h"
#include "doctor/judge.h"

namespace covey::doctor {

api::Diagnosis diagnose(const api::Doctoring& about) {
  Facts facts;
  facts.about = about;
  if (!about.file.empty() || about.daemon) {
    config::Loaded loaded =
        about.file.empty() ? config::load_text(about.daemon->yaml, "the daemon's configuration")
                           : config::load_file(about.file);
    if (auto* config = std::get_if<config::Config>(&loaded)) {
      facts.config = std::move(*config);
    } else {
      for (const config::Mistake& mistake : std::get<std::vector<config::Mistake>>(loaded))
        facts.mistakes.push_back(mistake.to_string());
    }
  }
  facts.machine = look_at_machine(facts.config ? facts.config->key_file : "");
  return judge(facts);
}

}  // namespace covey::doctor
