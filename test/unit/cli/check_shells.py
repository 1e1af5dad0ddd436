#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Command lines of covey are completed in bash, zsh and fish: check_shells.py COVEY

Each line of LINES ends at the cursor. The scripts are those that the program itself prints. In
zsh the builtins that only work at a prompt are replaced by such that print.
"""

import os
import pathlib
import pty
import select
import shlex
import subprocess
import sys
import tempfile
import time

import canned_daemon

FILES = ["one.key", "other.key"]
COMMANDS = ("query display params queryport explain stats top buckets flows trace capture doctor "
            "health history events start stop drainstop suspend resume weight enable disable drain "
            "reload ip2mac keygen key completion version").split()
COMMON = "-s --socket --json --no-color -h --help".split()
# A host whose name is no plain word is offered by its number.
HOSTS = ["web1", "web2", "db.example"] + [str(10 + at) for at in range(len(canned_daemon.HOSTILE))]
RULES = ["web", "db-1"]
SERVICES = [f"10.77.0.{host}:{port}" for host in (50, 51) for port in (1, 80, 443, 8000)]
SERVICES.append("10.77.0.51:5432")
LONG = ["--socket", "--json", "--no-color", "--help"]

# `-s @` names the daemon of this test; without it there is none.
LINES = [
    ("covey ", COMMANDS),
    ("covey q", ["query", "queryport"]),
    ("covey query", ["query", "queryport"]),
    ("covey queryp", ["queryport"]),
    ("covey s", ["stats", "start", "stop", "suspend"]),
    ("covey re", ["resume", "reload"]),
    ("covey zzz", []),
    ("covey __", []),
    ("covey -", COMMON),
    ("covey --", LONG),
    ("covey --n", ["--no-color"]),
    ("covey --json q", ["query", "queryport"]),
    ("covey --json --no-color d", ["disable", "display", "doctor", "drain", "drainstop"]),
    ("covey -s ", FILES),
    ("covey -s on", ["one.key"]),
    ("covey --socket ot", ["other.key"]),
    ("covey -s one.key v", ["version"]),
    ("covey query ", []),
    ("covey -s @ query ", HOSTS),
    ("covey -s @ query web", ["web1", "web2"]),
    ("covey --socket @ query d", ["db.example"]),
    ("covey query -s @ web", ["web1", "web2"]),
    ("covey -s @ query web1 ", []),
    ("covey query --c", ["--check"]),
    ("covey query -", ["--check", *COMMON]),
    ("covey -s @ query --check w", ["web1", "web2"]),
    ("covey display ", []),
    ("covey display --j", ["--json"]),
    ("covey -s @ queryport ", SERVICES),
    ("covey -s @ queryport 10.77.0.51:5", ["10.77.0.51:5432"]),
    ("covey -s @ queryport 10.77.0.50:", SERVICES[:4]),
    ("covey queryport 80 ", ["tcp", "udp"]),
    ("covey queryport 80 u", ["udp"]),
    ("covey queryport 80 tcp ", []),
    ("covey explain ", ["tcp", "udp"]),
    ("covey explain tcp ", []),
    ("covey -s @ explain tcp 10.77.0.100:40000 10.77.0.50:4", ["10.77.0.50:443"]),
    ("covey explain tcp 1.2.3.4:1 1.2.3.4:2 --f", ["--flags"]),
    ("covey explain --flags s", ["syn", "syn,ack"]),
    ("covey explain --flags syn ", ["tcp", "udp"]),
    ("covey -s @ explain --without ", HOSTS),
    ("covey explain -f o", FILES),
    ("covey explain tcp 1.2.3.4:1 1.2.3.4:2 -f one.key --o", ["--own"]),
    ("covey explain tcp 1.2.3.4:1 1.2.3.4:2 --no", ["--no-color", "--no-key"]),
    ("covey stats --", ["--all", "--rate", "--interval", *LONG]),
    ("covey -s @ buckets ", ["default", "spread", *RULES]),
    ("covey buckets ", ["default", "spread"]),
    ("covey flows --limit ", []),
    ("covey -s @ flows --bucket 7 --rule ", ["default", *RULES]),
    ("covey -s @ trace --verdict ", ["deliver_owned", "drop_not_owner", "drop_no_flow"]),
    ("covey -s @ trace 5 --verdict drop_not", ["drop_not_owner"]),
    ("covey trace --t", ["--timeout"]),
    ("covey capture o", FILES),
    ("covey capture one.key --", ["--count", "--time", *LONG]),
    ("covey doctor -", ["-f", "--time", *COMMON]),
    ("covey -s @ start a", ["all"]),
    ("covey -s @ stop ", ["all", *HOSTS]),
    ("covey -s @ drainstop --timeout 5m web", ["web1", "web2"]),
    ("covey -s @ weight ", RULES),
    ("covey weight web ", ["equal"]),
    ("covey -s @ weight web 50 w", ["web1", "web2"]),
    ("covey -s @ drain ", ["all", "default", *RULES]),
    ("covey drain ", ["all", "default"]),
    ("covey -s @ enable web w", ["web1", "web2"]),
    ("covey -s @ ip2mac ", ["10.77.0.50", "10.77.0.51", "2001:db8:77::50"]),
    ("covey -s @ ip2mac 2001:db8:7", ["2001:db8:77::50"]),
    ("covey keygen o", FILES),
    ("covey key ", ["list", "add", "retire"]),
    ("covey key add one", ["one.key"]),
    ("covey completion ", ["bash", "zsh", "fish"]),
]

BASH = """
COMP_WORDBREAKS=$' \\t\\n"\\'><=;|&(:'
complete_line() {
  COMP_LINE=$1 COMP_POINT=${#1}
  _covey
  printf '%s\\n' "${COMPREPLY[@]}" END
}
"""
ZSH = """
compdef() { : }
compadd() { print -rl -- ${(M)${(P)@[-1]}:#${words[CURRENT]}*} }
_files() { print -rl -- ${words[CURRENT]}*(N) }
source $1
complete_line() {
  words=("${(@s: :)1}") CURRENT=$#words
  _covey
  print END
}
"""
FISH = """
function complete_line
  complete -C $argv[1]
  echo END
end
"""


def last_word(line):
    """What stands before the cursor, up to a blank."""
    return line.rsplit(" ", 1)[1]


def run_shell(command, prelude, lines, where):
    """What is offered for each line."""
    script = prelude + "".join(f"complete_line {shlex.quote(line)}\n" for line in lines)
    done = subprocess.run([*command, script], cwd=where, capture_output=True, text=True,
                          check=False, timeout=100)
    if done.stderr:
        sys.exit(f"{command[0]}: {done.stderr}")
    return [part.splitlines() for part in done.stdout.split("END\n")[:-1]]


def offers_of_bash(script, lines, where):
    """bash replaces only what stands behind the last colon."""
    prelude = f"source {script}\n{BASH}"
    found = run_shell(["bash", "--norc", "-c"], prelude, lines, where)
    kept = [word[:word.rfind(":") + 1] for word in map(last_word, lines)]
    return [[start + word for word in words if word] for start, words in zip(kept, found)]


def offers_of_zsh(script, lines, where):
    """An array of no words is printed as an empty line."""
    found = run_shell(["zsh", "-f", "-c"], ZSH.replace("$1", str(script), 1), lines, where)
    return [[word for word in words if word] for words in found]


def offers_of_fish(script, lines, where):
    """Without the descriptions."""
    found = run_shell(["fish", "--no-config", "-c"], f"source {script}\n{FISH}", lines, where)
    return [[word.split("\t")[0] for word in words] for words in found]


SHELLS = {"bash": offers_of_bash, "zsh": offers_of_zsh, "fish": offers_of_fish}


def check_lines(shell, covey, where, lines):
    """Number of lines that are completed otherwise."""
    script = where.parent / f"covey.{shell}"
    script.write_text(subprocess.check_output([covey, "completion", shell], text=True))
    asked = [line.replace("@", str(where.parent / "socket")) for line, _ in lines]
    found = SHELLS[shell](script, asked, where)
    assert len(found) == len(lines), f"{shell}: {len(found)} answers to {len(lines)} lines"
    wrong = 0
    for (line, expected), offers in zip(lines, found):
        if sorted(offers) != sorted(expected):
            print(f"{shell}: {line!r}: {sorted(offers)} instead of {sorted(expected)}")
            wrong += 1
    return wrong


def read_until(terminal, wanted, seconds=30):
    """What the terminal showed until the wanted text came, or everything until the time is up."""
    shown = ""
    end = time.monotonic() + seconds
    while wanted not in shown and time.monotonic() < end:
        if select.select([terminal], [], [], 0.1)[0]:
            shown += os.read(terminal, 4096).decode(errors="replace")
    return shown


def check_tab_key(where):
    """A person at a prompt of bash: one tab key, behind a colon."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.chdir(where)
        os.environ |= {"TERM": "dumb", "PS1": "ready> ", "INPUTRC": "/dev/null"}
        os.execvp("bash", ["bash", "--norc", "--noprofile", "-i"])
    try:
        socket = os.path.relpath(where.parent / "socket", where)
        os.write(terminal, b"stty -echo; source ../covey.bash; stty echo; echo so'urced'\n")
        read_until(terminal, "sourced")
        os.write(terminal, f"covey -s {socket} queryport 10.77.0.51:5\t".encode())
        shown = read_until(terminal, "10.77.0.51:5432 ")
    finally:
        os.close(terminal)  # the shell ends when its terminal goes away
        os.waitpid(pid, 0)
    if "10.77.0.51:5432 " in shown:
        return 0
    print(f"a tab key in bash: {shown!r}")
    return 1


def main():
    """As test/run counts."""
    covey = pathlib.Path(sys.argv[1]).resolve()
    with tempfile.TemporaryDirectory() as top:
        where = pathlib.Path(top) / "files"
        where.mkdir()
        for name in FILES:
            (where / name).touch()
        programs = pathlib.Path(top) / "bin"
        programs.mkdir()
        (programs / "covey").symlink_to(covey)
        os.environ |= {"PATH": f"{programs}:{os.environ['PATH']}", "HOME": top, "LC_ALL": "C.UTF-8"}
        canned_daemon.serve(pathlib.Path(top) / "socket")
        failed = sum(check_lines(shell, covey, where, LINES) for shell in SHELLS)
        failed += check_tab_key(where)
        if sorted(path.name for path in where.iterdir()) != sorted(FILES):
            print("a name that the daemon gave was run by a shell")
            failed += 1
    total = len(SHELLS) * len(LINES) + 2
    print(f"{total - failed} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
