#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""The manual pages are good roff and leave nothing out.

    check_manual_pages.py COVEY COVEYD CONFIGURATION_MD PAGE...

What must be named is taken from the programs' own help and from the table of keys in the document.
"""

import pathlib
import re
import subprocess
import sys


def output(*command):
    """What a program says, on either stream."""
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    return done.stdout + done.stderr


def complaints(page):
    """Of both formatters; a page that is built has no date."""
    said = output("groff", "-man", "-ww", "-Tutf8", "-z", page).splitlines()
    said += output("mandoc", "-Tlint", "-Wstyle", page).splitlines()
    return [line for line in said if "missing date" not in line]


def rendered(page):
    """As a reader sees it, in lines without overstriking."""
    text = output("mandoc", "-Tutf8", "-O", "width=200", page)
    return re.sub(".\b", "", text)


def first_words(text, pattern):
    """The first group of each line that matches."""
    return re.findall(pattern, text, re.M)


def wanted_of_covey(covey):
    """Commands and their flags as the help lists them, and exit statuses."""
    everything = output(covey, "--help")
    listed, options, statuses = everything.split("\n\n")[1:4]
    commands = first_words(listed, r"^  (\S+)")
    assert len(commands) > 20, everything
    flags = re.findall(r"(?<!\S)--?\w[\w-]*", options)
    wanted = [rf"(^|[ ,]){flag}( |,|$)" for flag in flags]
    wanted += [rf"^ +{status} +\w" for status in first_words(statuses, r"^  (\d)  ")]
    for command in commands:
        usage = output(covey, command, "--help").splitlines()[0].removeprefix("covey ")
        wanted.append(rf"^ +{re.escape(usage)}( |$)")
        for flag in re.findall(r"\[(--?\w[\w-]*)", usage):
            wanted.append(rf"^ +{flag}( |$)")
    return wanted


def wanted_of_coveyd(coveyd):
    """Options as its help lists them, and the exit statuses that operations.md promises."""
    flags = first_words(output(coveyd, "--help"), r"^  (-\S+)")
    assert len(flags) >= 8, flags
    names = [name for flag in flags for name in flag.split(",")]
    return ([rf"^ +(-\w, )?{name}( |,|$)" for name in names]
            + [rf"^ +{status} +\w" for status in range(4)])


def wanted_of_file(document):
    """Every key of the reference, sections too."""
    keys = first_words(document, r"^\| (?:\*\*)?`([a-z_.\[\]]+)`(?:\*\*)? \|")
    assert len(keys) > 60, keys
    return [rf"^ +{re.escape(key)}( |$)" for key in keys]


def main():
    """As test/run counts."""
    covey, coveyd, document, *pages = sys.argv[1:]
    wanted = {"covey.1": wanted_of_covey(covey), "coveyd.8": wanted_of_coveyd(coveyd),
              "coveyd.yaml.5": wanted_of_file(pathlib.Path(document).read_text("utf-8"))}
    assert sorted(wanted) == sorted(pathlib.Path(page).name for page in pages), pages
    total = failed = 0
    for page in pages:
        name = pathlib.Path(page).name
        wrong = complaints(page)
        text = rendered(page)
        wrong += [f"nothing matches {pattern}" for pattern in wanted[name]
                  if not re.search(pattern, text, re.M)]
        total += 1 + len(wanted[name])
        failed += len(wrong)
        for problem in wrong:
            print(f"{name}: {problem}")
    print(f"{max(total - failed, 0)} passed, {failed} failed")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
