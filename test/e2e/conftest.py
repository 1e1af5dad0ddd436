# SPDX-License-Identifier: BSD-3-Clause
"""Fixtures of the end-to-end suite: one shared cluster, put right again before each test.

`lab` is a converged three-host cluster with weights 100/100/50 and heartbeats of 100 ms x 3.
Tests may kill, stop, drain and reweight its hosts as they like. A sniffer watches the segment for
as long as the cluster lives: after every test, no frame may have had the cluster MAC as source.
When a test fails, the report carries each host's view and the end of its log; whole logs are kept
in e2e-logs/ of the build directory.
"""

import os
import pathlib
import shutil
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "lab"))

# pylint: disable=wrong-import-position
from covey_lab import daemon, settings
from covey_lab.lab import Lab, install_signal_handlers, sweep
from covey_lab.shell import LabError
from covey_lab.traffic.frames import Sniffer, source_is

WEIGHTS = [100, 100, 50]


def options(**changes):
    """The options of the shared cluster, or a variation under another tag."""
    values = {"tag": f"e2e{os.getpid()}", "weights": list(WEIGHTS), "interval": "100ms",
              "tolerance": 3, "log_level": "debug"}
    return settings.Options(**{**values, **changes})


class Shared:
    """The cluster all tests share; made on first use, and made anew when it cannot be mended."""

    def __init__(self):
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
        self.lab = Lab(options())
        self.lab.__enter__()
        self.sniffer = Sniffer(self.lab.namespace("hub"), source_is(settings.cluster_mac()))
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
        kept = self.lab.options.build_dir() / "e2e-logs"
        kept.mkdir(exist_ok=True)
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


_SHARED = Shared()


def pytest_configure():
    """Clean up what a killed earlier run left, and let SIGTERM clean up this one."""
    install_signal_handlers()
    sweep()


@pytest.fixture(scope="session", name="shared")
def _shared():
    yield _SHARED
    _SHARED.close()


@pytest.fixture(name="lab")
def _lab(shared):
    lab = shared.get()
    yield lab
    assert shared.sniffer.count == 0, "a frame left with the cluster MAC as its source address"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Add the state of the cluster to the report of a failed test, before it is mended."""
    report = (yield).get_result()
    if report.failed and call.when == "call" and "lab" in item.fixturenames and _SHARED.lab:
        report.sections.append(("cluster", _SHARED.describe()))
