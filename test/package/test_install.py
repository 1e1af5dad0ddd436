# SPDX-License-Identifier: BSD-3-Clause
"""`make install` puts things where Debian looks for them, and they work there."""

import pathlib

import pytest
from conftest import build_option
from covey_lab.shell import run

PROGRAMS = ("bin/covey", "bin/covey-replay", "bin/covey-sim", "sbin/coveyd",
            "libexec/covey/reserve-hugepages")
MANUAL = ("share/man/man1/covey.1", "share/man/man5/coveyd.yaml.5", "share/man/man8/coveyd.8")
UNITS = ("lib/systemd/system/coveyd.service", "lib/systemd/system/covey-hugepages.service")
COMPLETIONS = {"bash": "share/bash-completion/completions/covey",
               "zsh": "share/zsh/site-functions/_covey",
               "fish": "share/fish/vendor_completions.d/covey.fish"}
WATCHING = ("share/covey/prometheus/alerts.yaml", "share/covey/grafana/covey.json")
EXAMPLES = ("af_packet.conf", "covey.default", "coveyd.yaml", "ipv6.yaml",
            "single-host-database.yaml", "two-host-web.yaml")
LUA = ("covey.lua", "covey_body.lua", "covey_seal.lua")


def _prefix(installed):
    return installed / build_option("prefix").lstrip("/")


def _plugins():
    triplet = run("dpkg-architecture", "-qDEB_HOST_MULTIARCH").stdout.strip()
    return f"lib/{triplet}/wireshark/plugins"


def test_everything_is_where_debian_looks_and_nothing_is_anywhere_else(installed):
    prefix = _prefix(installed)
    wanted = {*PROGRAMS, *MANUAL, *UNITS, *COMPLETIONS.values(), *WATCHING,
              *(f"share/doc/covey/examples/{name}" for name in EXAMPLES),
              *(f"{_plugins()}/covey/{name}" for name in LUA)}
    found = {path for path in installed.rglob("*") if path.is_file()}
    assert {str(path.relative_to(prefix)) for path in found} == wanted
    assert {name for name in wanted if (prefix / name).stat().st_mode & 0o111} == set(PROGRAMS)


@pytest.mark.parametrize("shell", COMPLETIONS)
def test_completion_is_a_script_of_its_shell(installed, shell):
    script = _prefix(installed) / COMPLETIONS[shell]
    assert script.stat().st_size > 1000
    run(shell, "-n", str(script))


def test_manual_pages_are_found_by_name(installed):
    for name in MANUAL:
        page = pathlib.Path(name)
        found = run("man", "-M", str(_prefix(installed) / "share" / "man"), "-w",
                    page.suffix[1:], page.stem).stdout.strip()
        assert found == str(_prefix(installed) / name)


def test_the_dissector_finds_its_parts_where_they_are_installed(installed):
    # By name: as root, Wireshark reads no Lua from its folders.
    script = _prefix(installed) / _plugins() / "covey" / "covey.lua"
    listed = run("tshark", "-G", "protocols", "-X", f"lua_script:{script}")
    assert "Covey\tCOVEY\tcovey\n" in listed.stdout, listed.stderr
