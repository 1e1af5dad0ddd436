#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Runs a program with what a unit of systemd lets it have, where no systemd runs:

    unit_limits.py UNIT[:DROP-IN ...] WRITABLE[:WRITABLE ...] PROGRAM [ARGUMENT ...]

Carries out CapabilityBoundingSet=, SystemCallFilter=, RestrictAddressFamilies=,
RestrictNamespaces=, MemoryDenyWriteExecute=, LockPersonality=, NoNewPrivileges= and
ProtectSystem=strict with the paths that are writable. Other settings are left to systemd.
"""

import collections
import ctypes
import errno
import os
import pathlib
import socket
import subprocess
import sys

import seccomp

LISTS = ("CapabilityBoundingSet", "SystemCallFilter", "RestrictAddressFamilies")
DENY = seccomp.ERRNO(errno.EPERM)
FAMILIES = 47  # of which Linux knows so far
NEW_MOUNTS = 0x00020000
NEW_NAMESPACES = (NEW_MOUNTS, 0x02000000, 0x04000000, 0x08000000, 0x10000000, 0x20000000,
                  0x40000000)
PROT_WRITE, PROT_EXEC = 2, 4
CAPBSET_DROP = 24
_libc = ctypes.CDLL(None, use_errno=True)


def settings_of(files):
    """{name: words} of the section [Service]; an empty list begins anew, as systemd has it."""
    settings = collections.defaultdict(list)
    for file in files:
        section = ""
        for line in pathlib.Path(file).read_text(encoding="utf-8").splitlines():
            if line.startswith("["):
                section = line
            name, is_setting, value = line.partition("=")
            if section != "[Service]" or line.startswith("#") or not is_setting:
                continue
            if name not in LISTS or not value:
                settings[name] = []
            settings[name] += value.split()
    return settings


def _system_calls(words):
    """The names behind words of SystemCallFilter=; a word with @ stands for a list."""
    names = set()
    for word in words:
        if not word.startswith("@"):
            names.add(word)
            continue
        listed = subprocess.run(["systemd-analyze", "syscall-filter", word], check=True, text=True,
                                capture_output=True).stdout.split("\n")
        inside = [line.strip() for line in listed[1:]]
        names |= _system_calls([name for name in inside if name and not name.startswith("#")])
    return names


def _allow_only(words):
    allowed = seccomp.SyscallFilter(DENY)
    for name in sorted(_system_calls(words)):
        try:
            allowed.add_rule(seccomp.ALLOW, name)
        except (OSError, ValueError, RuntimeError):
            pass  # there is none of that name on this machine
    allowed.load()


def _deny_more(settings):
    more = seccomp.SyscallFilter(seccomp.ALLOW)
    families = {getattr(socket, name, 44) for name in settings["RestrictAddressFamilies"]}
    for family in set(range(FAMILIES)) - families:
        more.add_rule(DENY, "socket", seccomp.Arg(0, seccomp.EQ, family))
    if settings["RestrictNamespaces"] == ["yes"]:
        for flag in NEW_NAMESPACES:
            for name in ("clone", "unshare"):
                more.add_rule(DENY, name, seccomp.Arg(0, seccomp.MASKED_EQ, flag, flag))
        more.add_rule(DENY, "setns")
        # Its flags are in memory, where no filter looks; who has none takes clone().
        more.add_rule(seccomp.ERRNO(errno.ENOSYS), "clone3")
    if settings["MemoryDenyWriteExecute"] == ["yes"]:
        both = PROT_WRITE | PROT_EXEC
        more.add_rule(DENY, "mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
        for name in ("mprotect", "pkey_mprotect"):
            more.add_rule(DENY, name, seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
    if settings["LockPersonality"] == ["yes"]:
        more.add_rule(DENY, "personality", seccomp.Arg(0, seccomp.NE, 0))
    more.load()


def _mounts():
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return [line.split()[4].encode().decode("unicode_escape") for line in file]


def _protect_system(writable):
    if _libc.unshare(NEW_MOUNTS) != 0:
        sys.exit("unit_limits: no mount namespace")
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    for path in writable:
        subprocess.run(["mount", "--bind", path, path], check=True)
    spared = ("/dev", "/proc", "/sys", *writable)
    for place in _mounts():
        if not any(place == path or place.startswith(f"{path}/") for path in spared):
            done = subprocess.run(["mount", "-o", "remount,bind,ro", place], check=False)
            if done.returncode != 0 and place in _mounts():  # else it has gone meanwhile
                sys.exit(f"unit_limits: {place} cannot be made read-only")


def _keep_capabilities(names):
    numbers = subprocess.run(["systemd-analyze", "capability"], check=True, text=True,
                             capture_output=True).stdout.split("\n")[1:]
    for line in numbers:
        if line and line.split()[0].upper() not in names:
            _libc.prctl(CAPBSET_DROP, int(line.split()[1]), 0, 0, 0)


def main():
    """Become the program."""
    files, writable, program = sys.argv[1].split(":"), sys.argv[2].split(":"), sys.argv[3:]
    settings = settings_of(files)
    if settings["ProtectSystem"] == ["strict"]:
        _protect_system(writable)
    _keep_capabilities(settings["CapabilityBoundingSet"])
    _deny_more(settings)
    _allow_only(settings["SystemCallFilter"])
    os.execv(program[0], program)


if __name__ == "__main__":
    main()
