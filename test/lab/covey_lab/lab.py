# SPDX-License-Identifier: BSD-3-Clause
"""A lab as one object: up, down, and what can happen to a host in between.

Use it as a context manager (`with Lab(options) as lab:`): whatever happens inside, an exception,
Ctrl-C or SIGTERM, everything is taken away. The command line uses attach() on a lab that stays.
"""

import atexit
import json
import os
import secrets
import shutil
import signal
import subprocess
import threading

from . import daemon, segment, services, settings, topology
from .settings import namespace
from .shell import LabError, ip_batch, run, wait_until
from .state import Process, State


class Lab:
    """One lab. Not thread-safe: drive it from one thread, traffic tools have their own."""

    def __init__(self, options, owned=True):
        self.options = options
        self.state = State(options, Process.of(os.getpid()) if owned else None)
        self._children = {}

    @classmethod
    def attach(cls, tag, state_root=""):
        """The lab with this tag that somebody made earlier."""
        options = settings.Options(tag=tag, state_root=state_root)
        lab = cls(options, owned=False)
        lab.state = State.load(options.state_dir())
        lab.options = lab.state.options
        return lab

    def __enter__(self):
        atexit.register(self.down)
        try:
            return self.up()
        except BaseException:
            self.down()
            raise

    def __exit__(self, *_):
        self.down()
        atexit.unregister(self.down)

    def up(self, start_hosts=True, report=lambda text: None):
        """Make everything and wait until all hosts have converged."""
        if os.geteuid() != 0:
            raise LabError("the lab needs root: it makes network namespaces")
        self.state.create()
        report("network namespaces and bridge")
        topology.create(self.options, self.state)
        if self.options.uplink == settings.VIRTIO:
            report("the segment of virtio devices")
            segment.start(self)
        report("nginx behind each host")
        services.make_blob(self.state.directory)
        key = secrets.token_hex(32) + "\n"
        for host in self.hosts():
            self.write_secret(f"h{host}.key", key)
            services.start(self, host)
        self._wait_for_services(self.hosts())
        if start_hosts:
            for host in self.hosts():
                report(f"coveyd on {settings.host_name(host)}")
                daemon.start(self, host)
            report("all hosts to converge")
            self.wait_converged()
        return self

    def down(self):
        """Take everything away; safe to call at any time and more than once."""
        if not self.state.directory.exists():
            return
        with _signals_held():
            for process in self.state.processes.values():
                process.signal(signal.SIGCONT)
                process.signal(signal.SIGTERM)
            for role, process in self.state.processes.items():
                process.stop()
                self._reap(role)
            for name in self.state.namespaces:
                _end_inside(name)
                topology.remove(name)
            shutil.rmtree(self.state.directory, ignore_errors=True)

    def hosts(self):
        """All host numbers, running or not."""
        return list(range(1, self.options.hosts + 1))

    def namespace(self, role):
        """The namespace of `hub`, `client` or a host number."""
        return namespace(self.options.tag, role)

    def spawn(self, role, name, argv, log=None, cwd=None):
        """Start a long-running process inside a namespace and record it."""
        path = self.state.directory / (log or f"{role}.log")
        with open(path, "ab") as output:
            child = subprocess.Popen(["ip", "netns", "exec", name, *argv], stdout=output,
                                     stderr=output, stdin=subprocess.DEVNULL, cwd=cwd,
                                     start_new_session=True)
        self._children[role] = child
        self.state.add_process(role, child.pid)
        return child

    def write_secret(self, name, text):
        """Make a file of mode 0600 in the state directory, or change it; its path."""
        path = self.state.directory / name
        path.touch(mode=0o600)
        path.write_text(text, encoding="ascii")
        return path

    def running(self, role):
        """Whether a recorded process still runs."""
        process = self.state.processes.get(role)
        return process is not None and process.alive()

    def stop_process(self, role, timeout=15):
        """End a process that spawn() started, politely, and forget it."""
        self.state.processes[role].signal(signal.SIGTERM)
        return self.forget_process(role, timeout)

    def kill_process(self, role):
        """End a process that spawn() started, by SIGKILL, and forget it."""
        self.state.processes[role].signal(signal.SIGKILL)
        return self.forget_process(role)

    def forget_process(self, role, timeout=15):
        """Wait for a process that somebody else ends, and forget it."""
        if not self.state.processes[role].wait_gone(timeout):
            raise LabError(f"{role} still runs {timeout} s after it should have ended")
        self.state.remove_process(role)
        return self._reap(role)

    def start(self, host):
        """Start coveyd on a host where it does not run."""
        if self.running(f"coveyd-{host}"):
            raise LabError(f"coveyd already runs on {settings.host_name(host)}")
        daemon.start(self, host)

    def configure(self, host):
        """Write a host's configuration file anew, from the options as they are now; its path."""
        return daemon.configure(self, host)

    def coveyd(self, host):
        """The parent process of the coveyd of a host; the daemon proper is its child."""
        role = f"coveyd-{host}"
        if not self.running(role):
            raise LabError(f"coveyd does not run on {settings.host_name(host)}")
        return self.state.processes[role]

    def send_signal(self, host, number):
        """Send a signal to the coveyd of a host, as a service manager does; SIGKILL ends parent and
        daemon at the same time, as a host that fails does."""
        parent = self.coveyd(host)
        if number == signal.SIGKILL:
            daemon_proper = parent.child()
            parent.signal(signal.SIGSTOP)
            daemon_proper.signal(number)
        parent.signal(number)

    def kill(self, host, number=signal.SIGTERM, timeout=15):
        """End the coveyd of a host and wait for it; returns its exit status when known."""
        family = self.coveyd(host).family()
        self.send_signal(host, number)
        status = self._ended(host, f"signal {number}", timeout)
        # A daemon outlives its parent by a moment, and with it the claim on the uplink.
        if not all(process.wait_gone(timeout) for process in family):
            raise LabError(f"the daemon of {settings.host_name(host)} outlives its parent")
        return status

    def power_off(self, host):
        """End a host at once, with its daemon, its services and its kernel's connections: no last
        word of it leaves."""
        topology.unplug(self.options, host)
        self.kill(host, signal.SIGKILL)
        services.end(self, host)
        topology.disconnect(self.options, host)
        name = self.namespace(host)
        _end_inside(name)
        topology.remove(name)
        self.state.remove_namespace(name)

    def power_on(self, host):
        """A host without any memory after power_off(); coveyd runs, it may still have to join."""
        topology.add_namespace(self.options, self.state, host)
        topology.connect(self.options, host)
        services.start(self, host)
        self._wait_for_services([host])
        daemon.start(self, host)

    def add_station(self, role, addresses):
        """One more machine on the segment: `role` is a name, `addresses` those of its `eth0`."""
        topology.add_namespace(self.options, self.state, role)
        topology.connect(self.options, role)
        lines = [f"address add {address} dev eth0{' nodad' if ':' in address else ''}"
                 for address in addresses]
        ip_batch(self.namespace(role), lines)

    def crash(self, host, number=signal.SIGKILL, timeout=15):
        """End the daemon alone, so that its parent notices; returns the parent's exit status."""
        self.coveyd(host).child().signal(number)
        return self._ended(host, f"signal {number} to the daemon alone", timeout)

    def _ended(self, host, cause, timeout):
        role = f"coveyd-{host}"
        if not self.state.processes[role].wait_gone(timeout):
            raise LabError(f"coveyd of {settings.host_name(host)} still runs {timeout} s after "
                           f"{cause}:\n{daemon.log_tail(self, host)}")
        self.state.remove_process(role)
        return self._reap(role)

    def pause(self, host):
        """Freeze the daemon of a host."""
        self.coveyd(host).child().signal(signal.SIGSTOP)

    def resume(self, host):
        """Let a frozen daemon go on."""
        self.coveyd(host).child().signal(signal.SIGCONT)

    def partition(self, groups):
        """Cut the segment into groups of host numbers (and `client`)."""
        topology.partition(self.options, groups)

    def block(self, rules):
        """Drop frames in one direction each: [(from, to, nft match or ""), ...]; [] ends it."""
        topology.block(self.options, rules)

    def spoil_wire(self, role, **ills):
        """Make the cable of a role a bad one: loss=, duplicate=, reorder= in per cent, seed=."""
        ends = topology.lay_wire(self.options, role)
        arguments = [word for name, value in ills.items() for word in (f"--{name}", str(value))]
        process = self._wire(role)
        self.spawn(process, self.namespace("hub"),
                   [str(self.options.tool("lab-wire")), *ends, *arguments])
        log = self.state.directory / f"{process}.log"
        wait_until(lambda: "ready" in log.read_text(), 10, "lab-wire to be ready")

    def mend_wire(self, role):
        """Undo spoil_wire(); what was done to the frames, by name."""
        process = self._wire(role)
        self.stop_process(process)
        topology.take_wire(self.options, role)
        log = self.state.directory / f"{process}.log"
        return json.loads(log.read_text(encoding="ascii").splitlines()[-1])

    def spoiled(self):
        """The roles with a bad cable."""
        return [role for role in ("client", *self.hosts()) if self.running(self._wire(role))]

    def heal(self):
        """Undo partition(), block() and spoil_wire()."""
        for role in self.spoiled():
            self.mend_wire(role)
        self.block([])
        topology.heal(self.options)

    @staticmethod
    def _wire(role):
        return f"wire-{role}"

    def covey(self, host, *args, **options):
        """Run covey against a host; the completed process."""
        return daemon.covey(self, host, *args, **options)

    def ask(self, host, *args):
        """Run covey --json against a host; the parsed answer."""
        return daemon.ask(self, host, *args)

    def frames(self, host, verdict):
        """How many frames have had a verdict on a host, since its daemon started."""
        return self.ask(host, "stats")["verdicts"][verdict]["frames"]

    def query(self, host):
        """`covey query` of a host, or None while it cannot be asked."""
        return daemon.query(self, host)

    def wait_converged(self, members=None, timeout=30):
        """Wait until these hosts (default: all) agree that they are the cluster."""
        return daemon.wait_converged(self, list(members or self.hosts()), timeout)

    def exec(self, role, argv, **options):
        """Run a command inside a namespace of the lab; the completed process."""
        return run("ip", "netns", "exec", self.namespace(role), *argv, **options)

    def _reap(self, role):
        child = self._children.pop(role, None)
        return child.wait(timeout=5) if child else None

    def _wait_for_services(self, hosts):
        ports = (settings.HTTP_PORTS[-1], settings.ECHO_PORT, settings.TALK_PORT)

        def listening(host):
            shown = self.exec(host, ["ss", "-Hltun"]).stdout
            return all(f":{port} " in shown for port in ports)

        for host in hosts:
            wait_until(lambda host=host: listening(host), 20,
                       f"the services of {settings.host_name(host)} to listen (see "
                       f"{self.state.directory}/nginx-{host}.log)")


def abandoned(state_root=""):
    """Tags of labs whose owner died without cleaning up."""
    root = settings.Options(tag="x", state_root=state_root).state_dir().parent
    found = []
    for path in sorted(root.glob("*/lab.json")):
        if State.load(path.parent).abandoned():
            found.append(path.parent.name)
    return found


def sweep(state_root=""):
    """Take away labs that crashed programs left behind; their tags."""
    tags = abandoned(state_root)
    for tag in tags:
        Lab.attach(tag, state_root).down()
    return tags


def install_signal_handlers():
    """Make SIGTERM and SIGHUP end the program as Ctrl-C does, so that every lab is cleaned up."""
    def leave(number, _frame):
        raise SystemExit(128 + number)

    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, leave)


class _signals_held:  # pylint: disable=invalid-name
    """Ignore impatient Ctrl-C presses while cleaning up; only the main thread can."""

    _NUMBERS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

    def __enter__(self):
        self._before = {}
        if threading.current_thread() is threading.main_thread():
            self._before = {number: signal.signal(number, signal.SIG_IGN)
                            for number in self._NUMBERS}

    def __exit__(self, *_):
        for number, handler in self._before.items():
            signal.signal(number, handler)


def _end_inside(name):
    # Whoever still lives in a namespace that this lab made belongs to it (nginx workers, shells).
    for number in (signal.SIGTERM, signal.SIGKILL):
        left = [Process.of(pid) for pid in topology.pids_inside(name) if pid != os.getpid()]
        for process in left:
            process.signal(number)
        for process in left:
            process.wait_gone(2.0)
