# SPDX-License-Identifier: BSD-3-Clause
"""Every command of `covey --help` on a running cluster: what it prints, for people and programs,
what it says to nonsense, and whether the manual and the completion of the shells know it."""

import dataclasses
import json
import re
import secrets
import sys

import pytest
from covey_lab import settings
from covey_lab.shell import run
from strict import agreement

sys.path.insert(0, str(settings.REPOSITORY / "test" / "support"))

import openapi  # noqa: E402  pylint: disable=wrong-import-position

PAGE = openapi.Page()
COLUMNS = 80
EVENT = re.compile(r"\d{4}-\d\d-\d\dT\S+Z  \w+ ")  # a line each, however much it says
FROM, TO = f"{settings.CLIENT4}:40000", f"{settings.VIP4}:80"
JUNK = "\x01\x1b[31m\udcff;$(id)"  # \udcff is the byte 0xff
HUGE = "9" * 40
LONG = "x" * 3000


@dataclasses.dataclass
class Use:
    """One way to use a command. `{dir}` in its words is the lab's directory, `{new}` a name that
    nobody has used, `{held}` the number of the key that is held."""
    words: tuple  # after the name of the command
    schema: object = None  # of its JSON: a component of docs/openapi.yaml, [component] for an array
    back: tuple = ()  # commands that undo it
    status: int = 0
    json_status: int = 0
    is_file: bool = False  # what it prints is one, whose lines may be of any length

    def title(self):
        """For the name of the test."""
        return " ".join(self.words) or "-"


START3 = (("start", "3"),)
ORDERS = {
    "start": [Use((), "CommandReply"), Use(("all",), "CommandReply")],
    "stop": [Use(("3",), "CommandReply", START3)],
    "drainstop": [Use(("web3", "--timeout", "1s"), "CommandReply", START3)],
    "suspend": [Use(("3",), "CommandReply", (("resume", "3"), *START3))],
    "resume": [Use(("all",), "CommandReply")],
    "weight": [Use(("web", "10", "3"), "CommandReply", (("weight", "web", "50", "3"),)),
               Use(("db", "10"), "CommandReply", status=5, json_status=5)],
    "enable": [Use(("all",), "CommandReply"),
               Use(("block",), "CommandReply", status=5, json_status=5)],
    "disable": [Use(("sticky", "web2"), "CommandReply", (("enable", "sticky", "2"),))],
    "drain": [Use(("80",), "CommandReply", (("enable", "web"),)),
              Use(("all", "all"), "CommandReply", (("enable", "all", "all"),))],
    "reload": [Use((), "ReloadReply")],
    "key": [Use(("list",), "KeyList"),
            Use(("retire", "{held}"), "CommandReply", status=5, json_status=5)],  # the only one
}
QUESTIONS = {
    "query": [Use((), "Status"), Use(("web1", "--check"), "Status")],
    "display": [Use((), "ConfigReply", is_file=True)],
    "params": [Use((), ["RuleStatus"])],
    "health": [Use((), ["HealthRow"])],
    "queryport": [Use(("80",), "RuleStatus"), Use((TO, "tcp"), "RuleStatus"),
                  Use(("[2001:db8:77::50]:7777", "udp"), "RuleStatus"), Use(("9",), "RuleStatus")],
    "explain": [Use(("tcp", FROM, TO), "ExplainReply"),
                Use(("udp", FROM, TO, "--without", "web2"), "ExplainReply"),
                Use(("tcp", FROM, TO, "--flags", "ack"), "ExplainReply"),
                Use(("tcp", FROM, TO, "-f", "{dir}/h1.yaml", "--hosts", "1-3", "--no-key"),
                    "ExplainReply")],
    "stats": [Use((), "Stats"), Use(("--all",), "Stats"),
              Use(("--rate", "--interval", "100ms"), "Rates")],
    "buckets": [Use((), "BucketMaps"), Use(("web",), "BucketMaps"), Use(("spread",), "BucketMaps")],
    "flows": [Use((), ["FlowRow"]), Use(("--rule", "web", "--limit", "3"), ["FlowRow"])],
    "trace": [Use(("10",), "TraceReply"), Use(("--timeout", "1ms", "--host", "192.0.2.1"),
                                              "TraceReply")],
    "capture": [Use(("{dir}/walk.pcapng", "--count", "5", "--time", "10s"), "Captured")],
    "doctor": [Use(("--time", "100ms"), "Diagnosis")],
    "history": [Use((), ["HistoryRow"])],
    "events": [Use((), ["EventRow"]), Use(("--since", "1"), ["EventRow"])],
    "top": [Use(("--once", "--interval", "100ms"), json_status=2)],
    "ip2mac": [Use((), "ClusterMacs"), Use(("2001:db8::1",), "ClusterMacs")],
    "keygen": [Use((), "NewKey"), Use(("{dir}/{new}.key",), "NewKey")],
    "completion": [Use((shell,), is_file=True) for shell in ("bash", "zsh", "fish")],
    "version": [Use((), "Version")],
}
COMMANDS = {**QUESTIONS, **ORDERS}
SAYS_NOTHING = {("keygen", "{dir}/{new}.key"), ("capture", "{dir}/walk.pcapng")}

# What each command is told wrongly, with the exit status if that is not 2.
HOSTS = [((JUNK,), 2), ((HUGE,), 2), (("65",), 2), (("0",), 2), ((LONG,), 2), (("1", "2"), 2)]
RULES = [((), 2), ((JUNK,), 2), ((HUGE,), 2), ((LONG,), 2), (("web", "web9"), 2),
         (("web", JUNK), 2), (("23",), 5)]
NOTHING = [(("web",), 2), ((JUNK,), 2)]
EXPLAIN = ("tcp", FROM, TO)
WRONG = {
    "query": [((JUNK,), 2), ((HUGE,), 2), (("web1", "web2"), 2), (("web2",), 5)],
    "display": NOTHING, "params": NOTHING, "health": NOTHING, "history": NOTHING,
    "reload": NOTHING, "version": NOTHING,
    "queryport": [((), 2), ((JUNK,), 2), ((HUGE,), 2), (("65536",), 2), (("-1",), 2),
                  (("80", "sctp"), 2), (("[::1]",), 2), (("1.2.3.4.5:80",), 2)],
    "explain": [((), 2), (("tcp", FROM), 2), (("icmp", FROM, TO), 2), (("tcp", JUNK, TO), 2),
                (("tcp", FROM, "10.77.0.50:65536"), 2), (("tcp", FROM, "[2001:db8::1]:80"), 2),
                ((*EXPLAIN, "--flags", JUNK), 2), ((*EXPLAIN, "--without", HUGE), 2),
                ((*EXPLAIN, "--without", JUNK), 2), ((*EXPLAIN, "--own", "1"), 2)],
    "stats": [(("--interval", "1s"), 2), (("--rate", "--interval", JUNK), 2),
              (("--rate", "--interval", "9ms"), 2), (("--rate", "--interval", HUGE), 2)],
    "buckets": [((JUNK,), 2), ((HUGE,), 2), ((LONG,), 2)],
    "flows": [(("--bucket", "65536"), 2), (("--bucket", JUNK), 2), (("--limit", "10001"), 2),
              (("--limit", "-1"), 2), (("--rule", JUNK), 2), (("--rule",), 2)],
    "trace": [(("0",), 2), (("10001",), 2), ((JUNK,), 2), (("--timeout", "1h"), 2),
              (("--timeout", JUNK), 2), (("--timeout", HUGE), 2), (("--verdict", JUNK), 2),
              (("--host", JUNK), 2)],
    "capture": [((), 2), (("-", "no such filter"), 2), (("-", JUNK), 2), (("-", "--count", "0"), 2),
                (("-", "--count", HUGE), 2), (("-", "--time", "25h"), 2),
                (("/nowhere/file", "--count", "1"), 1)],
    "doctor": [(("--time", "61s"), 2), (("--time", JUNK), 2), (("--time", HUGE), 2)],
    "events": [(("--since", JUNK), 2), (("--since", HUGE), 2), (("--since", "-1"), 2)],
    "top": [((), 2), (("--once", "--interval", "1ms"), 2), (("--interval", JUNK), 2)],
    "start": HOSTS, "stop": HOSTS, "suspend": HOSTS, "resume": HOSTS,
    "drainstop": [*HOSTS, (("--timeout", JUNK), 2), (("--timeout", "-1s"), 2),
                  (("--timeout", "8d"), 2), (("--timeout", "200h"), 2)],
    "weight": [((), 2), (("web",), 2), (("web", "101"), 2), (("web", JUNK), 2), (("web", HUGE), 2),
               ((JUNK, "50"), 2), (("web", "50", JUNK), 2), (("block", "50"), 5)],
    "enable": RULES, "disable": RULES, "drain": RULES,
    "ip2mac": [((JUNK,), 2), (("10.77.0",), 2), ((HUGE,), 2)],
    "keygen": [(("a", "b"), 2), (("/nowhere/file",), 1)],
    "key": [((), 2), (("steal",), 2), (("add",), 2), (("add", "/nowhere/file"), 1),
            (("retire",), 2), (("retire", "256"), 2), (("retire", JUNK), 2), (("list", "x"), 2),
            (("add", "x", "--generate"), 2)],
    "completion": [((), 2), (("tcsh",), 2), ((JUNK,), 2)],
}


def _program():
    return str(settings.Options().program("covey"))


def _help(*command):
    return run(_program(), *command, "--help").stdout


def _names():
    """The commands that there are."""
    listed = _help().split("\n\n")[1]
    return re.findall(r"^  (\w+) ", listed, re.MULTILINE)


def _parameters(command):
    """(usage, [names]) from the help of a command."""
    text = _help(command)
    usage = text.splitlines()[0].removeprefix("covey ")
    return usage, re.findall(r"^  (\S+)  ", text, re.MULTILINE)


def _options(command):
    return [name for name in _parameters(command)[1] if name.startswith("-")]


def _covey(lab, command, words, *before):
    """Run it on host 1, as somebody who is logged in there."""
    fill = {"{dir}": str(lab.state.directory), "{new}": secrets.token_hex(8)}
    if "{held}" in words:
        holders = lab.ask(1, "key", "list")["hosts"]
        fill["{held}"] = next(str(row["keys"][0]["id"]) for row in holders if row["host"] == 1)
    filled = [re.sub(r"\{\w+\}", lambda match: fill[match.group()], word) for word in words]
    return lab.exec(1, [_program(), "-s", str(lab.state.directory / "h1.sock"), *before, command,
                        *filled], check=False, errors="surrogateescape")


def _text_of(said):
    """With a letter for each byte that is no UTF-8: they are repeated as they came."""
    return said.encode(errors="surrogateescape").decode(errors="replace")


def _undo(lab, use):
    for command in use.back:
        lab.covey(1, *command, check=True)


USES = [pytest.param(command, use, id=f"{command} {use.title()}")
        for command, uses in COMMANDS.items() for use in uses]


def test_every_command_is_in_the_tables_of_this_test():
    names = _names()
    assert sorted(COMMANDS) == sorted(names)
    assert sorted(WRONG) == sorted(names)


@pytest.mark.parametrize("command, use", USES)
def test_a_command_answers_people(lab, command, use):
    done = _covey(lab, command, use.words)
    _undo(lab, use)
    assert done.returncode == use.status, done.stderr
    assert bool(done.stdout) == (use.status == 0 and (command, *use.words[:1]) not in SAYS_NOTHING)
    if not use.is_file:
        assert "\033" not in done.stdout + done.stderr, "colour without a terminal"
        assert [line for line in done.stdout.splitlines()
                if len(line) > COLUMNS and not EVENT.match(line)] == []
    lab.wait_converged()


@pytest.mark.parametrize("command, use", USES)
def test_a_command_answers_programs(lab, command, use):
    done = _covey(lab, command, use.words, "--json")
    _undo(lab, use)
    assert done.returncode == use.json_status, done.stderr
    if use.schema is None:
        assert not done.stdout or use.is_file
    else:
        schema = use.schema if isinstance(use.schema, str) else {
            "type": "array", "items": {"$ref": f"#/components/schemas/{use.schema[0]}"}}
        assert PAGE.faults(schema, json.loads(done.stdout)) == []
        assert done.stdout.count("\n") == 1
    lab.wait_converged()


@pytest.mark.parametrize("command", list(WRONG))
def test_nonsense_gets_one_clear_line_and_changes_nothing(lab, command):
    before = agreement(lab)
    common = [(("--junk",), 2), (("-\udcff",), 2), (("x",) * 9, 2)]
    for words, status in (*WRONG[command], *common):
        for flags in ((), ("--json",)):
            done = _covey(lab, command, words, *flags)
            told = (flags, words, done.returncode, done.stdout, done.stderr)
            assert done.returncode == status, told
            if done.stdout:  # of an order, the answer of the daemon
                assert flags and command in ORDERS, told
                assert PAGE.faults("CommandReply", json.loads(done.stdout)) == [], told
                continue
            assert done.stderr.startswith("covey: "), told
            assert done.stderr.endswith("\n") and done.stderr.count("\n") == 1, told
            assert _text_of(done.stderr[:-1]).isprintable(), told
            assert len(done.stderr) > 20, told
    assert agreement(lab) == before


@pytest.mark.parametrize("command", list(COMMANDS))
def test_its_help_fits_a_terminal(command):
    text = _help(command)
    assert text.startswith(f"covey {command}")
    assert "\033" not in text
    lines = text.splitlines()[1:]  # the first is the usage, to be copied
    assert [line for line in lines if len(line) > COLUMNS] == []


def _manual():
    """{command: text of its section} of the manual page."""
    page = (settings.Options().build_dir() / "docs/man/covey.1").read_text(encoding="utf-8")
    page = page.replace("\\\n", "").split('.SH "COMMANDS"')[1].split(".SH ")[0]
    page = re.sub(r"\.RS\n.*?\.RE\n", lambda match: match.group().replace(".TP\n", ".parameter\n"),
                  page, flags=re.DOTALL)
    text = re.sub(r"\\f[BIR]", "", page).replace("\\-", "-").replace("\\(aq", "'")
    sections = text.split(".TP\n")[1:]
    return {section.split()[0]: section for section in sections}


def test_the_manual_has_a_section_for_each_command_with_all_it_takes():
    manual = _manual()
    assert list(manual) == _names()
    for command, section in manual.items():
        usage, parameters = _parameters(command)
        assert section.splitlines()[0] == usage
        assert re.findall(r"^\.parameter\n(\S+)$", section, re.MULTILINE) == parameters


def _by_bash(lines):
    program = settings.Options().program("covey")
    script = [f"PATH={program.parent}:$PATH", "source <(covey completion bash)"]
    script += [f'COMP_LINE="{line}"; COMP_POINT=${{#COMP_LINE}}; _covey; echo "${{COMPREPLY[@]}}"'
               for line in lines]
    return run("bash", "--norc", stdin="\n".join(script)).stdout.splitlines()


def _by_fish(lines):
    program = settings.Options().program("covey")
    script = [f"set PATH {program.parent} $PATH", "source (covey completion fish | psub)"]
    script += [f'echo (complete -C "{line}" | string split -f 1 \\t)' for line in lines]
    return run("fish", "--no-config", "-c", "\n".join(script)).stdout.splitlines()


@pytest.mark.parametrize("complete", [_by_bash, _by_fish])
def test_a_shell_completes_each_command_and_its_options(complete):
    names = _names()
    commands, *options = complete(["covey -s /run/no-such.sock ",
                                   *(f"covey -s /run/no-such.sock {name} -" for name in names)])
    assert set(names) <= set(commands.split())
    assert len(options) == len(names)
    for name, offered in zip(names, options):
        assert set(_options(name)) <= set(offered.split()), name


def test_the_script_for_zsh_has_each_command_and_its_options():
    script = run(_program(), "completion", "zsh").stdout
    for name in _names():
        assert re.search(rf"^\s+'{name} ", script, re.MULTILINE), name
        offers = re.search(rf"^\s+{name}\) offers=\(([^)]*)\)", script, re.MULTILINE)
        assert set(_options(name)) <= set(offers.group(1).split() if offers else []), name
