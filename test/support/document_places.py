# SPDX-License-Identifier: BSD-3-Clause
"""Where each command of the documents is run: block by block, a block being known by its first
command, and some commands apart from the others of their block.

A command without a place, and an entry without a command, are mistakes. What is only looked at, and
why, is said by the tests of each place.
"""

import documents

LAB = "test/e2e: a lab that the document makes"
HOST = "test/e2e: a host of a lab, as if it were a machine"
DEBIAN = "test/package: a Debian of its own"
CONTAINERS = "test/containers: without an engine"
SOURCE = "test/documents: a source tree"

BLOCKS = {
    "CONTRIBUTING.md": {"make build": SOURCE},
    "README.md": {
        "make demo": SOURCE,
        "make lab-up HOSTS=3": LAB,
        "make deb": DEBIAN,
    },
    "docker/README.md": {
        "docker compose -f docker/compose.yaml up --build --detach": CONTAINERS,
        "export COMPOSE_PROFILES=virtio": CONTAINERS,
        "docker build -f docker/Dockerfile --target covey -t covey:local .": CONTAINERS,
    },
    "docs/api.md": {
        "curl --unix-socket /run/covey/coveyd.sock http://covey/v1/status": HOST,
    },
    "docs/bare-metal.md": {
        "apt install ./covey_0.1.0-1_amd64.deb driverctl dpdk ethtool": DEBIAN,
        "driverctl set-override 0000:03:00.0 vfio-pci": DEBIAN,
        "covey keygen /etc/covey/cluster.key": DEBIAN,
        "covey drainstop --timeout 10m": DEBIAN,
    },
    "docs/cli.md": {
        "covey completion bash > /etc/bash_completion.d/covey": SOURCE,
        "covey query --chekc": HOST,
    },
    "docs/concepts.md": {
        "make build": LAB,
        "test/lab/lab covey 1 explain tcp 10.77.0.100:40000 10.77.0.50:80": LAB,
        "test/lab/lab exec client curl -s -o /dev/null --local-port 40000 "
        "'http://10.77.0.50/20m?rate=1m' &": LAB,
        "test/lab/lab covey 1 history": LAB,
        "test/lab/lab partition 1,2 3; sleep 3; test/lab/lab covey 3 query": LAB,
    },
    "docs/metrics.md": {
        "RUNTIME_DIRECTORY=/run/covey dpdk-telemetry.py --list": HOST,
    },
    "docs/operations.md": {
        "make deb": DEBIAN,
        "make install": SOURCE,
        "coveyd --check": DEBIAN,
        "systemctl enable --now coveyd": DEBIAN,
        "mkdir -p /etc/systemd/system/coveyd.service.d": DEBIAN,
        "covey keygen /etc/covey/cluster.key": DEBIAN,
        "covey keygen /root/new.key": HOST,
        "covey drainstop all --timeout 30s": HOST,
        "covey drain web web2": HOST,
        "covey reload": HOST,
        "covey health": HOST,
        "covey capture web.pcapng 'tcp port 80' --time 10s": HOST,
        "tshark -i eth1 -f 'ether proto 0x88b5' -X lua_script:conf/wireshark/covey.lua "
        "-o covey.key:/etc/covey/cluster.key": HOST,
        "covey doctor": HOST,
    },
    "docs/performance.md": {"make bench": SOURCE},
    "docs/testing.md": {
        "ninja -C build && build/test/unit/bucket/bucket_test": SOURCE,
        "test/mutants/run": SOURCE,
        "test/instructions/run": SOURCE,
        "covey-sim --hosts 5 --crash 2@10s --join 6@20s": SOURCE,
        "covey-sim --hosts 8 --hours 100 --seed 1": SOURCE,
        "make soak": SOURCE,
        "COVEY_REWRITE_GOLDEN=1 meson test -C build --suite golden": SOURCE,
        "make fuzz": SOURCE,
        "build-fuzz/test/fuzz/fuzz_<target> -set_cover_merge=1 test/fuzz/corpus/<target> "
        "build-fuzz/corpus/<target>": SOURCE,
        "CC=gcc CXX=g++ meson setup build-asan -Dshells=false -Db_sanitize=address,undefined "
        "-Doptimization=1": SOURCE,
        "make lab-up HOSTS=3": LAB,
    },
    "test/lab/README.md": {"test/lab/lab up --hosts 3 --weights 100,100,50": LAB},
}

APART = {
    ("README.md", "make deb"): SOURCE,
    ("docs/operations.md", "make deb"): SOURCE,
}


def place_of(command):
    """Where a command is run; None if nobody has said it."""
    of_block = BLOCKS.get(command.document, {}).get(command.block)
    return APART.get((command.document, command.text), of_block)


def placed(place, document=None):
    """The commands of a place, of all documents or of one."""
    return [command for command in documents.all_commands() if place_of(command) == place
            and document in (None, command.document)]


def blocks(place):
    """(document, first command) of the blocks with commands of a place, in their order."""
    return list(dict.fromkeys((command.document, command.block) for command in placed(place)))


def in_block(place, document, block):
    """The commands of a block that are of that place."""
    return [command for command in placed(place, document) if command.block == block]


def mistakes(commands):
    """Commands without a place, and entries of the tables without a command."""
    blocks = {(command.document, command.block) for command in commands}
    single = {(command.document, command.text) for command in commands}
    listed = {(document, first) for document, firsts in BLOCKS.items() for first in firsts}
    return [*(f"{command.place()}: has no place" for command in commands if not place_of(command)),
            *(f"{document}: no block begins with: {first}"
              for document, first in sorted(listed - blocks)),
            *(f"{document}: has no command: {text}" for document, text in sorted(APART.keys()
                                                                             - single))]


def unknown(table, place):
    """Entries of a table by texts of commands that are not of that place."""
    return sorted(set(table) - {command.text for command in placed(place)})
