# SPDX-License-Identifier: BSD-3-Clause
"""A service of a compose file as an OCI runtime gets it: config.json, with Docker's defaults."""

import json
import os
import pathlib
import re

VERSION = "1.0.2"
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
# What a container has that neither drops nor adds anything.
CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FSETID", "FOWNER", "MKNOD", "NET_RAW", "SETGID", "SETUID",
                "SETFCAP", "SETPCAP", "NET_BIND_SERVICE", "SYS_CHROOT", "KILL", "AUDIT_WRITE")
MASKED = ("/proc/acpi", "/proc/kcore", "/proc/keys", "/proc/latency_stats", "/proc/timer_list",
          "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi", "/sys/firmware")
READ_ONLY = ("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger")
PROFILE = pathlib.Path("/usr/share/containers/seccomp.json")
HEADER = pathlib.Path("/usr/include/linux/capability.h")
# Devices that every container may use: null, zero, full, tty, random, urandom, ptmx and terminals.
ORDINARY_DEVICES = ((1, 3), (1, 5), (1, 7), (5, 0), (1, 8), (1, 9), (5, 2), (136, None))
MOUNTS = (
    ("proc", "proc", "/proc", ("nosuid", "noexec", "nodev")),
    ("tmpfs", "tmpfs", "/dev", ("nosuid", "strictatime", "mode=755", "size=65536k")),
    ("devpts", "devpts", "/dev/pts", ("nosuid", "noexec", "newinstance", "ptmxmode=0666")),
    ("tmpfs", "shm", "/dev/shm", ("nosuid", "noexec", "nodev", "mode=1777", "size=65536k")),
    ("sysfs", "sysfs", "/sys", ("nosuid", "noexec", "nodev", "ro")))

# What of a service this file and engine.py carry out; any other key would go untested.
KEYS = {"build", "image", "entrypoint", "command", "cap_drop", "cap_add", "devices", "sysctls",
        "security_opt", "read_only", "tmpfs", "healthcheck", "depends_on", "user", "volumes",
        "hostname", "networks", "network_mode", "privileged", "profiles"}


def _all_capabilities():
    """The names of what this process has: a machine may hold back some from root, too."""
    held = int(re.search(r"(?m)^CapEff:\s*(\S+)$",
                         pathlib.Path("/proc/self/status").read_text(encoding="ascii"))[1], 16)
    names = re.findall(r"(?m)^#define (CAP_\w+)\s+(\d+)$", HEADER.read_text(encoding="ascii"))
    return [name for name, number in names if held >> int(number) & 1]


def capabilities(service):
    """The names a service is left with."""
    if service.get("privileged"):
        return _all_capabilities()
    kept = set() if "ALL" in service.get("cap_drop", []) else set(CAPABILITIES)
    kept -= set(service.get("cap_drop", []))
    return sorted(f"CAP_{name}" for name in kept | set(service.get("cap_add", [])))


def _user(service, root):
    name = service.get("user", "root")
    entry = re.search(rf"(?m)^{re.escape(name)}:[^:]*:(\d+):(\d+):",
                      (root / "etc" / "passwd").read_text(encoding="ascii"))
    return {"uid": int(entry[1]), "gid": int(entry[2])}


def _process(service, image, root):
    if "entrypoint" in service:
        arguments = service["entrypoint"] + service.get("command", [])
    else:
        arguments = image.exec_form("ENTRYPOINT") + (service.get("command")
                                                     or image.exec_form("CMD"))
    user = _user(service, root)
    bounding = capabilities(service)
    effective = bounding if user["uid"] == 0 else []
    return {
        "terminal": False, "user": user, "args": arguments, "cwd": "/",
        "env": [f"PATH={PATH}", f"HOSTNAME={service['hostname']}"],
        "capabilities": {"bounding": bounding, "effective": effective, "permitted": effective,
                         "inheritable": [], "ambient": []},
        "noNewPrivileges": "no-new-privileges:true" in service.get("security_opt", []),
    }


def _mounts(service, source_of):
    mounts = [{"type": kind, "source": source, "destination": where, "options": list(options)}
              for kind, source, where, options in MOUNTS]
    for where in service.get("tmpfs", []):
        mounts.append({"type": "tmpfs", "source": "tmpfs", "destination": where,
                       "options": ["nosuid", "nodev", "noexec", "mode=1777"]})
    for volume in service.get("volumes", []):
        source, where, *mode = volume.split(":")
        mounts.append({"type": "bind", "source": str(source_of(source)), "destination": where,
                       "options": ["bind", "rprivate", *(mode or ["rw"])]})
    return mounts


def _devices(service):
    given = ["/dev/net/tun"] if service.get("privileged") else []
    for path in service.get("devices", given):
        number = os.stat(path).st_rdev
        yield {"path": path, "type": "c", "major": os.major(number), "minor": os.minor(number),
               "fileMode": 0o666, "uid": 0, "gid": 0}


def _allowed(devices):
    yield {"allow": False, "access": "rwm"}
    for major, minor in [*ORDINARY_DEVICES,
                         *((device["major"], device["minor"]) for device in devices)]:
        rule = {"allow": True, "type": "c", "major": major, "access": "rwm"}
        yield rule if minor is None else {**rule, "minor": minor}


def _system_calls(held):
    """The filter that engines use by default, for these capabilities: Docker's, as Podman has it.
    """
    profile = json.loads(PROFILE.read_text(encoding="ascii"))
    rules = []
    for rule in profile["syscalls"]:
        needed, without = rule.get("includes", {}), rule.get("excludes", {})
        if (set(needed.get("caps", [])) <= set(held)
                and not set(without.get("caps", [])) & set(held)
                and "amd64" in needed.get("arches", ["amd64"])
                and "amd64" not in without.get("arches", [])):
            rules.append({key: rule[key] for key in ("names", "action", "args", "errnoRet")
                          if rule.get(key)})
    return {"defaultAction": profile["defaultAction"],
            "defaultErrnoRet": profile["defaultErrnoRet"],
            "architectures": ["SCMP_ARCH_X86_64"], "syscalls": rules}


def _limits(service):
    """What keeps a container from the machine; nothing does if it is privileged."""
    devices = list(_devices(service))
    if service.get("privileged"):
        return {"devices": devices,
                "resources": {"devices": [{"allow": True, "access": "rwm"}]}}
    return {"devices": devices,
            "resources": {"devices": list(_allowed(devices))},
            "seccomp": _system_calls(capabilities(service)),
            "maskedPaths": list(MASKED), "readonlyPaths": list(READ_ONLY)}


def configuration(service, image, root, network, source_of):
    """config.json of a service that runs `image` (a stage) from the tree `root`, in the network
    namespace `network` (a path)."""
    namespaces = [{"type": kind} for kind in ("mount", "pid", "ipc", "uts")]
    namespaces.append({"type": "network", "path": network})
    return {
        "ociVersion": VERSION,
        "hostname": service["hostname"],
        "root": {"path": str(root), "readonly": service.get("read_only", False)},
        "process": _process(service, image, root),
        "mounts": _mounts(service, source_of),
        "linux": {"namespaces": namespaces, "sysctl": dict(service.get("sysctls", {})),
                  **_limits(service)},
    }
