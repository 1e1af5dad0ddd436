# SPDX-License-Identifier: BSD-3-Clause
"""What the documents tell somebody to type in a clone: run as it is written, in layers over the
tree, the build and the machine that are gone afterwards.

What takes long is what `make test` runs anyway, or more of it. Of that it is shown that the program
takes the words, and chooses something by them; TRIALS says how, and why.
"""

import dataclasses
import re
import typing

import pytest
from covey_lab.settings import REPOSITORY
from document_places import SOURCE, blocks, in_block, unknown
from document_shell import Machine, says

SUITE = "a suite, which test/run runs"
LONG = "takes long"
FUZZ = REPOSITORY / "test" / "fuzz"
REWRITE = "COVEY_REWRITE_GOLDEN=1 meson test -C build"
WRITERS = "golden-config-reference golden-conversations golden-replay"
# What stands for something in a document.
FILL = {"/some/where": "/tmp/where"}


@dataclasses.dataclass
class Trial:
    """How a command is tried where that is not only to run it with success: the `line` that is run
    instead and `why`, or `run`, which does it in its own way."""
    look: typing.Callable = lambda machine, done: None
    line: str = ""
    why: str = ""
    run: typing.Callable = lambda machine, line: machine.run(line)
    status: int | None = 0  # None: says something else than success


def _plan(target, why, pattern):
    """make, which only says what it would do."""
    return Trial(says(pattern), f"make -n {target}", why)


def _suite(name):
    """test/run, which says what suites there are when it is asked for another one."""
    return Trial(says(rf"allowed: .*\b{name}\b"), "test/run none", SUITE, status=2)


def _collected(line):
    """pytest, which only says what it would run."""
    return Trial(says(r"\b\d+/\d+ tests collected"), f"{line} --collect-only", LONG)


def _listed(line, pattern):
    return Trial(says(pattern), f"{line} --list", LONG)


def _shorter(line):
    """A campaign of fewer hours."""
    return Trial(says(r"\"violations\": 0,"), line, LONG)


def _fuzzed(*targets):
    """The targets are there, to be built and run."""
    def look(*_):
        assert all((FUZZ / "corpus" / target).is_dir() and (FUZZ / f"{target}.cc").is_file()
                   for target in targets)

    return Trial(look, "bash -n test/fuzz/run", "needs clang-19, and takes long")


def _keeping(question):
    """Runs a line, after which question(machine) has the same answer as before."""
    def run(machine, line):
        before = question(machine)
        done = machine.run(line)
        assert question(machine) == before
        return done

    return run


# The golden files, written anew, are what they were; nothing is written to /etc.
_writes_the_same = _keeping(lambda machine: machine.must("git diff"))
_install = _keeping(lambda machine: machine.written("/etc"))


def _begun(machine, line):
    """Until Ctrl-C, unless it is faster."""
    return machine.until(line, lambda said: "cluster-hours" in said)


def _goes_on(_, done):
    """The same command would go on from there; or all is done, and nothing was wrong."""
    assert (done.status == 130 and "the same command goes on from here" in done.output
            or done.status == 0 and re.search(r"\b0 violations", done.output)), done


def _installed(machine, _):
    assert {"bin/covey", "sbin/coveyd", "share/doc/covey/examples/covey.default"} \
        <= set(machine.written("/usr/local"))


def _bash_completes(machine, _):
    # Not all that it asks on its way is true.
    assert machine.run("COMP_LINE='covey que'; COMP_POINT=9; COMPREPLY=(); _covey; "
                       "echo ${COMPREPLY[@]}").output == "query queryport\n"


def _zsh_completes(machine, _):
    assert machine.must("zsh -fc 'autoload -Uz compinit; compinit -uD; echo $_comps[covey]'") \
        == "_covey\n"


def _fish_completes(machine, _):
    assert "query" in machine.must("fish -c 'complete -C \"covey qu\"'")


def _with_directory(machine, line):
    """Where bash-completion is installed, it is there."""
    machine.must("mkdir -p /etc/bash_completion.d")
    return machine.run(f"{line}; source /etc/bash_completion.d/covey")


def _holds(_, done):
    """All that the demo says, but how fast it was: others may be at work on this machine."""
    wrong = re.findall(r"^  ✗ (.*)$", done.output, re.MULTILINE)
    assert bool(wrong) == (done.status != 0), done
    assert [text for text in wrong if "(limit 1 s)" not in text] == [], done


COVERED = "All tests passed"
TRIALS = {
    # CONTRIBUTING.md and README.md
    "make test": _plan("test", SUITE, "^test/run$"),
    "test/run unit": _suite("unit"),
    "make lint": _plan("lint", SUITE, "^test/lint/run$"),
    "make format": _plan("format", "would change files", "clang-format -i$"),
    "make demo": Trial(_holds, status=None),
    "make deb": _plan("deb", "the suite package does it", "^conf/debian/build"),
    # docs/operations.md and docs/cli.md
    "make install": Trial(_installed, run=_install),
    "covey completion bash > /etc/bash_completion.d/covey":
        Trial(_bash_completes, run=_with_directory),
    "source <(covey completion bash)": Trial(_bash_completes),
    "covey completion zsh  > /usr/local/share/zsh/site-functions/_covey": Trial(_zsh_completes),
    "covey completion fish > /etc/fish/completions/covey.fish": Trial(_fish_completes),
    # docs/performance.md and docs/testing.md
    "make bench": _plan("bench", LONG, "^test/bench/run$"),
    "ninja -C build && build/test/unit/bucket/bucket_test": Trial(says(COVERED)),
    'build/test/unit/bucket/bucket_test "a draining host*"': Trial(says(COVERED)),
    # Of Catch2 2, the status is how many there are.
    "build/test/unit/bucket/bucket_test --list-test-names-only":
        Trial(says("^a draining host"), status=None),
    "meson test -C build --suite unit --print-errorlogs":
        _listed("meson test -C build --suite unit --print-errorlogs", "^covey.*:unit / unit-cli$"),
    "/usr/bin/python3 -m pytest -q test/e2e -k drainstop":
        _collected("/usr/bin/python3 -m pytest -q test/e2e -k drainstop"),
    "test/e2e/run --long -k fault": _collected("test/e2e/run --long -k fault"),
    "test/e2e/run --mode igmp -k serving": _collected("test/e2e/run --mode igmp -k serving"),
    "test/lint/run layering headers":
        _listed("test/lint/run layering headers", "^headers .*\n(.*\n)*^layering "),
    "test/mutants/run": _suite("mutants"),
    'test/mutants/run "orphans at once"': Trial(says("^1 passed, 0 failed$")),
    "test/instructions/run": _suite("instructions"),
    "test/instructions/run foreign_ipv4": Trial(says("^1 passed, 0 failed$")),
    "covey-sim --hosts 8 --hours 100 --seed 1":
        _shorter("covey-sim --hosts 8 --hours 1 --seed 1"),
    "covey-sim --hosts 3 --hours 10 --faults 2000 --interval 100ms --tolerance 3 --whole-links":
        _shorter("covey-sim --hosts 3 --hours 1 --faults 2000 --interval 100ms --tolerance 3 "
                 "--whole-links"),
    "make soak": _plan("soak JOBS=1", LONG, "^test/sim/soak --jobs 1$"),
    "test/sim/soak --hours 100 --faults 10000 --jobs 1":
        Trial(_goes_on, run=_begun, status=None),
    f"{REWRITE} --suite golden": Trial(line=f"{REWRITE} --suite golden {WRITERS}",
                                       why="the others write nothing", run=_writes_the_same),
    f"{REWRITE} unit-heartbeat unit-config": Trial(run=_writes_the_same),
    "make fuzz": _plan("fuzz", LONG, "^test/fuzz/run$"),
    "test/fuzz/run 600": _fuzzed(),
    "test/fuzz/run 600 config_load": _fuzzed("config_load"),
    "build-fuzz/test/fuzz/fuzz_<target> -set_cover_merge=1 test/fuzz/corpus/<target> "
    "build-fuzz/corpus/<target>": _fuzzed(*(path.name for path in (FUZZ / "corpus").iterdir())),
    "meson test -C build-asan --print-errorlogs":
        _listed("meson test -C build-asan --print-errorlogs", "^covey.*:unit / unit-bucket$"),
}


@pytest.fixture(name="machine", scope="module")
def _machine():
    with Machine() as machine:
        machine.must("export COVEY_TEST_CASES=10000")  # the suites have more
        yield machine


def test_the_table_of_this_test_is_about_commands_that_there_are():
    assert unknown(TRIALS, SOURCE) == []


@pytest.mark.parametrize("document, block", blocks(SOURCE))
def test_a_clone_does_what_the_document_says(machine, document, block):
    for command in in_block(SOURCE, document, block):
        trial = TRIALS.get(command.text, Trial())
        line = trial.line or command.text
        for placeholder, filled in FILL.items():
            line = line.replace(placeholder, filled)
        done = trial.run(machine, line)
        assert trial.status in (done.status, None), (command.place(), done)
        trial.look(machine, done)
