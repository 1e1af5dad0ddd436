# SPDX-License-Identifier: BSD-3-Clause
"""What a container engine would do with a compose file, as far as ours goes: networks as
namespaces and a bridge, volumes as directories, services as containers of crun.

All it makes carries its tag, and close() takes it away. Images are directories, made elsewhere.
"""

import ipaddress
import json
import os
import pathlib
import shutil
import subprocess

import oci
from covey_lab import topology
from covey_lab.shell import ip, ip_batch, run, wait_until

BRIDGE = "br0"
DOCKER = pathlib.Path(__file__).resolve().parents[2] / "docker"
# crun has a mount namespace of its own, for two things. crun of Debian 12 refuses a machine that
# has the second version of control groups beside the first: where the second is not seen it goes by
# the first. And a container that may write gets a layer over the image, with these options.
ALONE = """\
! mountpoint -q /sys/fs/cgroup/unified || umount /sys/fs/cgroup/unified
[ -z "$COVEY_LAYER" ] || mount -t overlay overlay -o "$COVEY_LAYER" "$COVEY_ROOT"
exec "$0" "$@"
"""
SECONDS = 12  # a loaded machine takes its time


def _crun(directory):
    return ["unshare", "--mount", "--propagation", "private", "sh", "-c", ALONE,
            "crun", "--root", str(directory / "crun"), "--cgroup-manager=cgroupfs"]


def why_not(directory):
    """What keeps this machine from running any container; nothing if one that does nothing ran."""
    subprocess.run(["crun", "spec"], cwd=directory, check=True, timeout=60)
    spec = directory / "config.json"
    configuration = json.loads(spec.read_text(encoding="utf-8"))
    configuration["process"] |= {"terminal": False, "args": ["/bin/true"]}
    configuration["mounts"].append({"destination": "/usr", "type": "bind", "source": "/usr",
                                    "options": ["rbind", "ro"]})
    (directory / "rootfs").mkdir()
    for name in ("bin", "lib", "lib64"):
        (directory / "rootfs" / name).symlink_to(f"usr/{name}")
    spec.write_text(json.dumps(configuration), encoding="utf-8")
    done = subprocess.run([*_crun(directory), "run", f"covey-probe{os.getpid()}"], cwd=directory,
                          stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=60,
                          check=False)
    return done.stderr.strip() or f"exit status {done.returncode}" if done.returncode else ""


class Container:
    """A service that was started."""

    def __init__(self, name, child, log):
        self.name = name
        self.child = child
        self.log = log

    def ended(self):
        """Its exit status; None while it runs."""
        return self.child.poll()


class Engine:
    """One project, as a compose file has it, with paths from docker/; all its services are started,
    whatever their profiles. `images` has, for each image, (stage of the Dockerfile, directory).
    `plugs_late`: cables come after the start, and bare."""

    def __init__(self, project, images, directory, plugs_late=False):
        self._file = project
        self._images = images
        self._directory = directory
        self._plugs_late = plugs_late
        self._crun = _crun(directory)
        self._tag = f"covey-{directory.name}{os.getpid()}"
        self._namespaces = []
        self.services = {name: self._named(name, service)
                         for name, service in self._file["services"].items()}
        self.containers = {}

    @staticmethod
    def _named(name, service):
        if unknown := set(service) - oci.KEYS:
            raise ValueError(f"services.{name}: {', '.join(sorted(unknown))}: not carried out here")
        return {"hostname": name, **service}

    def __enter__(self):
        shutil.rmtree(self._directory, ignore_errors=True)
        (self._directory / "crun").mkdir(parents=True)
        for name in self._file["volumes"]:
            (self._directory / "volumes" / name).mkdir(parents=True)
        try:
            self._make_bridge()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_):
        self.close()

    def close(self):
        """Ends the containers, and takes away networks and volumes."""
        for container in reversed(self.containers.values()):
            self._control("delete", "--force", container.name)
            container.child.wait(SECONDS)
        for role in reversed(self._namespaces[:]):
            self._remove_namespace(role)

    def namespace(self, role):
        """The network namespace of a service, or of the `hub`, which is where the bridge is: the
        machine of the engine."""
        return f"{self._tag}-{role}"

    def _add_namespace(self, role):
        ip("netns", "add", self.namespace(role))
        self._namespaces.append(role)
        ip_batch(self.namespace(role), ["link set lo up"])

    def _remove_namespace(self, role):
        # Its cable goes with it, once nobody lives there; the name and the bridge's end at once.
        ip("netns", "delete", self.namespace(role))
        self._namespaces.remove(role)
        ip("-n", self.namespace("hub"), "link", "delete", role, check=False)

    def _pool(self):
        """The gateway of the one network, and the length of its prefix."""
        (network,) = self._file["networks"].values()
        (pool,) = network["ipam"]["config"]
        return pool["gateway"], ipaddress.ip_network(pool["subnet"]).prefixlen

    def _make_bridge(self):
        gateway, length = self._pool()
        self._add_namespace("hub")
        ip_batch(self.namespace("hub"), [
            f"link add {BRIDGE} type bridge", f"link set {BRIDGE} up",
            f"address add {gateway}/{length} dev {BRIDGE}"])

    def _new_network(self, name):
        """A network namespace for a service, empty, as each start of a container has it that does
        not share another's."""
        if name in self._namespaces:
            self._remove_namespace(name)
        if not self._shared_network(name):
            self._add_namespace(name)

    def _shared_network(self, name):
        """The service whose network this one shares, if it does."""
        kind, _, other = self.services[name].get("network_mode", "").partition(":")
        return other if kind == "service" else None

    def _plug(self, name):
        """The cables of a service."""
        gateway, length = self._pool()
        for attached in self.services[name].get("networks", {}).values():
            topology.lay_cable((self.namespace("hub"), name), (self.namespace(name), "eth0"))
            ip_batch(self.namespace("hub"), [f"link set {name} master {BRIDGE}"])
            if not self._plugs_late:
                ip_batch(self.namespace(name), [
                    f"address add {attached['ipv4_address']}/{length} dev eth0",
                    f"route add default via {gateway} dev eth0"])

    def _network_of(self, name):
        return f"/run/netns/{self.namespace(self._shared_network(name) or name)}"

    def _source(self, source):
        if source.startswith("."):
            return (DOCKER / source).resolve(strict=True)
        return self._directory / "volumes" / source

    def configuration(self, name):
        """What crun is given for a service."""
        service = self.services[name]
        other = self._shared_network(name)
        if other:
            # Whoever shares a network shares the name of the machine in it.
            service = {**service, "hostname": self.services[other]["hostname"]}
        stage, root = self._images[service["image"]]
        return oci.configuration(service, stage, root, self._network_of(name), self._source)

    def up(self):
        """Starts every service, each after what it depends on."""
        waiting = list(self.services)
        while waiting:
            ready = [name for name in waiting
                     if not set(self.services[name].get("depends_on", {})) & set(waiting)]
            if not ready:
                raise ValueError(f"{', '.join(waiting)} depend on one another")
            for name in ready:
                for other, how in self.services[name].get("depends_on", {}).items():
                    self._await(other, how["condition"])
                self.start(name)
                waiting.remove(name)

    def _await(self, name, condition):
        container = self.containers[name]
        if condition == "service_completed_successfully":
            status = container.child.wait(SECONDS)
            if status != 0:
                raise ValueError(f"{name} ended with {status}: {container.log.read_text()}")
        elif condition == "service_healthy":
            self.wait(lambda: self.is_healthy(name), f"{name} to be healthy")
        elif condition != "service_started":
            raise ValueError(f"{name}: {condition} is not carried out here")

    def _layer(self, name, root):
        """What ALONE needs to know for a root that may be written to; `root` then names that."""
        if root["readonly"]:
            return {}
        places = [self._directory / "layers" / name / part for part in ("upper", "work", "root")]
        for place in places:
            place.mkdir(parents=True, exist_ok=True)
        upper, work, over = places
        options = f"lowerdir={root['path']},upperdir={upper},workdir={work}"
        root["path"] = str(over)
        return {"COVEY_LAYER": options, "COVEY_ROOT": str(over)}

    def start(self, name, change=lambda configuration: None):
        """Starts one service; `change` may alter what crun is given."""
        self._new_network(name)
        if not self._plugs_late:
            self._plug(name)
        configuration = self.configuration(name)
        change(configuration)
        layer = self._layer(name, configuration["root"])
        bundle = self._directory / "bundles" / name
        bundle.mkdir(parents=True, exist_ok=True)
        (bundle / "config.json").write_text(json.dumps(configuration, indent=1), encoding="utf-8")
        log = self._directory / f"{name}.log"
        with open(log, "wb") as output:
            child = subprocess.Popen(
                [*self._crun, "run", "--bundle", str(bundle), self.namespace(name)],
                stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
                env={**os.environ, **layer})
        self.containers[name] = Container(self.namespace(name), child, log)
        # Before that, what the kernel is told for it may not have been said.
        self.wait(lambda: self._has_begun(name), f"{name} to run")
        if self._plugs_late and "networks" in self.services[name]:
            self._plug(name)
        return self.containers[name]

    def _control(self, *argv):
        return run(*self._crun, *argv, check=False, timeout=SECONDS)

    def _is_running(self, name):
        told = self._control("state", self.containers[name].name)
        return told.returncode == 0 and json.loads(told.stdout)["status"] == "running"

    def _has_begun(self, name):
        return self._is_running(name) or self.containers[name].child.poll() is not None

    def execute(self, name, *argv):
        """Runs a command inside a container; the completed process."""
        return self._control("exec", self.containers[name].name, *argv)

    def kill(self, name, number="KILL"):
        """Kills what a container runs; its exit status."""
        container = self.containers[name]
        self._control("kill", container.name, number)
        return container.child.wait(SECONDS)

    def is_healthy(self, name):
        """Whether the health check of a service succeeds."""
        kind, *argv = self.services[name]["healthcheck"]["test"]
        assert kind == "CMD"
        return self.execute(name, *argv).returncode == 0

    def wait(self, condition, what):
        """Waits for what must come; the logs are told if it does not."""
        def told():
            logs = (f"--- {name}\n{container.log.read_text(errors='replace')}"
                    for name, container in self.containers.items())
            return "\n".join([what, *logs])

        return wait_until(condition, SECONDS, told, interval=0.2)
