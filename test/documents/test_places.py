# SPDX-License-Identifier: BSD-3-Clause
"""Every command of the documents has one place where it is run, and every place a command."""

import document_places
import pytest
from documents import all_commands, commands_of, split

DOCUMENT = """\
Words, and a `span of code`.

```sh
make one            # or: make another
make two "a # b"    # comment
```

```
$ covey query | cat
host  web1
      web2
$ covey stats
```

```yaml
key: value
```
"""


def test_every_command_has_one_place_and_every_place_a_command():
    assert document_places.mistakes(all_commands()) == []


def test_all_kinds_of_commands_are_found_with_what_is_shown_below_them():
    found = [(command.number, command.block, command.text, command.after, command.shown,
              command.is_alternative) for command in commands_of("a.md", DOCUMENT)]
    assert found == [
        (4, "make one", "make one", "or: make another", (), False),
        (4, "make one", "make another", "", (), True),
        (5, "make one", 'make two "a # b"', "comment", (), False),
        (9, "covey query | cat", "covey query | cat", "", ("host  web1", "      web2"), False),
        (12, "covey query | cat", "covey stats", "", (), False),
    ]


@pytest.mark.parametrize("line, text, comment", [
    ("make", "make", ""), ("make  # x # y", "make", "x # y"), ("echo 'a # b'", "echo 'a # b'", ""),
    ("echo a#b", "echo a#b", "")])
def test_a_comment_is_no_part_of_a_command(line, text, comment):
    assert split(line) == (text, comment)


def test_a_command_without_a_place_is_a_mistake():
    commands = [*all_commands(), *commands_of("a.md", DOCUMENT)]
    assert document_places.mistakes(commands) == [
        f"{command.place()}: has no place" for command in commands_of("a.md", DOCUMENT)]


def test_a_place_without_a_command_is_a_mistake():
    commands = [command for command in all_commands() if "make d" not in command.text]
    assert set(document_places.mistakes(commands)) == {
        "README.md: has no command: make deb", "docs/operations.md: has no command: make deb"}
