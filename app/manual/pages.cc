// SPDX-License-Identifier: BSD-3-Clause
#include "pages.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/commands.h"
#include "config/keys.h"
#include "coveyd/options.h"
#include "roff.h"

namespace covey::app {
namespace {

using Kind = cli::Parameter::Kind;

constexpr std::string_view kConfigurationFile = "/etc/covey/coveyd.yaml";

/// "trace [N] [--timeout VALUE]", in the types of the page.
std::string synopsis_of(const cli::Command& command) {
  std::string text = bold(command.name);
  for (const cli::Parameter& parameter : command.given()) {
    switch (parameter.kind) {
      case Kind::required:
        text += fmt::format(" {}", italic(parameter.name));
        break;
      case Kind::optional:
        text += fmt::format(" [{}]", italic(parameter.name));
        break;
      case Kind::option:
        text += fmt::format(" [{} {}]", bold(parameter.name), italic("VALUE"));
        break;
      case Kind::flag:
        text += fmt::format(" [{}]", bold(parameter.name));
        break;
    }
  }
  return text;
}

void add_commands(Roff& page) {
  page.section("COMMANDS");
  for (const cli::Command& command : cli::commands()) {
    if (command.is_hidden()) continue;
    page.item(synopsis_of(command), command.help);
    if (command.given().empty()) continue;
    page.indent();
    for (const cli::Parameter& parameter : command.given()) {
      const bool is_typed = parameter.kind == Kind::option || parameter.kind == Kind::flag;
      page.item(is_typed ? bold(parameter.name) : italic(parameter.name), parameter.help);
    }
    page.unindent();
  }
}

std::string covey_page(std::string_view version) {
  Roff page({"covey", '1', version}, "asks and commands a host of a covey");
  page.section("SYNOPSIS");
  page.line(fmt::format("{} [{} {}] [{}] [{}] {}", bold("covey"), bold("-s"), italic("SOCKET"),
                        bold("--json"), bold("--no-color"), italic("COMMAND")));
  page.section("DESCRIPTION");
  page.paragraph(
      "A covey is a group of hosts that share IP addresses and balance the load among themselves "
      "without a leader. covey talks to coveyd on the same machine by its UNIX socket, shows what "
      "the host knows and does, and gives orders to it and, by it, to the other hosts.");
  page.section("OPTIONS");
  for (const auto& [letter, value, parameter] : cli::common_options()) {
    std::string term = bold(parameter.name);
    if (!letter.empty()) term = fmt::format("{}, {}", bold(letter), term);
    if (!value.empty()) term += fmt::format(" {}", italic(value));
    page.item(term, parameter.help);
  }
  add_commands(page);
  page.section("EXIT STATUS");
  for (const cli::ExitStatus& row : cli::exit_statuses())
    page.item(bold(fmt::format("{}", static_cast<int>(row.status))), row.meaning);
  page.section("ENVIRONMENT");
  page.item(bold("NO_COLOR"), "if it is set and not empty, nothing is coloured");
  page.section("FILES");
  page.item(bold(cli::kDefaultSocket), "where coveyd listens, unless its configuration says else");
  page.section("EXAMPLES");
  page.example(
      "covey query\n"
      "covey drainstop web2 --timeout 10m\n"
      "covey explain tcp 10.77.0.100:40000 10.77.0.50:80\n"
      "covey trace 20 --verdict drop_not_owner\n");
  page.section("SEE ALSO");
  page.line(fmt::format("{}(8), {}(5)", bold("coveyd"), bold("coveyd.yaml")));
  return page.text();
}

std::string coveyd_page(std::string_view version) {
  Roff page({"coveyd", '8', version}, "one host of a covey, leaderless L4 load balancing");
  page.section("SYNOPSIS");
  page.line(fmt::format("{} [{}] [{} {}]", bold("coveyd"), italic("OPTIONS"), bold("--"),
                        italic("EAL-ARGUMENTS")));
  page.section("DESCRIPTION");
  page.paragraph(
      "All hosts of a covey receive every frame that is sent to a virtual IP. coveyd decides which "
      "of them are this host's, gives these to the machine's network stack and drops the others. "
      "By heartbeats the hosts agree on who owns what.");
  page.paragraph(
      "It stays in the foreground and logs to the standard error output, as a service manager "
      "wants it. A small parent process tells the other hosts if the daemon dies. It needs root.");
  page.section("OPTIONS");
  for (const OptionText& option : option_texts()) {
    std::string term = bold(option.names);
    if (option.has_value) term += fmt::format(" {}", italic("VALUE"));
    std::string text = option.help;
    if (!option.fallback.empty()) text += fmt::format(" ({})", option.fallback);
    page.item(term, text);
  }
  page.item(bold("--"), "what follows is handed to DPDK's EAL as it is, for debugging");
  page.section("SIGNALS");
  page.item(fmt::format("{}, {}", bold("SIGTERM"), bold("SIGINT")),
            "leave the cluster, undo what was done to the machine, and end; the same again, 300 ms "
            "later or more, ends it at once");
  page.item(bold("SIGHUP"), "read the configuration again, as covey reload");
  page.item(bold("SIGABRT"),
            "to the parent, by the watchdog of a service manager: kill the daemon and tell the "
            "other hosts");
  page.section("EXIT STATUS");
  for (const DaemonStatus& row : kDaemonStatuses)
    page.item(bold(row.status), row.meaning);
  page.section("ENVIRONMENT");
  page.item(bold("NOTIFY_SOCKET"),
            "where the service manager is told of start, state, reload, end");
  page.item(bold("WATCHDOG_USEC"), "how long it waits for signs of life, in microseconds");
  page.item(bold("RUNTIME_DIRECTORY"), "for files of DPDK, instead of /run/covey");
  page.section("FILES");
  page.item(bold(kConfigurationFile), "the configuration");
  page.item(bold(config::key_at("cluster.key_file").fallback), "the secret of the cluster");
  page.item(bold(cli::kDefaultSocket), "where covey asks");
  page.item(bold(config::key_at("state_dir").fallback), "what outlives the daemon");
  page.section("SEE ALSO");
  page.line(fmt::format("{}(1), {}(5)", bold("covey"), bold("coveyd.yaml")));
  return page.text();
}

std::string about(const config::Key& key) {
  std::string text(key.meaning);
  if (key.type == config::KeyType::section) return text;
  if (key.fallback == config::kRequired) {
    text += " Required.";
  } else if (key.fallback == config::kNone) {
    text += " May be left out.";
  } else {
    text += fmt::format(" Default: {}.", key.fallback);
  }
  const std::string allowed = config::allowed_text(key);
  if (!allowed.empty()) text += fmt::format(" Allowed: {}.", allowed);
  return text;
}

std::string yaml_page(std::string_view version) {
  Roff page({"coveyd.yaml", '5', version}, "configuration of coveyd");
  page.section("SYNOPSIS");
  page.line(bold(kConfigurationFile));
  page.section("DESCRIPTION");
  page.paragraph(
      "One YAML document. Below, a key stands with those above it, and with [] behind a list of "
      "sections. What is not known is a mistake, and so is what cannot go together; coveyd --check "
      "shows all mistakes at once, each with its place. A duration is a whole number with ms, s, "
      "m, h or d. What belongs to the cluster must be equal on all hosts.");
  page.section("KEYS");
  std::string_view chapter;
  for (const config::Key& key : config::keys()) {
    const std::string_view top = key.path.substr(0, key.path.find_first_of(".["));
    const bool has_chapter = key.type == config::KeyType::section && key.path == top;
    if (has_chapter) {
      page.subsection(key.path);
      page.paragraph(about(key));
    } else {
      // A key that stands alone after a section is no part of it.
      if (top == key.path && !chapter.empty() && chapter != top) page.subsection(key.path);
      page.item(bold(key.path), about(key));
    }
    chapter = top;
  }
  page.section("EXAMPLES");
  page.example(
      "version: 1\n"
      "cluster:\n"
      "  name: web\n"
      "  virtual_ips: [10.77.0.50/24]\n"
      "host: { id: 1 }\n"
      "ports:\n"
      "  uplink: { device: \"af_packet:eth1\" }\n"
      "port_rules:\n"
      "  - { name: web, protocol: tcp, ports: \"80,443\" }\n");
  page.section("SEE ALSO");
  page.line(fmt::format("{}(1), {}(8)", bold("covey"), bold("coveyd")));
  return page.text();
}

struct Page {
  std::string_view name;
  std::string (*text)(std::string_view version);
};
constexpr auto kPages = std::to_array<Page>(
    {{"covey.1", covey_page}, {"coveyd.8", coveyd_page}, {"coveyd.yaml.5", yaml_page}});

}  // namespace

std::optional<std::string> manual_page(std::string_view name, std::string_view version) {
  const auto* const page = std::ranges::find(kPages, name, &Page::name);
  if (page == kPages.end()) return std::nullopt;
  return page->text(version);
}

}  // namespace covey::app
