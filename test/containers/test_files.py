# SPDX-License-Identifier: BSD-3-Clause
"""The files of docker/, read: what an engine would trip over before it starts anything."""

import ipaddress
import re

import dockerfile
import pytest
import yaml
from clab import resolved
from conftest import DOCKER, TOP, read_yaml
from covey_lab.shell import run
from project import started_by_default, started_with

HOSTS = ("host1", "host2", "host3")
CLAB_NODE = {"kind", "group", "image", "network-mode", "entrypoint", "cmd", "exec", "binds",
             "sysctls", "user"}


@pytest.fixture(name="compose")
def _compose():
    return read_yaml("compose.yaml")


@pytest.fixture(name="clab")
def _clab():
    return read_yaml("covey.clab.yaml")


# The Dockerfile.

@pytest.mark.parametrize("wrong, said", [
    ("RUN true\n", "FROM is expected first"),
    ("FROM debian:bookworm-slim\n", "FROM IMAGE AS NAME is expected"),
    ("FROM debian:bookworm-slim AS a\nRUNN true\n", "RUNN true: one of FROM, RUN"),
])
def test_a_fault_in_a_dockerfile_is_found(wrong, said):
    with pytest.raises(ValueError, match=said):
        dockerfile.parse(wrong)


@pytest.mark.parametrize("base", ["debian", "debian:latest", "debian:stable-slim", "nginx:1.22"])
def test_a_base_that_changes_under_us_is_no_base(base):
    assert not dockerfile.BASE.fullmatch(base)


def test_every_stage_begins_with_a_named_release(stages):
    assert {name: bool(dockerfile.BASE.fullmatch(stage.base)) for name, stage in stages.items()} \
        == dict.fromkeys(["build", "web", "covey", "build-segment", "segment"], True)


def test_a_stage_has_what_the_stage_below_has(stages):
    above, below = stages["segment"], stages["covey"]
    assert above.steps[:len(below.steps)] == below.steps
    assert above.exec_form("ENTRYPOINT") == ["lab-segment"]
    assert below.exec_form("ENTRYPOINT") == ["coveyd"]


def test_every_installation_knows_what_there_is_and_installs_no_more(stages):
    for stage in stages.values():
        for line in stage.arguments("RUN"):
            for command in re.findall(r"apt-get install [^&]*", line):
                assert line.index("apt-get update") < line.index(command)
                assert {"-y", "--no-install-recommends"} <= set(command.split())
    for name in ("web", "covey", "segment"):
        for line in stages[name].arguments("RUN"):
            assert "rm -rf" in line and "/var/lib/apt/lists/*" in line


def test_every_package_exists(stages):
    names = {name for stage in stages.values() for name in stage.installed() if "/" not in name}
    listed = run("apt-cache", "--generate", "pkgnames").stdout.split()
    assert names <= set(listed)


def test_what_is_copied_exists(stages):
    ignored = (TOP / ".dockerignore").read_text(encoding="utf-8").splitlines()
    # `make deb` asks git for the files.
    assert "/build*" in ignored and not {".git", "/.git"} & set(ignored)
    seen = []
    for name, stage in stages.items():
        for origin, sources, _ in stage.copies():
            if origin is None:
                assert all((TOP / source).exists() for source in sources)
            else:
                assert origin in seen
        seen.append(name)


def test_the_package_is_looked_for_where_it_is_built(stages):
    ((copied, where),) = ((sources, where) for origin, sources, where in stages["covey"].copies()
                          if origin == "build")
    assert f"{where}covey_*.deb" in stages["covey"].installed()
    assert copied == [f"{stages['build'].arguments('WORKDIR')[0]}/build/deb/covey_*.deb"]
    assert "make deb" in stages["build"].arguments("RUN")
    (step,) = (line.split() for line in stages["build"].arguments("RUN")
               if line.startswith("test/deps/install"))
    sections = re.findall(r"(?m)^\[(\w+)\]$", (TOP / "test/deps/packages.txt").read_text())
    assert len(step) > 1 and set(step[1:]) <= set(sections)


# compose.yaml.

def _docker_compose(path):
    return run("docker-compose", "-f", str(path), "config", check=False, timeout=300)


def test_docker_compose_finds_no_fault():
    done = _docker_compose(DOCKER / "compose.yaml")
    assert done.returncode == 0, done.stderr
    understood = yaml.safe_load(done.stdout)["services"]
    assert set(understood) == set(read_yaml("compose.yaml")["services"])


def test_docker_compose_would_find_one(tmp_path, compose):
    compose["services"]["host1"]["cap_ad"] = ["NET_ADMIN"]
    wrong = tmp_path / "compose.yaml"
    wrong.write_text(yaml.safe_dump(compose), encoding="utf-8")
    done = _docker_compose(wrong)
    assert done.returncode != 0 and "cap_ad" in done.stderr


def test_images_are_stages_and_have_tags_of_their_own(compose, stages):
    for service in compose["services"].values():
        assert service["build"]["target"] in stages
        assert (DOCKER / service["build"]["context"]).resolve() == TOP
        assert (TOP / service["build"]["dockerfile"]).is_file()
        assert service["image"].endswith(":local")


def test_what_is_mounted_exists(compose):
    for service in compose["services"].values():
        for volume in service["volumes"]:
            source = volume.split(":")[0]
            assert (DOCKER / source).is_file() if "/" in source else source in compose["volumes"]


def test_addresses_fit_the_segment_and_the_configurations(compose):
    (pool,) = compose["networks"]["segment"]["ipam"]["config"]
    network = ipaddress.ip_network(pool["subnet"])
    taken = {name: service["networks"]["segment"]["ipv4_address"]
             for name, service in compose["services"].items() if "networks" in service}
    assert len({*taken.values(), pool["gateway"]}) == len(taken) + 1
    for host in HOSTS:
        settings = read_yaml(f"conf/{host}.yaml")
        assert settings["host"]["dedicated_ip"] == f"{taken[host]}/{network.prefixlen}"
        for virtual in settings["cluster"]["virtual_ips"]:
            address = ipaddress.ip_interface(virtual)
            assert address.network == network and str(address.ip) not in taken.values()


def test_who_starts_the_client_of_the_profile_starts_all_of_it(compose):
    of_profile = {name for name, service in compose["services"].items()
                  if service.get("profiles") == ["virtio"]}
    assert set(started_with(compose, "virtio-client")["services"]) == of_profile | {"key"}


def test_each_host_of_the_profile_has_a_port_on_its_segment(compose):
    ports = compose["services"]["virtio-segment"]["entrypoint"][-1]
    own = {re.search(r"address add (\S+)", ports)[1]}
    for host in HOSTS:
        settings = read_yaml(f"conf/virtio-{host}.yaml")
        path = re.search(r"path=([^,]*)", settings["ports"]["uplink"]["device"])[1]
        assert path in ports.split() and path.endswith(f"/{host}")
        own.add(settings["host"]["dedicated_ip"])
        # All else is as on the bridge.
        plain = read_yaml(f"conf/{host}.yaml")
        assert settings == plain | {"ports": settings["ports"],
                                    "host": plain["host"] | {"name": f"virtio-{host}"}}
    assert len(own) == len(HOSTS) + 1


# covey.clab.yaml: there is no containerlab to ask, so its keys are compared with what it documents.

def test_the_topology_has_known_keys_only(clab):
    assert set(clab) == {"name", "topology"}
    assert set(clab["topology"]) == {"groups", "nodes", "links"}
    for node in [*clab["topology"]["groups"].values(), *clab["topology"]["nodes"].values()]:
        assert set(node) <= CLAB_NODE
    for node in clab["topology"]["nodes"].values():
        assert node["kind"] in ("linux", "bridge")
        assert node.get("group", "host") in clab["topology"]["groups"]


def test_each_cable_has_two_ends_that_exist(clab):
    ends = [end for link in clab["topology"]["links"] for end in link["endpoints"]]
    assert len(set(ends)) == len(ends) == 2 * len(clab["topology"]["links"])
    cabled = {end.split(":")[0] for end in ends}
    nodes = clab["topology"]["nodes"]
    sharing = {name for name in nodes
               if resolved(clab["topology"], name).get("network-mode", "").startswith("container:")}
    assert cabled | sharing == set(nodes) and not cabled & sharing
    for name in sharing:
        assert nodes[name]["network-mode"].partition(":")[2] in cabled
    # containerlab gives eth0 to its own network unless there is none.
    assert all(resolved(clab["topology"], end.split(":")[0])["network-mode"] == "none"
               for end in ends if end.endswith(":eth0"))


def test_the_topology_is_that_of_compose(clab, compose):
    services = {name: service for name, service in started_by_default(compose)["services"].items()
                if name != "key"}
    assert set(clab["topology"]["nodes"]) - {"segment"} == set(services)
    for name, service in services.items():
        node = resolved(clab["topology"], name)
        assert node["image"] == service["image"]
        assert node.get("sysctls") == service.get("sysctls")
        if name != "client":
            # A volume of compose is a directory here.
            assert {bind.removeprefix("./") for bind in service["volumes"]} == set(node["binds"])
            assert node.get("user") == service.get("user")
