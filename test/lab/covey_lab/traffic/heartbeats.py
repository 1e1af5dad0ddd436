# SPDX-License-Identifier: BSD-3-Clause
"""Heartbeats on the segment, as Wireshark's dissector reads them."""

import contextlib

from ..settings import REPOSITORY
from ..shell import run, wait_until

SCRIPT = REPOSITORY / "conf" / "wireshark" / "covey.lua"


class Capture:
    """What passed over the bridge meanwhile, as tshark reads it."""

    def __init__(self, lab, path):
        self._key = lab.state.directory / "h1.key"
        self._path = path

    def rows(self, only, *fields, key=None):
        """These fields of the frames that a display filter lets pass."""
        args = ["-r", str(self._path), "-X", f"lua_script:{SCRIPT}",
                "-o", f"covey.key:{self._key if key is None else key}", "-Y", only, "-T", "fields"]
        for field in fields:
            args += ["-e", field]
        done = run("tshark", *args)
        assert "lua" not in done.stderr.lower(), done.stderr
        return [tuple(line.split("\t")) for line in done.stdout.splitlines()]


@contextlib.contextmanager
def captured(lab):
    """Capture on the bridge while the block runs."""
    path = lab.state.directory / "heartbeats.pcap"
    log = lab.state.directory / "capture.log"
    log.unlink(missing_ok=True)
    # At once: otherwise the last second of frames is lost when it ends.
    lab.spawn("capture", lab.namespace("hub"), ["tcpdump", "-i", "br0", "-n", "-U",
                                                "--immediate-mode", "-w", str(path),
                                                "ether", "proto", "0x88b5"])
    try:
        wait_until(lambda: "listening on" in log.read_text(), 10, "tcpdump to listen")
        yield Capture(lab, path)
    finally:
        lab.stop_process("capture")
