# SPDX-License-Identifier: BSD-3-Clause
"""The commands of docker/README.md, carried out as far as that goes without an engine: what is told
to one is done by ours, and docker-compose is asked whether it takes the words."""

import functools
import os
import shlex

import clab
import pytest
from cluster import wait_answered_by, wait_converged, wait_well
from conftest import BUILD, TOP, read_yaml
from covey_lab.shell import run
from document_places import CONTAINERS, placed
from document_shell import Machine
from engine import Engine
from project import started_by_default, started_with

COMPOSE = ["docker", "compose", "-f", "docker/compose.yaml"]
PROFILE = "export COMPOSE_PROFILES=virtio"
NODE = "clab-covey-"
COMMANDS = placed(CONTAINERS)
BLOCKS = list(dict.fromkeys(command.block for command in COMMANDS))
# Who serves after a command, by the comments of the document.
SERVE = {
    "up --build --detach": ["host1", "host2", "host3"],
    "kill host2": ["host1", "host3"],
    "stop web3": ["host1"],
    "start web3": ["host1", "host3"],
    "up --build --detach virtio-client": ["virtio-host1", "virtio-host2", "virtio-host3"],
    "kill virtio-host2": ["virtio-host1", "virtio-host3"],
    "restart virtio-host2 virtio-web2": ["virtio-host1", "virtio-host2", "virtio-host3"],
}


def _words(command):
    return shlex.split(command.text)


class Reader:
    """Somebody with the README, and what carries out the commands."""

    def __init__(self, images, stages, shell):
        self._images = images
        self._stages = stages
        self._shell = shell
        self._engine = None

    def carry_out(self, command):
        """One command."""
        words = _words(command)
        if words[:4] == COMPOSE:
            getattr(self, f"_{words[4]}")(*words[5:])
            if serving := SERVE.get(" ".join(words[4:])):
                wait_answered_by(self._engine, serving, self._client())
        elif words[:2] == ["docker", "exec"]:
            self._exec(words[2].removeprefix(NODE), *words[3:])
        elif words[:2] == ["docker", "build"]:
            self._build(words[2:])
        elif words[:2] == ["docker", "run"]:
            self._makes_the_key(words[2:])
        elif words[0] == "containerlab":
            self._containerlab(*words[1:4])
            self._shell.must(command.text.partition(" && ")[2] or "true")
        else:
            self._shell.must(command.text)

    def close(self):
        """Also if it ended in the middle."""
        if self._engine:
            self._engine.close()
            self._engine = None

    def _client(self):
        return next(name for name in self._engine.services if name.endswith("client"))

    def _up(self, *words):
        services = [word for word in words if not word.startswith("--")]
        project = read_yaml("compose.yaml")
        project = started_with(project, *services) if services else started_by_default(project)
        self._begin(Engine(project, self._images, BUILD / "readme"))

    def _begin(self, engine):
        self._engine = engine.__enter__()
        engine.up()

    def _ready(self):
        hosts = [name for name in self._engine.services
                 if name.removeprefix("virtio-").startswith("host")]
        wait_converged(self._engine, hosts)
        wait_well(self._engine, hosts)

    def _exec(self, name, *words):
        if words[0] == "curl":
            self._ready()
        done = self._engine.execute(name, *words)
        assert done.returncode == 0, done

    def _kill(self, name):
        assert self._engine.kill(name) == 137

    def _stop(self, name):
        self._engine.kill(name, "TERM")

    def _start(self, name):
        self._engine.start(name)

    def _restart(self, *names):
        for name in names:
            if self._engine.containers[name].ended() is None:
                self._stop(name)
        for name in names:
            self._start(name)

    def _down(self, *_):
        self.close()

    def _build(self, words):
        """That its stage is there, and is what compose.yaml means by the tag."""
        options = dict(zip(words[:-1:2], words[1:-1:2]))
        assert (TOP / options["-f"]).is_file() and words[-1] == "."
        assert options["--target"] in self._stages
        services = read_yaml("compose.yaml")["services"].values()
        assert {service["build"]["target"] for service in services
                if service["image"] == options["-t"]} == {options["--target"]}

    @staticmethod
    def _makes_the_key(words):
        """That it is what makes the key for compose.yaml."""
        service = read_yaml("compose.yaml")["services"]["key"]
        path = words[-1]
        assert words[-3:-1] == [service["image"], "keygen"] and path in " ".join(
            [*service.get("entrypoint", []), *service.get("command", [])])

    def _containerlab(self, verb, option, path):
        assert option == "-t" and (TOP / path).is_file() and verb in ("deploy", "destroy")
        if verb == "destroy":
            self.close()
            return
        topology = read_yaml(path.removeprefix("docker/"))
        assert NODE == f"clab-{topology['name']}-"
        project = clab.as_compose(topology, read_yaml("compose.yaml"))
        self._begin(Engine(project, self._images, BUILD / "readme", plugs_late=True))
        for node, words in clab.commands(topology):
            self._engine.wait(lambda: self._engine.execute(node, *words).returncode == 0,
                              f"{node} to carry out {words}")


@pytest.fixture(name="reader")
def _reader(images, stages):
    with Machine() as machine, machine.inside("unshare", "--net") as shell:
        reader = Reader(images, stages, shell)
        yield reader
        reader.close()


@pytest.mark.parametrize("block", BLOCKS)
def test_the_readme_does_what_it_says(reader, block):
    for command in COMMANDS:
        if command.block == block:
            reader.carry_out(command)


def _docker_compose(words, profile=""):
    """docker-compose, where there is no engine, whatever this machine has."""
    return run("docker-compose", *words, check=False, cwd=TOP, env={
        **os.environ, "COMPOSE_PROFILES": profile, "DOCKER_HOST": "unix:///nowhere/docker.sock"})


def _has_looked_for_the_engine(done):
    """So it had nothing to say against the words."""
    return "Error while fetching server API version" in done.stderr


@functools.cache
def _services(profile):
    done = _docker_compose([*COMPOSE[2:], "config", "--services"], profile)
    return set(done.stdout.split())


@pytest.mark.parametrize("command", [command for command in COMMANDS
                                     if _words(command)[:4] == COMPOSE], ids=lambda c: c.text)
def test_docker_compose_takes_the_words(command):
    profile = "virtio" if command.block == PROFILE else ""
    verb, *words = _words(command)[4:]
    done = _docker_compose([*COMPOSE[2:], verb, *words], profile)
    assert _has_looked_for_the_engine(done), done
    named = words[:1] if verb == "exec" else [word for word in words if word[0] != "-"]
    assert set(named) <= _services(profile)


def test_docker_compose_would_not_take_others():
    assert not _has_looked_for_the_engine(_docker_compose([*COMPOSE[2:], "up", "--biuld"]))
    assert "host4" not in _services("virtio")
