// SPDX-License-Identifier: BSD-3-Clause
// docs/configuration.md from the table of keys: compares the page with it, or rewrites the page.
//
// Owner: test/golden. Thread: one. `config_reference PAGE` fails if the page is not what the table
// says; with COVEY_REWRITE_GOLDEN=1 in the environment it writes the page.
#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>
#include <string_view>

#include "config/difference.h"
#include "config/keys.h"

namespace {

using namespace covey::config;

constexpr std::string_view kIntroduction =
    R"(# Configuration

`coveyd` reads one YAML file. [conf/coveyd.yaml](../conf/coveyd.yaml) has every key with a
comment; [conf/examples](../conf/examples) has short files for common cases. This page is made
from the table in `lib/config/keys.cc`, which the loader itself uses.

The file is read strictly: unknown keys, keys given twice, wrong types, values out of range and
contradictions are mistakes, and all of them are reported together, each as `file:line:column:
path: what is wrong (allowed: what is right)`. `coveyd -f FILE --check` does that and nothing
else; it needs neither root nor a device, and exits with 3 if there is a mistake. `covey display`
shows the file as the daemon understood it, with defaults.

Some rules that a table does not show:

- Weight and priority of a rule, and everything outside `cluster`, `icmp` and `port_rules`, belong
  to one host. The rest must be equal on all hosts.
- Two rules may not cover the same port of the same virtual IP and protocol. A rule of one virtual
  IP may cover ports of a rule of `all`: it goes first.
- `affinity` and `weight` stand only with `mode: multiple`, `prefix4` and `prefix6` only with
  `affinity: network`, `priority` only with `mode: single`.
- `partition: gateway` needs `gateway`.
- A heartbeat must be able to carry the buckets of all rules: with 4096 buckets there may be about
  140 rules of mode multiple, with 1024 about 500, with 256 all 1024.
- A duration is a whole number with ms, s, m, h or d.
- `covey reload` follows changes of {} while the daemon runs; all
  other keys need a restart.

## Keys

A key below a list is written with `[]`.

| key | default | allowed | meaning |
| --- | --- | --- | --- |
)";

/// A bar ends a cell of a table, even in code.
std::string cell(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (c == '|') escaped += '\\';
    escaped += c;
  }
  return escaped;
}

std::string row(const Key& key) {
  if (key.type == KeyType::section) {
    return fmt::format("| **`{}`** | | | {} |\n", key.path, cell(key.meaning));
  }
  const bool is_word = key.fallback == kRequired || key.fallback == kNone ||
                       key.fallback.find(' ') != std::string_view::npos;
  return fmt::format("| `{}` | {} | {} | {} |\n", key.path,
                     is_word ? std::string(key.fallback) : fmt::format("`{}`", key.fallback),
                     cell(allowed_text(key)), cell(key.meaning));
}

std::string page() {
  std::string live;
  for (const std::string_view key : reloadable_keys())
    live += fmt::format("{}`{}`",
                        live.empty()                      ? ""
                        : key == reloadable_keys().back() ? " and "
                                                          : ", ",
                        key);
  std::string text = fmt::format(kIntroduction, live);
  for (const Key& key : keys())
    text += row(key);
  return text;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fputs("usage: config_reference PAGE\n", stderr);
    return 2;
  }
  const std::string wanted = page();
  if (std::getenv("COVEY_REWRITE_GOLDEN") != nullptr) std::ofstream(argv[1]) << wanted;
  std::ifstream file(argv[1]);
  const std::string found{std::istreambuf_iterator<char>(file), {}};
  if (found == wanted) return 0;
  std::fprintf(stderr,
               "%s is not what the table of keys says: run this with COVEY_REWRITE_GOLDEN=1\n",
               argv[1]);
  return 1;
}
