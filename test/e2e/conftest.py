# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the end-to-end suite: one shared cluster, put right again before each test.

`lab` is a converged three-host cluster with weights 100/100/50 and heartbeats of 100 ms x 3.
Tests may kill, stop, drain and reweight its hosts as they like. A sniffer watches the segment for
as long as the cluster lives: after every test, no frame may have had the cluster MAC as source.
When a test fails, the report carries each host's view and the end of its log; whole logs are kept
in e2e-logs/ of the build directory.
"""

import contextlib
import os
import pathlib
import shutil
import sys

import pytest

sys.path[:0] = [str(pathlib.Path(__file__).resolve().parents[1] / name)
                for name in ("lab", "support")]

# pylint: disable=wrong-import-position
from covey_lab import daemon, settings
from covey_lab.lab import Lab, install_signal_handlers, sweep
from covey_lab.shell import LabError
from covey_lab.traffic.frames import Sniffer, source_is

WEIGHTS = [100, 100, 50]
# So that there are metrics of checks; it holds nothing back.
HEALTH = ['{ name: web, http: "http://127.0.0.1/healthz", on_fail: report }']
_MODE = {}  # what --mode changes of every cluster


def options(**changes):
    """The options of the shared cluster, or a variation under another tag."""
    values = {"tag": f"e2e{os.getpid()}", "weights": list(WEIGHTS), "interval": "100ms",
              "tolerance": 3, "log_level": "debug", "health": list(HEALTH), **_MODE}
    return settings.Options(**{**values, **changes})


def default_timers():
    """The options of the cluster that keeps the defaults: heartbeats of 200 ms x 5."""
    return options(tag=f"e2ed{os.getpid()}", weights=[], interval="200ms", tolerance=5)


class Shared:
    """A cluster that tests share; made on first use, and made anew when it cannot be mended."""

    def __init__(self, choose):
        self._choose = choose
        self.lab = None
        self.sniffer = None

    def get(self):
        """The cluster, converged, all hosts started, all weights as configured."""
        if self.lab is not None:
            try:
                self._mend()
                return self.lab
            except LabError as error:
                print(f"the shared cluster cannot be mended and is made anew: {error}")
                self.close()
        self.lab = Lab(self._choose())
        self.lab.__enter__()
        self.sniffer = Sniffer(self.lab.namespace("hub"), source_is(self.lab.options.cluster_mac()))
        return self.lab

    def _mend(self):
        lab = self.lab
        lab.heal()
        for host in lab.hosts():
            if not lab.running(f"coveyd-{host}"):
                lab.start(host)
            lab.resume(host)
            view = lab.query(host)
            if view and view["host"]["state"] in ("stopped", "suspended", "draining"):
                lab.covey(host, "resume")
                lab.covey(host, "start")
            for rule in view["rules"] if view else []:
                lab.covey(host, "enable", rule["rule"])
        lab.wait_converged(timeout=15)

    def close(self):
        """Take the cluster away."""
        if self.sniffer:
            self.sniffer.stop()
            self.sniffer = None
        if self.lab:
            self._keep_logs()
            self.lab.__exit__()
            self.lab = None

    def _keep_logs(self):
        kept = self.lab.options.build_dir() / "e2e-logs" / self._choose.__name__
        kept.mkdir(parents=True, exist_ok=True)
        for log in self.lab.state.directory.glob("h*.log"):
            shutil.copy(log, kept / log.name)

    def describe(self):
        """Views and log tails of all hosts, for the report of a failed test."""
        parts = []
        for host in self.lab.hosts():
            view = self.lab.query(host) if self.lab.running(f"coveyd-{host}") else None
            parts.append(f"{settings.host_name(host)}: {daemon.describe(view)}\n"
                         + daemon.log_tail(self.lab, host))
        return "\n".join(parts)


_SHARED = Shared(options)
_DEFAULT = Shared(default_timers)
_UP = [_SHARED, _DEFAULT]


@contextlib.contextmanager
def lab_of_its_own(**changes):
    """A cluster for some tests alone, from the options with these changes; no other one is up."""
    def of_its_own():
        return options(tag=f"e2ef{os.getpid()}", **changes)

    _SHARED.close()
    _DEFAULT.close()
    own = Shared(of_its_own)
    _UP.append(own)
    try:
        yield own.get()
        assert own.sniffer.count == 0, "a frame left with the cluster MAC as its source address"
    finally:
        _UP.remove(own)
        own.close()


def pytest_addoption(parser):
    """`--long`: the full figures instead of those that fit into `make test`."""
    parser.addoption("--long", action="store_true", help="hours of faults instead of seconds")
    parser.addoption("--mode", choices=["unicast", "multicast", "igmp"], default="unicast",
                     help="the whole suite in this mode, igmp on a bridge that snoops and asks")


def pytest_configure(config):
    """Clean up what a killed earlier run left, and let SIGTERM clean up this one."""
    mode = config.getoption("--mode")
    if mode != "unicast":
        _MODE.update(mode=mode, querier=3 if mode == "igmp" else 0)
    install_signal_handlers()
    sweep()


@pytest.fixture(scope="session", name="shared", autouse=True)
def _shared():
    yield
    _SHARED.close()
    _DEFAULT.close()


def _one_of(wanted, other):
    other.close()  # two clusters at once would be too much for a small machine
    lab = wanted.get()
    yield lab
    assert wanted.sniffer.count == 0, "a frame left with the cluster MAC as its source address"


@pytest.fixture(name="lab")
def _lab():
    yield from _one_of(_SHARED, _DEFAULT)


@pytest.fixture(name="default_lab")
def _default_lab():
    yield from _one_of(_DEFAULT, _SHARED)


@pytest.fixture(name="fresh_lab")
def _fresh_lab():
    """Makes a cluster for one test from the options it is given; nothing else is up then."""
    with contextlib.ExitStack() as made:
        yield lambda **changes: made.enter_context(lab_of_its_own(**changes))


@pytest.fixture(name="no_lab", scope="module")
def _no_lab(request):
    """For tests that make their own, in their own mode: no other one is up."""
    if request.config.getoption("--mode") != "unicast":
        pytest.skip("chooses the mode of its lab itself")
    _SHARED.close()
    _DEFAULT.close()


@pytest.fixture(name="long")
def _long(request):
    return request.config.getoption("--long")


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the state of the cluster to the report of a failed test, before it is mended."""
    report = (yield).get_result()
    if report.failed and call.when == "call":
        for shared in _UP:
            if shared.lab:
                report.sections.append(("cluster", shared.describe()))
