#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""covey-replay on a capture that Scapy makes here: check_replay.py PROGRAM CONFIG EXPECTED

With COVEY_REWRITE_GOLDEN=1 in the environment the expected text is written, to be reviewed.
"""

import difflib
import json
import logging
import os
import pathlib
import subprocess
import sys
import tempfile

logging.getLogger("scapy").setLevel(logging.ERROR)

# pylint: disable=wrong-import-position
from scapy.layers.inet import ICMP, IP, TCP, UDP
from scapy.layers.inet6 import IPv6
from scapy.layers.l2 import ARP, Dot1Q, Ether
from scapy.packet import Raw
from scapy.utils import wrpcap, wrpcapng

CLUSTER = "02:bf:0a:4d:00:32"
OWN = "02:01:0a:4d:00:32"
CLIENT = "02:00:00:00:00:64"
VIP, CLIENT4 = "10.77.0.50", "10.77.0.100"
VIP6, CLIENT6 = "2001:db8:77::50", "2001:db8:77::100"


def to_cluster(payload):
    """A frame of the client."""
    return Ether(dst=CLUSTER, src=CLIENT) / payload


def from_host(payload):
    """A frame that host 1 sent."""
    return Ether(dst=CLIENT, src=OWN) / payload


def frames():
    """One of most kinds; new connections from ten ports, of which some fall to host 1."""
    listed = [to_cluster(IP(src=CLIENT4, dst=VIP) / TCP(sport=port, dport=80, flags="S", seq=1))
              for port in range(1000, 1010)]
    held = IP(src=CLIENT4, dst=VIP) / TCP(sport=1001, dport=80, flags="A", seq=2, ack=6)
    listed += [
        from_host(IP(src=VIP, dst=CLIENT4) / TCP(sport=80, dport=1001, flags="SA", seq=5, ack=2)),
        from_host(IP(src=VIP, dst=CLIENT4) / TCP(sport=80, dport=1001, flags="A", seq=6, ack=2)),
        to_cluster(held),
        to_cluster(Dot1Q(vlan=7) / held),
        to_cluster(IP(src=CLIENT4, dst=VIP) / ICMP(type=3, code=4)
                   / IP(src=VIP, dst=CLIENT4) / TCP(sport=80, dport=1001)),
        to_cluster(IP(src=CLIENT4, dst=VIP) / TCP(sport=1, dport=5432, flags="S")),
        to_cluster(IP(src=CLIENT4, dst=VIP) / TCP(sport=1, dport=23, flags="S")),
        to_cluster(IP(src=CLIENT4, dst=VIP) / UDP(sport=1, dport=53)),
        to_cluster(IPv6(src=CLIENT6, dst=VIP6) / TCP(sport=1, dport=80, flags="S")),
        to_cluster(IP(src=CLIENT4, dst="10.77.0.11") / TCP(sport=1, dport=22, flags="S")),
        to_cluster(IP(src=CLIENT4, dst=VIP) / ICMP()),
        Ether(dst="ff:ff:ff:ff:ff:ff", src=CLIENT) / ARP(psrc=CLIENT4, pdst=VIP, hwsrc=CLIENT),
        Ether(dst="02:00:00:00:00:99", src=CLIENT) / IP(src=CLIENT4, dst="10.77.0.99"),
        from_host(IP(src="10.77.0.99", dst=CLIENT4) / UDP()),
        to_cluster(Raw(b"\x45")),
    ]
    return listed


def replay(program, config, capture, *options):
    """What covey-replay prints."""
    done = subprocess.run([program, capture, "-f", config, "--no-key", "--hosts", "1-3",
                           *options],
                          capture_output=True, text=True, check=False, timeout=60)
    if done.returncode != 0:
        sys.exit(f"exit status {done.returncode}: {done.stderr}")
    return done.stdout


def check_json(text, json_text):
    """The JSON says the same as the text."""
    rows = [json.loads(line) for line in json_text.splitlines()]
    words = [line.split()[2] for line in text.splitlines()[:len(rows) - 1]]
    if [row["verdict"] for row in rows[:-1]] != words:
        sys.exit("--json and the text differ")
    if sum(rows[-1]["totals"].values()) != len(rows) - 1:
        sys.exit("the totals are not those of the frames")


def main():
    """Exit status 0 if the text is the expected one, from pcap and from pcapng."""
    program, config, expected = sys.argv[1:]
    with tempfile.TemporaryDirectory() as directory:
        pcap, pcapng = f"{directory}/f.pcap", f"{directory}/f.pcapng"
        wrpcap(pcap, frames())
        wrpcapng(pcapng, frames())
        text = replay(program, config, pcap)
        if text != replay(program, config, pcapng):
            sys.exit("pcap and pcapng give different answers")
        check_json(text, replay(program, config, pcap, "--json"))
        other = replay(program, config, pcap, "--own", "2")
    wanted = pathlib.Path(expected)
    text += "\nas host 2:\n\n" + other
    if os.environ.get("COVEY_REWRITE_GOLDEN"):
        wanted.write_text(text, encoding="utf-8")
    differences = list(difflib.unified_diff(wanted.read_text(encoding="utf-8").splitlines(),
                                            text.splitlines(), lineterm=""))
    print("\n".join(differences))
    return 1 if differences else 0


if __name__ == "__main__":
    sys.exit(main())
