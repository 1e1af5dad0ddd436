# SPDX-License-Identifier: BSD-3-Clause
"""coveyd with no more than its unit for systemd lets it have."""

import os
import pathlib
import signal

import pytest
from conftest import lab_of_its_own
from covey_lab import settings, unit_limits
from covey_lab.state import Process
from covey_lab.traffic.http import failures, run_fleet, served, spread

UNITS = settings.REPOSITORY / "conf" / "systemd"
LIMITS = {"the unit": [UNITS / "coveyd.service.in"],
          "with the drop-in for af_packet": [UNITS / "coveyd.service.in",
                                             UNITS / "af_packet.conf"]}
CAPABILITIES = {"CAP_CHOWN": 0, "CAP_DAC_OVERRIDE": 1, "CAP_NET_ADMIN": 12, "CAP_NET_RAW": 13,
                "CAP_IPC_LOCK": 14, "CAP_SYS_RAWIO": 17, "CAP_SYS_ADMIN": 21, "CAP_SYS_NICE": 23,
                "CAP_SYS_RESOURCE": 24, "CAP_BPF": 39}


@pytest.fixture(name="pair", scope="module")
def _pair():
    """A cluster of two; host 2 will be limited."""
    with lab_of_its_own(hosts=2, weights=[100, 100]) as lab:
        yield lab


def _start_limited(lab, files):
    lab.kill(2)
    runtime = pathlib.Path("/run/covey")  # RuntimeDirectory=, which systemd would make
    runtime.mkdir(exist_ok=True)
    writable = ":".join(str(path) for path in (runtime, lab.state.directory))
    lab.options.daemon_prefix = [unit_limits.__file__, ":".join(map(str, files)), writable]
    lab.start(2)
    lab.options.daemon_prefix = []
    lab.wait_converged()


def _status(process):
    text = pathlib.Path(f"/proc/{process.pid}/status").read_text(encoding="ascii")
    return dict(line.split(":", 1) for line in text.splitlines())


def _scheduling(lab, host):
    """{thread: (policy, priority)} of a host's daemon: fields 41 and 40 of proc(5)."""
    found = {}
    for task in pathlib.Path(f"/proc/{lab.coveyd(host).child().pid}/task").iterdir():
        fields = (task / "stat").read_text().rpartition(")")[2].split()
        found[(task / "comm").read_text().strip()] = (fields[38], fields[37])
    return found


def _warnings(lab, host):
    log = (lab.state.directory / f"h{host}.log").read_text(errors="replace")
    return [line for line in log.rpartition("event=stopped")[2].splitlines()
            if " warning " in line or " error " in line or line.startswith(("coveyd:", "dpdk:"))]


@pytest.mark.parametrize("limits", LIMITS)
def test_with_the_limits_of_its_unit_a_host_does_all_that_it_does_without(pair, limits):
    _start_limited(pair, LIMITS[limits])
    status = _status(pair.coveyd(2).child())
    names = unit_limits.settings_of(LIMITS[limits])["CapabilityBoundingSet"]
    allowed = sum(1 << CAPABILITIES[name] for name in names)
    ours = int(_status(Process.of(os.getpid()))["CapBnd"], 16)  # a container has not all of them
    assert int(status["CapBnd"], 16) == allowed & ours
    assert status["Seccomp"].strip() == "2"
    assert _warnings(pair, 2) == []
    assert _scheduling(pair, 2) == _scheduling(pair, 1)

    attempts = run_fleet(pair.namespace("client"),
                         spread(settings.sources4(60), 200, settings.VIP4))
    assert not failures(attempts)
    assert set(served(attempts)) == {"web1", "web2"}
    assert pair.covey(2, "reload").returncode == 0
    pair.covey(2, "key", "add", "--generate", check=True)  # writes the key file
    pair.covey(2, "key", "retire", "1", "--force", check=True)
    pair.covey(2, "stop", check=True)  # writes the state
    pair.covey(2, "start", check=True)
    pair.wait_converged()
    assert pair.kill(2, signal.SIGTERM) == 0
    assert "covey0" not in pair.exec(2, ["ip", "-br", "link"]).stdout
    assert "promisc" not in pair.exec(2, ["ip", "link", "show", "up0"]).stdout.lower()
    assert pair.exec(2, ["nft", "list", "ruleset"]).stdout == ""
    pair.start(2)
    pair.wait_converged()


def test_what_the_unit_takes_away_is_gone(pair, tmp_path):
    files = ":".join(map(str, LIMITS["with the drop-in for af_packet"]))
    script = ("import os, socket\n"
              "for deed in (lambda: open('/etc/covey-was-here', 'w'),\n"
              "             lambda: socket.socket(socket.AF_BLUETOOTH, socket.SOCK_RAW, 0),\n"
              "             lambda: os.chroot('/'),\n"
              "             lambda: __import__('mmap').mmap(-1, 4096, prot=7)):\n"
              "    try:\n"
              "        deed()\n"
              "        print('done')\n"
              "    except OSError as error:\n"
              "        print(error.errno)\n")
    said = pair.exec(2, [unit_limits.__file__, files, str(tmp_path), "/usr/bin/python3", "-c",
                         script])
    assert said.stdout.split() == ["30", "1", "1", "1"], said.stderr  # EROFS, EPERM
