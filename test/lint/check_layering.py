# SPDX-License-Identifier: BSD-3-Clause
"""Every #include and every meson dependency of a library agrees with docs/architecture.md."""

import fnmatch
import re

import table

INCLUDE = re.compile(r'^\s*#\s*include\s*([<"])([^>"]+)[>"]')

# First match wins; what matches nothing and has no slash or dot is the standard library.
THIRD_PARTY = [
    (r"rte_.*", "DPDK"),
    (r"sodium(\.h|/.*)", "libsodium"),
    (r"yaml-cpp/.*", "yaml-cpp"),
    (r"nlohmann/.*", "nlohmann-json"),
    (r"fmt/.*", "fmt"),
    (r"spdlog/.*", "spdlog"),
    (r"CLI/.*|CLI\.hpp", "CLI11"),
    (r"prometheus/.*", "prometheus-cpp-core"),
    (r"libmnl/.*", "libmnl"),
    (r"liburing\.h", "liburing"),
    (r"cap-ng\.h", "libcap-ng"),
    (r"openssl/.*|boost/asio/ssl(\.hpp|/.*)", "OpenSSL"),
    (r"boost/beast(\.hpp|/.*)", "Boost.Beast"),
    (r"boost/(asio(\.hpp|/.*)|system/.*)", "Boost.Asio"),
    (r"systemd/.*", "libsystemd"),
    (r"pcap(\.h|/.*)", "libpcap"),
    (r"(curses|ncurses)\.h", "ncurses"),
    (r"(sys|linux|net|netinet|arpa|netpacket|asm)/.*", "POSIX"),
    (r"(unistd|time|fcntl|poll|sched|pthread|signal|termios|dirent|glob|ifaddrs|netdb|pwd|grp|"
     r"spawn|getopt|syslog)\.h", "POSIX"),
]
C_HEADERS_WITH_BETTER_NAMES = re.compile(
    r"(assert|ctype|errno|float|inttypes|limits|locale|math|setjmp|stdarg|stddef|stdint|stdio|"
    r"stdlib|string|wchar)\.h")
MESON_NAMES = {"sodium": "libsodium", "yaml": "yaml-cpp", "json": "nlohmann-json", "fmt": "fmt",
               "pcap": "libpcap", "ncurses": "ncurses",
               "dpdk": "DPDK", "mnl": "libmnl", "uring": "liburing", "cap_ng": "libcap-ng",
               "ssl": "OpenSSL",
               "spdlog": "spdlog",
               "cli11": "CLI11", "prometheus": "prometheus-cpp-core"}


def _third_party(name):
    for pattern, owner in THIRD_PARTY:
        if re.fullmatch(pattern, name):
            return owner
    if re.fullmatch(r"[a-z_0-9]+", name) or re.fullmatch(r"(immintrin|x86intrin|cpuid)\.h", name):
        return "std"
    return None


def _project_include(library, row, name, where):
    target = name.split("/", 1)[0]
    if target == library or target in row.libraries:
        return []
    if any(fnmatch.fnmatchcase(name, pattern) for pattern in row.files):
        return []
    return [f"{where}: {library} may not include {name}"]


def _includes_of(tree, path):
    return [match.groups() for _, line in tree.lines(path) if (match := INCLUDE.match(line))]


def _public_headers(tree):
    """Headers that code outside their library includes, directly or through one another."""
    reached, waiting = set(), []
    for path in tree.matching(".h", ".cc", under=("lib", "app")):
        own = "/".join(path.split("/")[1:2]) + "/" if path.startswith("lib/") else "app/"
        waiting += [name for quote, name in _includes_of(tree, path)
                    if quote == '"' and "/" in name and not name.startswith(own)]
    while waiting:
        name = waiting.pop()
        if name not in reached and tree.exists(f"lib/{name}"):
            reached.add(name)
            waiting += [inner for quote, inner in _includes_of(tree, f"lib/{name}") if quote == '"']
    return {f"lib/{name}" for name in reached}


def _system_include(library, row, name, where, is_public):
    if C_HEADERS_WITH_BETTER_NAMES.fullmatch(name):
        return [f"{where}: write <c{name[:-2]}> for <{name}>"]
    owner = _third_party(name)
    if owner is None:
        return [f"{where}: <{name}> belongs to no third party that test/lint knows"]
    if owner == "std":
        return []
    if owner not in row.third_party:
        return [f"{where}: {library} may not use {owner} (<{name}>)"]
    if is_public and not row.third_party[owner]:
        return [f"{where}: {library} may not use {owner} in a header others include (<{name}>)"]
    return []


def _includes(tree, rows):
    problems = []
    public = _public_headers(tree)
    for path in tree.matching(".h", ".cc", under=("lib",)):
        library = path.split("/")[1]
        if library not in rows:
            problems.append(f"{path}:1: library {library} has no row in {table.DOCUMENT}")
            continue
        for number, line in tree.lines(path):
            match = INCLUDE.match(line)
            if not match:
                continue
            quote, name = match.groups()
            where = f"{path}:{number}"
            if quote == "<":
                problems += _system_include(library, rows[library], name, where, path in public)
            elif "/" not in name:
                problems.append(f"{where}: write the path from lib/: {library}/{name}")
            elif not tree.exists(f"lib/{name}"):
                problems.append(f"{where}: lib/{name} does not exist")
            else:
                problems += _project_include(library, rows[library], name, where)
    return problems


def _dependencies(tree, rows):
    problems = []
    for library, row in rows.items():
        path = f"lib/{library}/meson.build"
        if not tree.exists(path):
            problems.append(f"{table.DOCUMENT}:1: row {library} has no lib/{library}/meson.build")
            continue
        reachable = row.libraries | {name.split("/")[0] for name in row.files}
        for name in sorted(set(re.findall(r"\b([a-z0-9]+)_dep\b", tree.text(path)))):
            if name == library or name in reachable or name in ("threads", "boost"):
                continue
            if MESON_NAMES.get(name) not in row.third_party:
                problems.append(f"{path}:1: dependency {name}_dep is not in the row of {library}")
    return problems


def check(tree):
    """The rows of the document against the sources and the build files."""
    rows = table.read(tree)
    if not rows:
        return [f"{table.DOCUMENT}:1: the table of libraries is missing"]
    return _includes(tree, rows) + _dependencies(tree, rows)


_TABLE = f"""{table.HEADING}
| --- | --- | --- | --- |
| `base` | words | | `fmt` (.cc) |
| `packet` | frames | `base` | |
| `bucket` | owners | `base`, `packet/flow_key.h` | |
| `config` | settings | `base`, `*/settings.h` | `yaml-cpp` (.cc) |
| `port` | devices | `base` | `DPDK` |
"""
GOOD = {
    table.DOCUMENT: _TABLE,
    **{f"lib/{name}/meson.build": f"{name}_dep = base_dep\n"
       for name in ("base", "packet", "bucket", "config", "port")},
    "lib/base/ids.h": "#include <cstdint>\n",
    "lib/packet/flow_key.h": '#include "base/ids.h"\n',
    "lib/packet/parse.h": '#include "packet/flow_key.h"\n',
    "lib/bucket/table.h": '#include "packet/flow_key.h"\n',
    "lib/bucket/settings.h": "#include <vector>\n",
    "lib/config/load.h": '#include "bucket/settings.h"\n',
    "lib/config/load.cc": '#include <yaml-cpp/yaml.h>\n#include "config/node.h"\n',
    "lib/config/node.h": "#include <yaml-cpp/yaml.h>\n",
    "app/a/main.cc": '#include "config/load.h"\n',
    "lib/port/port.h": "#include <rte_mbuf.h>\n",
}
BAD = [
    ({**GOOD, "lib/bucket/table.h": '#include "packet/parse.h"\n'}, "may not include packet/parse"),
    ({**GOOD, "lib/base/ids.h": '#include "packet/parse.h"\n'}, "base may not include"),
    ({**GOOD, "lib/config/load.h": '#include "bucket/table.h"\n'}, "config may not include"),
    ({**GOOD, "lib/config/load.h": "#include <yaml-cpp/yaml.h>\n",
      "app/a/main.cc": '#include "config/load.h"\n'}, "in a header others include"),
    ({**GOOD, "lib/config/load.h": '#include "config/node.h"\n',
      "lib/config/node.h": "#include <yaml-cpp/yaml.h>\n",
      "app/a/main.cc": '#include "config/load.h"\n'}, "config/node.h:1: config may not use"),
    ({**GOOD, "lib/packet/parse.h": "#include <rte_ether.h>\n"}, "packet may not use DPDK"),
    ({**GOOD, "lib/base/ids.h": "#include <sys/socket.h>\n"}, "base may not use POSIX"),
    ({**GOOD, "lib/base/ids.h": "#include <stdint.h>\n"}, "write <cstdint>"),
    ({**GOOD, "lib/base/ids.h": "#include <qt/widget.h>\n"}, "no third party"),
    ({**GOOD, "lib/packet/parse.h": '#include "flow_key.h"\n'}, "write the path"),
    ({**GOOD, "lib/packet/parse.h": '#include "base/gone.h"\n'}, "does not exist"),
    ({**GOOD, "lib/fresh/fresh.h": "\n"}, "has no row"),
    ({**GOOD, "lib/base/meson.build": "base_dep = packet_dep\n"}, "packet_dep is not in the row"),
    ({**GOOD, "lib/packet/meson.build": "packet_dep = dpdk_dep\n"}, "dpdk_dep is not in the row"),
]
