# SPDX-License-Identifier: BSD-3-Clause
"""A daemon that answers on a UNIX socket what a covey with odd names would answer."""

import http.server
import json
import socketserver
import threading

# What a host of the segment may call itself; none of it may reach a command line.
HOSTILE = ["$(touch owned)", "`touch owned`", "a;touch owned", "-rf", "~root", "a b", "*", "'", ""]


def _member(number, name):
    return {"id": number, "name": name, "state": "converged", "default": number == 1,
            "weight": 100, "age_ms": 0, "in_view": True, "drains": []}


def _rule(name, ports, vip="all", mode="multiple"):
    return {"rule": name, "state": "enabled", "reason": "", "percent": 100, "mode": mode,
            "affinity": "", "vip": vip,
            "protocol": "tcp", "ports": ports, "map_class": 2, "weight": 100, "accepted": 0,
            "dropped": 0, "flows": 0, "buckets": {"owned": 1, "dirty": 0, "total": 1}}


def _count():
    return {"frames": 0, "bytes": 0}


STATUS = {"cluster": "web", "epoch": 1, "converged": True, "since": "", "reason": "", "islands": 0,
          "rules": [],
          "health": [],
          "host": {"id": 1, "name": "web1", "state": "converged", "default": True},
          "members": [_member(1, "web1"), _member(2, "web2"), _member(3, "db.example")]
                     + [_member(10 + at, name) for at, name in enumerate(HOSTILE)]}
RULES = ([_rule("web", "80,443,8000-8100"), _rule("db-1", "5432", vip="10.77.0.51"),
          _rule("default", "all", mode="default")]
         + [_rule(name, "1") for name in HOSTILE])
CONFIG = {"yaml": 'cluster:\n  virtual_ips: ["10.77.0.50/24", "10.77.0.51/24", '
                  '"2001:db8:77::50/64"]\n'}
STATS = {"verdicts": {name: _count() for name in
                      ("deliver_owned", "drop_not_owner", "drop_no_flow", "$(touch owned)")},
         "ports": {}, "workers": [],
         "control": {"timers": 0, "late": {}, "worst_us": 0, "worst_lately_us": 0},
         "heartbeats": {"sent": 0, "send_failed": 0, "received": 0, "fragments": 0, "lost": 0,
                        "refused": {}},
         "commands": {"sent": 0, "received": 0, "obeyed": 0, "challenged": 0, "repeated": 0,
                      "replayed": 0, "limited": 0, "refused": {}},
         "flows": {"established": 0, "half_open": 0, "created": 0, "expired": 0, "evicted": 0,
                   "untracked": 0, "capacity": 1}}
ANSWERS = {"/v1/status": STATUS, "/v1/rules": RULES, "/v1/config": CONFIG, "/v1/stats": STATS}


class _Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):  # the name is the base class's
        """One answer."""
        body = json.dumps(ANSWERS[self.path]).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # the base class writes to stderr
        pass


class _Server(socketserver.ThreadingMixIn, socketserver.UnixStreamServer):
    daemon_threads = True

    def get_request(self):
        """With an address of the form that the handler expects."""
        connection, _ = super().get_request()
        return connection, ("local", 0)


def serve(path):
    """Answers from a thread until the process ends."""
    server = _Server(str(path), _Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
