#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The forwarding tables as data: how many rows there are, and what Scapy makes of their frames.

Scapy takes each frame apart, forgets every length and checksum and builds the frame anew. Its
bytes must be those that FrameBuilder made: so two implementations that know nothing of each other
agree on what the rows are about. Frames that are broken on purpose cannot come back; they are few.

    check_rows.py FORWARDING_TEST
"""

import os
import subprocess
import sys
import tempfile

from scapy.all import Ether
from scapy.contrib import igmp, igmpv3  # noqa: F401 pylint: disable=unused-import
from scapy.layers import inet, inet6, sctp  # noqa: F401 pylint: disable=unused-import

LEAST_ROWS = 400
LEAST_ALIKE = 0.8
COMPUTED = ("chksum", "len", "plen", "ihl", "dataofs", "cksum")


def rows(program):
    """Run the tables; one (table, name, verdict, effect, frame) each."""
    with tempfile.NamedTemporaryFile("r", suffix=".rows") as file:
        subprocess.run([program], check=True, stdout=subprocess.DEVNULL,
                       env={**os.environ, "COVEY_ROWS": file.name})
        lines = [line.rstrip("\n").split("\t") for line in file]
    return [(*fields, bytes.fromhex(frame)) for *fields, frame in lines]


def rebuilt(frame):
    """The bytes Scapy gives to the same headers."""
    packet = Ether(frame)
    layer = packet
    while layer:
        for field in COMPUTED:
            # What an error quotes is a copy, and may be cut: it stays as it is.
            if field in layer.fields and not type(layer).__name__.endswith("error"):
                del layer.fields[field]
        layer.raw_packet_cache = None
        layer = layer.payload
    return bytes(packet)


def main():
    """Print what was found; status 1 if it is not enough."""
    found = rows(sys.argv[1])
    names = {row[:2] for row in found}
    same, other = [], []
    for row in found:
        try:
            (same if rebuilt(row[4]) == row[4] else other).append(row)
        except Exception:  # pylint: disable=broad-except
            other.append(row)  # Scapy gives up on broken frames in many ways
    print(f"{len(names)} rows in {len({row[0] for row in found})} tables; "
          f"Scapy builds {len(same)} of {len(found)} frames alike")
    for table, name, verdict, *_ in other:
        print(f"not alike: {table}: {name} ({verdict})")
    enough = len(names) >= LEAST_ROWS and len(same) >= LEAST_ALIKE * len(found)
    return 0 if enough else 1


if __name__ == "__main__":
    sys.exit(main())
