# SPDX-License-Identifier: BSD-3-Clause
"""coveyd and dpdk-testpmd on endless captures, one for each queue, and how fast they are."""

import json
import os
import random
import re
import struct
import subprocess
import sys
import time
from pathlib import Path

from figures import BUILD

WORKER_CPU = 1
MAIN_CPU = 0

CONFIG = """\
version: 1
cluster:
  name: bench
  virtual_ips: [10.77.0.50/24]
  key_file: {directory}/cluster.key
host: {{ id: 1, name: bench }}
ports:
  uplink: {{ device: "vdev:{device}", queues: {queues} }}
  local: {{ kind: none }}
workers: {{ cpus: "{cpus}", idle: poll, control_cpu: {main} }}
port_rules:
  # Weight 0: every bucket of the rule is foreign to this host, the case that limits a cluster.
  - name: web
    vip: all
    protocol: tcp
    ports: "80"
    mode: multiple
    affinity: none
    weight: 0
api: {{ socket: {directory}/coveyd.sock, http: off }}
state_dir: {directory}
"""


def checksum(data: bytes) -> int:
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def tcp_frame(rng: random.Random) -> bytes:
    """A 60-byte mid-connection TCP segment from some client to port 80 of the virtual IP."""
    source = struct.pack("!I", 0x0A4D0000 | rng.randrange(1, 65534))
    ip = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 40, rng.randrange(65536), 0x4000, 64, 6, 0,
                     source, bytes([10, 77, 0, 50]))
    ip = ip[:10] + struct.pack("!H", checksum(ip)) + ip[12:]
    tcp = struct.pack("!HHIIBBHHH", rng.randrange(1024, 65536), 80, rng.getrandbits(32),
                      rng.getrandbits(32), 0x50, 0x10, 512, 0, 0)
    ethernet = bytes.fromhex("02bf0a4d0032") + bytes.fromhex("020000000001") + b"\x08\x00"
    return (ethernet + ip + tcp).ljust(60, b"\0")


def write_capture(path: Path, frames: int, seed: int) -> None:
    rng = random.Random(seed)
    with path.open("wb") as file:
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1))
        for _ in range(frames):
            frame = tcp_frame(rng)
            file.write(struct.pack("<IIII", 0, 0, len(frame), len(frame)) + frame)


def write_captures(directory: Path) -> list[Path]:
    """One for each CPU."""
    captures = [directory / f"foreign{number}.pcap" for number in range(2)]
    for seed, capture in enumerate(captures):
        write_capture(capture, 4096, seed)
    return captures


def pcap_device(captures: list[Path]) -> str:
    """A port with a queue for each; what is sent vanishes."""
    receive = "".join(f",rx_pcap={capture}" for capture in captures)
    return f"net_pcap0{receive},infinite_rx=1"


class Coveyd:
    """One coveyd on a device; rate() is in frames per second by its verdict counters."""

    def __init__(self, directory: Path, device: str, cpus: tuple[int, ...] = (WORKER_CPU,)):
        key = directory / "cluster.key"
        if not key.exists():
            key.write_text(os.urandom(32).hex() + "\n")
            key.chmod(0o600)
        (directory / "coveyd.yaml").write_text(
            CONFIG.format(directory=directory, device=device, main=MAIN_CPU, queues=len(cpus),
                          cpus=",".join(map(str, cpus))))
        self.socket = directory / "coveyd.sock"
        self.log = (directory / "coveyd.log").open("w")
        command = [str(BUILD / "app/coveyd/coveyd"), "-f", str(directory / "coveyd.yaml"),
                   "--test-memory"]
        self.process = subprocess.Popen(command, stdout=self.log, stderr=self.log)
        self.verdicts = {}
        deadline = time.monotonic() + 20
        while not (self.socket.exists() and self.frames()):
            if self.process.poll() is not None or time.monotonic() > deadline:
                sys.exit(f"coveyd did not start:\n{Path(self.log.name).read_text()}")
            time.sleep(0.1)

    def frames(self) -> int:
        command = [str(BUILD / "app/covey/covey"), "-s", str(self.socket), "--json", "stats"]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True)
        if done.returncode != 0:
            return 0
        self.verdicts = json.loads(done.stdout)["verdicts"]
        return sum(counts["frames"] for counts in self.verdicts.values())

    def rate(self, seconds: float) -> float:
        time.sleep(1)
        first, began = self.frames(), time.monotonic()
        time.sleep(seconds)
        last, ended = self.frames(), time.monotonic()
        return (last - first) / (ended - began)

    def close(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=20)
        self.log.close()


def testpmd_rate(device: str, seconds: float, mode: str = "rxonly",
                 cpus: tuple[int, ...] = (WORKER_CPU,)) -> float:
    lcores = ",".join(f"{number}@{cpu}" for number, cpu in enumerate((MAIN_CPU, *cpus)))
    arguments = ["dpdk-testpmd", f"--lcores={lcores}", "--no-huge", "-m", "512",
                 "--no-pci", "--no-shconf", "--file-prefix=covey-bench-testpmd",
                 f"--vdev={device}", "--", f"--forward-mode={mode}", "--burst=64",
                 "--total-num-mbufs=65536", f"--rxq={len(cpus)}", f"--txq={len(cpus)}",
                 f"--nb-cores={len(cpus)}", "--no-flush-rx", "--stats-period=1"]
    process = subprocess.Popen(arguments, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL, text=True)
    samples = []
    began = None
    for line in process.stdout:
        if match := re.search(r"RX-packets:\s+(\d+)", line):
            now = time.monotonic()
            began = began or now
            if now - began >= 1:
                samples.append((now, int(match[1])))
            if now - began >= seconds + 1.5:
                break
    process.terminate()
    process.wait(timeout=20)
    if len(samples) < 2:
        sys.exit("dpdk-testpmd gave no figures")
    (first_at, first), (last_at, last) = samples[0], samples[-1]
    return (last - first) / (last_at - first_at)


def coveyd_rate(directory: Path, device: str, cpus: tuple[int, ...], seconds: float,
                verdict: str) -> float:
    """Of a coveyd that drops nearly all as `verdict`."""
    coveyd = Coveyd(directory, device, cpus)
    rate = coveyd.rate(seconds)
    coveyd.close()
    total = sum(counts["frames"] for counts in coveyd.verdicts.values())
    if coveyd.verdicts[verdict]["frames"] < 0.95 * total:
        sys.exit(f"the frames are not {verdict} to coveyd: {coveyd.verdicts}")
    return rate
