// SPDX-License-Identifier: BSD-3-Clause
#include "cli/doctor_command.h"

#include <fmt/format.h>

#include <thread>

#include "base/text.h"
#include "cli/output.h"
#include "cli/show.h"
#include "cli/table.h"

namespace covey::cli {
namespace {

base::Result<base::Duration> time_to_watch(const Context& context) {
  constexpr base::Duration by_default = std::chrono::seconds(1);
  constexpr base::Duration most = std::chrono::minutes(1);
  if (!context.has("--time")) return by_default;
  const auto time = base::parse_duration(context.argument("--time"));
  if (!time) return base::wrap("--time", time.error());
  if (*time <= most) return *time;
  return base::fail(base::ErrorCode::invalid_argument, "--time: allowed is at most 1m");
}

/// Asks for one thing; false and the reason once something was not answered.
class Questions {
 public:
  explicit Questions(const Client& client) : client_(client) {}

  template <typename T>
  void ask(const char* target, T& answer) {
    if (!trouble_.empty()) return;
    auto got = client_.ask<T>(target);
    if (got) {
      answer = std::move(got->value);
    } else {
      trouble_ = got.error().context;
    }
  }
  [[nodiscard]] const std::string& trouble() const { return trouble_; }

 private:
  const Client& client_;
  std::string trouble_;
};

api::Doctoring ask_all(const Context& context, base::Duration time) {
  Questions questions(context.client);
  api::DaemonAnswers answers;
  questions.ask("/v1/status", answers.status);
  answers.was_converged = answers.status.converged;
  questions.ask("/v1/stats", answers.before);
  if (questions.trouble().empty()) std::this_thread::sleep_for(time);
  questions.ask("/v1/stats", answers.after);
  questions.ask("/v1/status", answers.status);
  questions.ask("/v1/rules", answers.rules);
  questions.ask("/v1/events", answers.events);
  api::ConfigReply config;
  questions.ask("/v1/config", config);
  answers.yaml = std::move(config.yaml);

  api::Doctoring about;
  about.socket = context.client.socket();
  about.unreachable = questions.trouble();
  about.file = context.argument("-f");
  if (questions.trouble().empty()) about.daemon = std::move(answers);
  return about;
}

Colour colour_of(const api::Finding& finding) {
  return finding.severity == "fault" ? Colour::red : Colour::yellow;
}

std::string counted(std::size_t number, std::string_view what) {
  return fmt::format("{} {}{}", number, what, number == 1 ? "" : "s");
}

}  // namespace

std::string show(const api::Diagnosis& diagnosis, bool colours) {
  constexpr std::size_t indent = 7;
  const std::string margin(indent, ' ');
  std::string text;
  for (const api::Finding& finding : diagnosis.findings) {
    const std::string where = fmt::format("{}: {}", finding.where, finding.what);
    text += fmt::format(
        "{} {}\n{}{}\n{}{}\n",
        coloured(fmt::format("{:<6}", printable(finding.severity)), colour_of(finding), colours),
        printable(finding.id), margin, wrapped(printable(where), indent), margin,
        wrapped(printable(fmt::format("cure: {}", finding.cure)), indent));
  }
  if (!text.empty()) text += "\n";
  if (diagnosis.configuration == "none")
    text += "without a configuration little could be checked\n";
  const std::size_t notes = diagnosis.findings.size() - diagnosis.faults;
  return text + fmt::format("{}, {}\n", counted(diagnosis.faults, "fault"), counted(notes, "note"));
}

base::Result<Exit> doctor(const Context& context) {
  const auto time = time_to_watch(context);
  if (!time) return std::unexpected(time.error());
  const api::Diagnosis diagnosis = context.offline.diagnose(ask_all(context, *time));
  print_line(context, context.json ? api::encode(diagnosis) : show(diagnosis, context.colours));
  return diagnosis.faults == 0 ? Exit::ok : Exit::failed;
}

}  // namespace covey::cli
