# SPDX-License-Identifier: BSD-3-Clause
"""The lab part of test/bench/local: nginx and iperf3 behind one host, by several ways."""

import functools
import json

import cpu
import ways
from covey_lab import settings, topology
from covey_lab.lab import Lab
from covey_lab.shell import LabError
from load import VIP, latency_of, requests_of, wrk

IPERF_PORT = 5201
GIGABYTE = 1e9
COVEY = "coveyd"
WAYS = {
    COVEY: ways.covey,
    "bridge, offloads off": ways.bridge,
    "net_tap": ways.net_tap,
    "without offload": functools.partial(ways.covey, offload=False),
    "on wires": functools.partial(ways.covey, wire=True),
    "over af_xdp": functools.partial(ways.covey, uplink="af_xdp:up0"),
    "bridge, offloads on": functools.partial(ways.bridge, offloads="on"),
}
UNITS = {
    "keep-alive": "kreq/s", "keep-alive, p50": "ms", "keep-alive, p99": "ms",
    "keep-alive, own code": "% of CPU",
    "new connections": "kconn/s", "bulk in": "Gbit/s", "bulk out": "Gbit/s",
    "bulk in, all CPUs": "CPU s/GB", "bulk in, the process": "CPU s/GB",
    "bulk out, all CPUs": "CPU s/GB", "bulk out, the process": "CPU s/GB",
}


def requests(lab, seconds, processes):
    machine, own = cpu.of_machine(), cpu.in_user_mode(processes)
    kept = wrk(lab, seconds, "--latency")
    machine, own = cpu.of_machine() - machine, cpu.in_user_mode(processes) - own
    figures = {"keep-alive": requests_of(kept), "keep-alive, p50": latency_of(kept, 50),
               "keep-alive, p99": latency_of(kept, 99),
               "new connections": requests_of(wrk(lab, seconds, "-H", "Connection: close"))}
    if processes:
        figures["keep-alive, own code"] = 100 * own / machine
    return figures


def bulk(lab, seconds, processes, what, *options):
    """Rate and processor time of one transfer; `processes` are those of the way."""
    machine, own = cpu.of_machine(), cpu.of_processes(processes)
    done = lab.exec("client", ["iperf3", "--client", VIP, "--json", "--time", str(seconds),
                               *options], timeout=60, check=False)
    machine, own = cpu.of_machine() - machine, cpu.of_processes(processes) - own
    report = json.loads(done.stdout)
    if "error" in report:
        raise LabError(f"iperf3: {report['error']}")
    received = report["end"]["sum_received"]
    gigabytes = received["bytes"] / GIGABYTE
    figures = {what: received["bits_per_second"] / 1e9, f"{what}, all CPUs": machine / gigabytes}
    if processes:
        figures[f"{what}, the process"] = own / gigabytes
    return figures


def measure(lab, seconds, processes):
    return {**requests(lab, seconds, processes),
            **bulk(lab, seconds, processes, "bulk in"),
            **bulk(lab, seconds, processes, "bulk out", "--reverse")}


def measure_all(rounds, seconds):
    """{way: [figures of each round]}"""
    seconds = max(1, int(seconds))
    taken = {way: [] for way in WAYS}
    if not topology.has_af_xdp():
        print("lab: coveyd over af_xdp: skipped, this kernel has no AF_XDP")
        del taken["over af_xdp"]
    options = settings.Options(tag="benchlocal", hosts=1, log_level="warning",
                               rules=[settings.Rule("web", "tcp", "80"),
                                      settings.Rule("iperf", "tcp", str(IPERF_PORT))])
    with Lab(options) as lab:
        lab.spawn("iperf", lab.namespace(ways.HOST), ["iperf3", "--server"], log="iperf.log")
        lab.kill(ways.HOST)
        for _ in range(rounds):
            for way, figures in taken.items():
                with WAYS[way](lab) as processes:
                    figures.append(measure(lab, seconds, processes))
    return taken
