# SPDX-License-Identifier: BSD-3-Clause
"""Every route of docs/openapi.yaml with every parameter, header and field of a body as wrong as it
can be: a clear answer with 4xx, which names what was wrong, and nothing has changed."""

import contextlib
import http.client
import json
import re
import urllib.parse

import pytest
from answers import PAGE, check, connected
from covey_lab import settings
from strict import agreement

MEGABYTE = "x" * (1 << 20)
HUGE = "9" * 400
BINARY = bytes(range(1, 256))
TOO_LONG = (413, 431)
# What a request needs beside what is wrong with it. None of them changes anything.
QUERIES = {"/v1/explain": {"protocol": "tcp", "source": settings.CLIENT4, "source_port": "40000",
                           "destination": settings.VIP4, "destination_port": "80"}}
BODIES = {"/v1/command": {"verb": "start", "target": "", "value": "", "timeout_ms": 0, "host": ""},
          "/v1/keys": {"verb": "retire", "text": "", "id": 255, "force": False}}
NOT_OF_TYPE = {
    "string": [None, True, 0, 1.5, [], {}, ["web"]],
    "integer": [None, True, "0", "", 1.5, -0.5, 10**40, 2**64, -(2**70), [], {}, [0]],
    "boolean": [None, 0, 1, "true", "", [], {}],
}
NO_MESSAGES = [b"", b" ", b"null", b"[]", b"5", b'"start"', b"{", b"}", b"{}{}", b"[" * 4000,
               b'{"verb":' * 500, b"[" * 100_000, b"[" * 2000 + b"]" * 2000, BINARY, b"\0" * 4000,
               b"\xff\xfe{\0}\0", b'{"verb":"\xc3\x28"}', b'{"verb":"\xed\xa0\x80"}',
               MEGABYTE.encode(), b"verb=start"]
OPERATIONS = sorted(PAGE.operations().items())


def _said(lab, method, target, *headers, body=b""):
    """(status, content type, body) of the answer to these bytes."""
    lines = [f"{method} {target} HTTP/1.1", "Host: covey", "Connection: close", *headers]
    if body or method == "POST":
        lines.append(f"Content-Length: {len(body)}")
    request = "\r\n".join([*lines, "", ""]).encode("latin-1") + body
    with connected(lab, 1) as connection:
        with contextlib.suppress(BrokenPipeError):  # it may be refused before all of it is sent
            connection.sendall(request)
        response = http.client.HTTPResponse(connection, method=method)
        response.begin()
        return response.status, response.getheader("Content-Type"), response.read()


def _refused(lab, method, target, *headers, body=b"", name=""):
    """The answer must be 4xx in JSON, and say what was wrong if a name for that is given."""
    status, kind, text = _said(lab, method, target, *headers, body=body)
    told = (target[:200], headers, body[:200], status, text[:300])
    assert 400 <= status < 500, told
    assert kind == "application/json", told
    said = json.loads(text)
    if status in TOO_LONG:
        assert PAGE.faults("ErrorReply", said) == [], told
        return
    check(method, target, status, kind, text)
    assert said.get("error") or said.get("text"), told
    # What is of the right type but not there is named itself.
    assert status == 404 or name in said.get("error", name), told


def _wrong_values(schema):
    """Values of a parameter that are none."""
    yield from (BINARY, MEGABYTE, "\0", "\x1b[31m", b"\xff\xfe", "%", "x" * 3000)
    if schema["type"] == "integer":
        yield from ("", " ", "-1", "+1", "1.5", "1e3", "0x10", "one", "null", HUGE, "1 ", " 1",
                    str(2**64), str(-2**63), "\u0661")
        yield from (str(schema[end] + step) for end, step in (("minimum", -1), ("maximum", 1))
                    if end in schema)
    if "enum" in schema or "pattern" in schema:
        yield from ("null", "TCP", "-1")


def _state(lab):
    """What no bad request may change."""
    return (agreement(lab), lab.ask(1, "display"), lab.ask(1, "key", "list"),
            [(rule["rule"], rule["state"], rule["weight"]) for rule in lab.ask(1, "params")])


@pytest.fixture(name="unchanged", autouse=True)
def _unchanged(lab):
    """So it is after each of these tests."""
    before = _state(lab)
    yield
    assert _state(lab) == before


def _target(path, **parameters):
    return path + "?" + urllib.parse.urlencode({**QUERIES.get(path, {}), **parameters})


def _parameters(place):
    return [(method, path, each) for (method, path), operation in OPERATIONS
            for each in operation.get("parameters", []) if each["in"] == place]


# One test for all, because getting the cluster ready takes longer than all the requests.
def test_a_parameter_with_a_wrong_value_is_named(lab):
    for method, path, parameter in _parameters("query"):
        _check_parameter(lab, method, path, parameter)


def _check_parameter(lab, method, path, parameter):
    name = parameter["name"]
    for value in _wrong_values(parameter["schema"]):
        _refused(lab, method, _target(path, **{name: value}), name=name)
    good = _target(path)
    _refused(lab, method, f"{good}&{name}=%f", name="percent")
    _refused(lab, method, f"{_target(path, **{name: '1'})}&{name}=1", name=name)
    if parameter.get("required"):
        _refused(lab, method, re.sub(f"{name}=[^&]*&?", "", good), name=name)


def test_a_header_with_a_wrong_value_is_named(lab):
    for method, path, header in _parameters("header"):
        for value in ("-1", "one", "1.5", HUGE, "1 1", "\xff", MEGABYTE):
            _refused(lab, method, path, f"{header['name']}: {value}", name=header["name"])


def test_what_a_route_does_not_take_is_refused(lab):
    for (method, path), operation in OPERATIONS:
        _check_route(lab, method, path, operation)


def _check_route(lab, method, path, operation):
    for name in ("junk", "JUNK", "", "%ff%00", "a" * 3000):
        _refused(lab, method, f"{path}?{name}=1", name="parameter")
    _refused(lab, method, f"{path}?{'&'.join(f'p{each}=1' for each in range(20))}",
             name="parameter")
    _refused(lab, method, f"{path}?{MEGABYTE}")
    _refused(lab, method, path, f"X: {MEGABYTE}")
    if "requestBody" not in operation:
        for body in (b"{}", b"\0", b"x" * 4096, MEGABYTE.encode()):
            _refused(lab, method, _target(path), body=body)


def _messages():
    """(path, schema) of what is posted."""
    for (method, path), operation in OPERATIONS:
        if "requestBody" in operation:
            name = operation["requestBody"]["content"]["application/json"]["schema"]["$ref"]
            yield pytest.param(method, path, PAGE.schemas[name.rpartition("/")[2]], id=path)


@pytest.mark.parametrize("method, path, schema", _messages())
def test_a_field_with_a_wrong_value_is_named(lab, method, path, schema):
    good = BODIES[path]
    assert list(good) == list(schema["properties"])
    for name, field in schema["properties"].items():
        for value in NOT_OF_TYPE[field["type"]]:
            _refused(lab, method, path, body=json.dumps({**good, name: value}).encode(), name=name)
        missing = {key: value for key, value in good.items() if key != name}
        _refused(lab, method, path, body=json.dumps(missing).encode(), name=name)
        twice = json.dumps(good)[:-1] + f', "{name}": {json.dumps(good[name])}}}'
        _refused(lab, method, path, body=twice.encode(), name=name)
        infinite = json.dumps({**good, name: 0}).replace(f'"{name}": 0', f'"{name}": 1e999')
        _refused(lab, method, path, body=infinite.encode())
        too_long = json.dumps({**good, name: MEGABYTE})
        _refused(lab, method, path, body=too_long.encode())


@pytest.mark.parametrize("method, path, schema", _messages())
def test_a_field_of_the_right_type_may_be_nonsense_still(lab, method, path, schema):
    good = BODIES[path]
    nonsense = {"string": ["\0", "\x1b[31m\n", "x" * 3000, "\ud800", "-1"],
                "integer": [-1, 2**31, 2**63 - 1, -(2**63)], "boolean": []}
    for name, field in schema["properties"].items():
        for value in nonsense[field["type"]]:
            _refused(lab, method, path, body=json.dumps({**good, name: value}).encode())


@pytest.mark.parametrize("method, path, _", _messages())
def test_what_is_no_message_is_refused(lab, method, path, _):
    for body in NO_MESSAGES:
        _refused(lab, method, path, body=body)
    good = json.dumps(BODIES[path]).encode()
    for kind in ("text/plain", "application/xml", "application/x-www-form-urlencoded",
                 "multipart/form-data; boundary=x", "application/jsonp", "x" * 3000, "\xff"):
        _refused(lab, method, path, f"Content-Type: {kind}", body=good, name="Content-Type")


def test_what_is_no_method_is_refused(lab):
    for path in PAGE.whole["paths"]:
        _check_methods(lab, path)


def _check_methods(lab, path):
    for method in ("get", "Post", "TRACE", "OPTIONS", "CONNECT", "PRI", "G" * 3000):
        status, kind, text = _said(lab, method, path)
        assert (status, kind) == (405, "application/json")
        assert PAGE.faults("ErrorReply", json.loads(text)) == []
    for method in ("", "\0", "G\xcbT", "GET\t", MEGABYTE):
        status, kind, text = _said(lab, method, path)
        assert status in (400, 431), (method, status)
        assert PAGE.faults("ErrorReply", json.loads(text)) == []
