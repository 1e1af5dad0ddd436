#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""check_dissector.py PROGRAM SCRIPT: does the dissector of Wireshark agree with the product?

PROGRAM (dissector_frames, which describes the format) writes a capture and says what the product
holds of each frame; tshark reads the capture with SCRIPT. Every judgement and every value must be
the same, with both keys in a file, with one as digits, and without any. COVEY_TEST_SEED sets the
seed.
"""

import collections
import functools
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MOST_SHOWN = 10
SEPARATOR, AGGREGATOR = "\x1e", "\x1f"
STATUSES = ["complete", "incomplete", "none", "bad_version", "unknown_key", "bad_tag", "malformed"]
# Which form a sender chose is no value of a message, nor is what later versions may add to it.
ONLY_SHOWN = {"covey.flags", "covey.section", "covey.section.length", "covey.section.unknown",
              "covey.claims.form", "covey.claims.same_as"}
JUDGED = ["covey.status", "covey.tag.status"]


def tshark(script, *args):
    """What it prints; no complaint of the script goes unnoticed."""
    # Wireshark 4.4 reads no Lua as root.
    who = {"user": "nobody", "group": "nogroup", "extra_groups": []} if os.geteuid() == 0 else {}
    # A name may hold bytes that are no UTF-8; both sides are compared as people see them.
    done = subprocess.run(["tshark", *args, "-X", f"lua_script:{script}"], check=True,
                          capture_output=True, text=True, errors="replace", **who,
                          env={**os.environ, "HOME": os.path.dirname(script)})
    if "lua" in done.stderr.lower():
        sys.exit(done.stderr)
    return done.stdout


def open_to_all(directory, script):
    """A copy of the script and its parts in a directory that everybody may read from then on."""
    os.chmod(directory, 0o755)
    for part in script.parent.glob("*.lua"):
        shutil.copy(part, directory)
    return f"{directory}/{script.name}"


def types_of(script):
    """The fields that the script adds, by name: FT_UINT8, FT_STRING, ..."""
    rows = (line.split("\t") for line in tshark(script, "-G", "fields").splitlines())
    return {row[2]: row[3] for row in rows if row[0] == "F" and row[2].startswith("covey.")
            and row[3] != "FT_NONE"}  # expert information has no value


@functools.cache
def doubles_backslashes():
    """Wireshark 4.4 does in texts, even if told not to; 4.0 does not know how to tell it."""
    return subprocess.run(["tshark", "-E", "escape=n", "-h"], check=False,
                          capture_output=True).returncode == 0


def plain(kind, text):
    """A value as PROGRAM prints it."""
    if kind == "FT_STRING" and doubles_backslashes():
        return text.replace("\\\\", "\\")
    if kind == "FT_BYTES":
        return text.replace(":", "")
    if kind == "FT_BOOLEAN":
        return str(int(text in ("1", "True")))
    return text if kind == "FT_STRING" else str(int(text, 0))


def seen(script, capture, types, key):
    """Of each frame: status, status of the tag, and its values by name."""
    names = JUDGED + sorted(types.keys() - ONLY_SHOWN - set(JUDGED))
    args = ["-r", capture, "-o", f"covey.key:{key}", "-T", "fields", "-E", f"separator={SEPARATOR}",
            "-E", f"aggregator={AGGREGATOR}", "-E", "occurrence=a"]
    for name in names:
        args += ["-e", name]
    frames = []
    for line in tshark(script, *args).rstrip("\n").split("\n"):
        status, tag, *columns = line.split(SEPARATOR)
        values = {}
        # In texts that nobody vouches for may stand what separates columns.
        if tag == "good" and status != "malformed":
            values = {name: [plain(types[name], one) for one in text.split(AGGREGATOR)]
                      for name, text in zip(names[len(JUDGED):], columns) if text}
        frames.append((status or "none", tag or "none", values))
    return frames


def expected(program, seed, capture, keys, which):
    """As seen(), in the eyes of the product."""
    printed = subprocess.run([program, seed, capture, keys, which], check=True, text=True,
                             capture_output=True, errors="replace").stdout
    frames = []
    for line in printed.rstrip("\n").split("\n"):
        name, _, value = line.partition(" ")
        if name in STATUSES:
            frames.append((name, value, collections.defaultdict(list)))
        else:
            frames[-1][2][name].append(value)
    # One empty text and none at all are the same column of tshark.
    return [(status, tag, {name: texts for name, texts in values.items() if texts != [""]})
            for status, tag, values in frames]


def compare(mine, theirs):
    """Prints what differs, and ends the program if anything does."""
    wrong = []
    for number, (ours, shown) in enumerate(zip(mine, theirs), 1):
        if ours[:2] != shown[:2]:
            wrong.append(f"frame {number}: {ours[:2]}, and not {shown[:2]}")
        # Of a message that is refused as a whole, what stands before the mistake is shown.
        elif ours[0] != "malformed":
            wrong += [f"frame {number}: {name}: {ours[2].get(name)}, and not {shown[2].get(name)}"
                      for name in sorted(ours[2].keys() | shown[2].keys())
                      if ours[2].get(name) != shown[2].get(name)]
    if len(mine) != len(theirs):
        wrong.append(f"{len(mine)} frames, and not {len(theirs)}")
    if wrong:
        sys.exit("\n".join([f"{len(wrong)} differences:", *wrong[:MOST_SHOWN]]))


def check_that_all_is_tested(frames, types):
    """Every judgement and every field of the dissector must have been met."""
    met = {status for status, _, _ in frames}
    named = {name for _, _, values in frames for name in values}
    left = set(STATUSES) - met | set(types) - named - ONLY_SHOWN - set(JUDGED)
    if left:
        sys.exit(f"never met: {', '.join(sorted(left))}")


def check_without_key(frames):
    """No tag is looked at, and no frame is refused for one."""
    tags = {tag for _, tag, _ in frames}
    if tags != {"not checked", "none"}:
        sys.exit(f"without a key: {tags}")
    refused = {status for status, _, _ in frames} & {"bad_tag", "unknown_key"}
    if refused or not any(status == "complete" for status, _, _ in frames):
        sys.exit(f"without a key: {refused or 'no frame is complete'}")


def main():
    program, given = sys.argv[1:]
    seed = os.environ.get("COVEY_TEST_SEED", "1")
    with tempfile.TemporaryDirectory() as directory:
        script = open_to_all(directory, Path(given))
        types = types_of(script)
        capture, keys = f"{directory}/frames.pcap", f"{directory}/cluster.key"
        mine = expected(program, seed, capture, keys, "first")
        compare(mine, seen(script, capture, types, Path(keys).read_text(encoding="ascii")))
        mine = expected(program, seed, capture, keys, "both")
        compare(mine, seen(script, capture, types, keys))
        check_without_key(seen(script, capture, types, ""))
        wrong = seen(script, capture, types, f"{directory}/none.key")
        check_without_key(wrong)
    check_that_all_is_tested(mine, types)
    counts = collections.Counter(status for status, _, _ in mine)
    print(f"figures: seed {seed}: {len(mine)} frames,",
          ", ".join(f"{counts[status]} {status}" for status in STATUSES))


if __name__ == "__main__":
    main()
