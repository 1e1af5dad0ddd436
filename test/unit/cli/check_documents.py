# SPDX-License-Identifier: BSD-3-Clause
"""Every `covey` command in the documents is one that covey takes.

    check_documents.py COVEY ROOT

Each is given to the program itself, with a socket that is not there: whatever it says then, it must
not be that the words are wrong (exit status 2). A command that is only named, without arguments,
must be one. An example of a mistake is shown with the answer, so its line begins with `$ covey` and
the next one with `covey:`.
"""

import re
import shlex
import subprocess
import sys
import tempfile
from pathlib import Path

USAGE = 2
# What stands for something of which not every word would do.
EXAMPLES = {"N": "1", "T": "1s", "KIND": "hosts"}
PATTERN = re.compile(r"[\[\]]|\bCOMMAND\b")  # of command lines in general
LOCAL = {"keygen"}  # would write a file


def commands_of(text):
    """(line number, words) of every command in blocks of code and in code spans."""
    lines = text.splitlines()
    in_block = False
    for number, line in enumerate(lines, 1):
        if line.startswith("```"):
            in_block = not in_block
            continue
        if not in_block:
            for span in re.findall(r"`(covey [^`]+)`", line):
                yield number, span
            continue
        shown = re.match(r"(\$ )?(covey .*)", line)
        is_mistake = number < len(lines) and lines[number].startswith("covey:")
        if shown and not is_mistake:
            yield number, shown[2]


def words_of(command):
    """Without what a shell would do with the rest of the line."""
    words = shlex.split(re.split(r"[|>&#;]", command)[0])[1:]
    return [EXAMPLES.get(word, word) for word in words]


def is_taken(covey, words, directory):
    """Whether covey finds nothing wrong with the words."""
    done = subprocess.run([covey, "-s", f"{directory}/none", *words], cwd=directory, timeout=20,
                          stdin=subprocess.DEVNULL, capture_output=True, check=False)
    return done.returncode != USAGE


def main(covey, root):
    documents = [root / "README.md", *sorted((root / "docs").rglob("*.md"))]
    wrong, count = [], 0
    covey = str(Path(covey).resolve())
    with tempfile.TemporaryDirectory() as directory:
        verbs = {line.split()[0] for line in subprocess.run(
            [covey, "--help"], capture_output=True, text=True, check=True).stdout.splitlines()
            if line.startswith("  ") and line.split()}
        for path in documents:
            for number, command in commands_of(path.read_text(encoding="utf-8")):
                if PATTERN.search(command):
                    continue
                count += 1
                words = words_of(command)
                is_named = len(words) == 1 and words[0] in verbs
                if is_named or words[0] in LOCAL & verbs or is_taken(covey, words, directory):
                    continue
                wrong.append(f"{path.relative_to(root)}:{number}: {command}")
    print("\n".join(wrong))
    print(f"{count} commands, {len(wrong)} that covey does not take")
    return 1 if wrong or count < 50 else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1], Path(sys.argv[2])))
