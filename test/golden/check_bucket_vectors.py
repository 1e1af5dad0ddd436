#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""check_bucket_vectors.py PROGRAM [FILE...]: does the oracle agree with the product?

Checks every vector of the files and 10,000 random ones of each kind that PROGRAM (bucket_vectors,
which describes the format) prints. COVEY_TEST_SEED sets the seed.
"""

import os
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "support"))

import bucket_oracle as oracle  # noqa: E402

COUNT = 10_000
MOST_SHOWN = 10


def check_hash(key, affinity, prefix4, prefix6, source, source_port, port, expected):
    ports = int(source_port), int(port)
    mine = oracle.flow_hash(key, affinity, int(prefix4), int(prefix6), source, *ports)
    return mine == int(expected, 16)


def read_member(text):
    host, weight, claims = text.split(":")
    bits = bin(int(claims, 16))[:1:-1]
    claimed = [bucket for bucket, bit in enumerate(bits) if bit == "1"]
    return oracle.Member(int(host), int(weight), claimed)


def check_assign(key, buckets, members, owners):
    parsed = [read_member(member) for member in members.split(",")]
    return oracle.assign(key, int(buckets), parsed) == list(bytes.fromhex(owners))


CHECKS = {"hash": check_hash, "assign": check_assign}


def check(source, lines):
    """Counts the vectors by kind; prints what differs and ends the program if anything does."""
    counts = dict.fromkeys(CHECKS, 0)
    wrong = []
    for line in lines:
        if not line.strip() or line.startswith("#"):
            continue
        kind, k0, k1, *fields = line.split()
        counts[kind] += 1
        if not CHECKS[kind]((int(k0, 16), int(k1, 16)), *fields):
            wrong.append(line.strip())
    print(f"{source}: {counts['hash']} hashes and {counts['assign']} assignments,", end=" ")
    print(f"{len(wrong)} differences")
    if wrong:
        sys.exit("\n".join(["these differ:", *wrong[:MOST_SHOWN]]))
    return counts


def main():
    program, *files = sys.argv[1:]
    for name in files:
        check(name, Path(name).read_text(encoding="ascii").splitlines())
    seed = os.environ.get("COVEY_TEST_SEED", "1")
    command = [program, seed, str(COUNT), str(COUNT)]
    printed = subprocess.run(command, capture_output=True, check=True, text=True).stdout
    counts = check(f"seed {seed}", printed.splitlines())
    if set(counts.values()) != {COUNT}:
        sys.exit(f"expected {COUNT} vectors of each kind")


if __name__ == "__main__":
    main()
