# SPDX-License-Identifier: BSD-3-Clause
"""Requests to a running host, and whether its answers are what docs/openapi.yaml says."""

import contextlib
import http.client
import json
import socket
import struct
import sys

from covey_lab import settings

sys.path.insert(0, str(settings.REPOSITORY / "test" / "support"))

import openapi  # noqa: E402  pylint: disable=wrong-import-position

PAGE = openapi.Page()
EXPLAIN = (f"/v1/explain?protocol=tcp&source={settings.CLIENT4}&source_port=40000"
           f"&destination={settings.VIP4}&destination_port=")


class _Connection(http.client.HTTPConnection):
    """HTTP over the UNIX socket of a host."""

    def __init__(self, lab, host):
        super().__init__("covey", timeout=20)
        self._lab, self._host = lab, host

    def connect(self):
        self.sock = connected(self._lab, self._host, self.timeout)


def connected(lab, host, timeout=20.0):
    """A connection to the UNIX socket of a host."""
    connection = socket.socket(socket.AF_UNIX)
    # With a timeout of Python's, it would not wait for room among those to be accepted.
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", int(timeout), 0))
    connection.connect(str(lab.state.directory / f"h{host}.sock"))
    connection.settimeout(timeout)
    return connection


@contextlib.contextmanager
def asked(lab, method, target, *, body=None, host=1, headers=None):
    """The response to a request over the UNIX socket, unread."""
    connection = _Connection(lab, host)
    try:
        with contextlib.suppress(BrokenPipeError):  # it may be refused before all of it is sent
            connection.request(method, target, body, headers or {})
        yield connection.getresponse()
    finally:
        connection.close()


def check(method, target, status, kind, body):
    """An answer is what the document says of this status; what it holds."""
    path = target.partition("?")[0]
    schemas = PAGE.response(method, path, status)
    assert schemas is not None, f"{method} {path} is not known to answer {status}: {body[:200]}"
    kind = kind.partition(";")[0]
    assert kind in schemas
    value = json.loads(body) if kind == "application/json" else body.decode("utf-8")
    assert PAGE.faults(schemas[kind], value) == []
    return value


def answer(lab, method, target, status, **request):
    """As check(), of an answer that must have that status."""
    with asked(lab, method, target, **request) as response:
        assert response.status == status, response.read(300)
        body = response.read()
    return check(method, target, status, response.getheader("Content-Type"), body)
