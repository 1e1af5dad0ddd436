# SPDX-License-Identifier: BSD-3-Clause
"""docs/openapi.yaml is a sound document, has the routes and keys of the code and no others, and
says what a running cluster answers."""

import contextlib
import json
import re
import signal
import urllib.parse

import pytest
from answers import EXPLAIN, PAGE, answer, asked, check
from covey_lab import settings
from covey_lab.shell import wait_until
from openapi import METHODS

TOP = settings.REPOSITORY
ROUTE = re.compile(r'\{"(/[^"]*)", "([A-Z]+)", "([^"]*)", \w+(?:, true)?\}')

# (target, status) of every kind of answer to a GET over the UNIX socket.
GETS = [
    ("/v1/status", 200), ("/v1/health", 200), ("/v1/rules", 200), ("/v1/stats", 200),
    ("/v1/history", 200), ("/v1/config", 200), ("/v1/keys", 200), ("/metrics", 200),
    ("/healthz", 200), ("/v1/buckets", 200), ("/v1/buckets?rule=web", 200),
    ("/v1/buckets?rule=spread", 200), ("/v1/flows", 200), ("/v1/flows?limit=1&rule=web", 200),
    ("/v1/events", 200), ("/v1/events?since=1", 200), (EXPLAIN + "80", 200),
    (EXPLAIN + "23", 200), (EXPLAIN + "5432", 200), (EXPLAIN + "9000", 200),
    (EXPLAIN + "80&flags=ack&without=web3", 200),
    ("/v1/trace?count=20&timeout_ms=5000", 200), ("/v1/trace?timeout_ms=1&verdict=drop_icmp", 200),
    ("/v1/buckets?rule=nothing", 404), ("/v1/flows?rule=nothing", 404),
    (EXPLAIN + "80&without=web9", 404),
    *((path + "?junk=%00", 400) for method, path in PAGE.operations() if method == "GET"),
    ("/v1/status?a=%zz", 400), ("/v1/buckets?rule=web&rule=web", 400), ("/v1/flows?limit=-1", 400),
    ("/v1/flows?limit=99999999999999999999", 400), ("/v1/flows?bucket=65536", 400),
    ("/v1/events?since=soon", 400), ("/v1/explain", 400), (EXPLAIN + "65536", 400),
    (EXPLAIN + "80&flags=sin", 400), ("/v1/trace?count=0", 400), ("/v1/trace?host=nobody", 400),
    ("/v1/trace?verdict=dropped", 400), ("/v1/capture?filter=0", 400),
    ("/v1/capture?time_ms=0", 400),
]
ORDER = {"verb": "start", "target": "", "value": "", "timeout_ms": 0, "host": ""}
KEYS = {"verb": "retire", "text": "", "id": 0, "force": False}
# (path, body, status) of answers to a POST that leave the cluster as it is.
POSTS = [
    ("/v1/command", ORDER, 200), ("/v1/command", {**ORDER, "host": "all"}, 200),
    ("/v1/command", {**ORDER, "verb": "fly"}, 400), ("/v1/command", {**ORDER, "host": "web9"}, 400),
    ("/v1/command", {**ORDER, "verb": "enable", "target": "block"}, 409),
    ("/v1/command", {}, 400), ("/v1/command", {**ORDER, "timeout_ms": "soon"}, 400),
    ("/v1/keys", {**KEYS, "verb": "add", "text": "junk"}, 400),
    ("/v1/keys", {**KEYS, "id": 256}, 400), ("/v1/keys", {**KEYS, "id": -1}, 400),
    ("/v1/keys", {}, 400), ("/v1/reload", None, 200),
]
# What the tests at the end of this file bring about, beside those lists.
BROUGHT_ABOUT = {("POST", "/v1/command", 504), ("GET", "/healthz", 503), ("GET", "/v1/events", 503),
                 ("POST", "/v1/reload", 400), ("POST", "/v1/reload", 409),
                 ("POST", "/v1/reload", 422), ("POST", "/v1/keys", 200), ("POST", "/v1/keys", 409),
                 ("GET", "/v1/capture", 200), ("GET", "/v1/capture", 409),
                 ("POST", "/v1/command", 415), ("POST", "/v1/keys", 415)}
# A worker that says nothing for 3 seconds, and maps of more than a million buckets.
NOT_ASKED_FOR = {("GET", "/v1/flows", 504), ("GET", "/v1/explain", 504), ("GET", "/v1/trace", 504),
                 ("GET", "/v1/buckets", 409)}


def test_the_document_is_sound_openapi():
    assert PAGE.mistakes() == []


def test_every_reference_leads_somewhere_and_every_component_is_used():
    components = {f"{kind}/{name}" for kind, named in PAGE.whole["components"].items()
                  for name in named}
    made_by_covey = {f"schemas/{name}" for name in
                     ("Diagnosis", "Rates", "Captured", "ClusterMacs", "NewKey", "Version")}
    assert PAGE.references() | made_by_covey == components


def test_it_has_the_routes_of_the_code_and_their_parameters_and_no_others():
    code = (TOP / "lib/control/routes.cc").read_text(encoding="utf-8")
    routes = {(method, path): parameter for path, method, parameter in ROUTE.findall(code)}
    count = re.search(r"std::array<Route, (\d+)> kRoutes", code)
    assert len(routes) == int(count.group(1))
    capture = re.search(r'kCapturePath = "([^"]+)"', code).group(1)
    routes["GET", capture] = "*"
    assert set(PAGE.operations()) == set(routes)
    read = "".join((TOP / "lib/api" / name).read_text(encoding="utf-8")
                   for name in ("query.cc", "capture.cc"))
    for route, taken in routes.items():
        names = [each["name"] for each in PAGE.operations()[route].get("parameters", [])
                 if each["in"] == "query"]
        if taken == "*":
            assert names, route
            assert all(f'name == "{name}"' in read for name in names), route
        else:
            assert names == ([taken] if taken else []), route


def test_the_parameters_of_a_query_are_those_that_the_code_reads():
    documented = {each["name"] for operation in PAGE.operations().values()
                  for each in operation.get("parameters", [])}
    read = "".join((TOP / "lib/api" / name).read_text(encoding="utf-8")
                   for name in ("query.cc", "capture.cc"))
    assert set(re.findall(r'name == "(\w+)"', read)) <= documented


def test_its_messages_have_the_keys_of_the_code_in_that_order():
    code = (TOP / "lib/api/fields.h").read_text(encoding="utf-8")
    messages = re.findall(r"Either<(\w+)> T>\nvoid describe.*?\n\}", code, re.DOTALL)
    bodies = re.split(r"Either<\w+> T>\nvoid describe", code)[1:]
    keys = {name: re.findall(r'visit\("(\w+)"', body) for name, body in zip(messages, bodies)}
    assert len(keys) == len(bodies) > 30
    for name, wanted in keys.items():
        assert list(PAGE.schemas[name]["properties"]) == wanted, name
        assert PAGE.schemas[name]["required"] == wanted, name


def test_it_names_the_events_of_the_code():
    node = (TOP / "lib/convergence/node.h").read_text(encoding="utf-8")
    kinds = re.search(r"enum class EventKind[^{]*\{(.*?)\};", node, re.DOTALL).group(1)
    names = set(re.findall(r"^\s*(\w+),", kinds, re.MULTILINE))
    for path in (TOP / "lib/control").glob("*.cc"):
        text = path.read_text(encoding="utf-8")
        names |= set(re.findall(r'\breport\(\s*"(\w+)"', text))
        names |= set(re.findall(r'\.event = "(\w+)"', text))
    assert len(names) > 16
    assert set(PAGE.schemas["EventRow"]["properties"]["event"]["enum"]) == names
    page = (TOP / "docs/api.md").read_text(encoding="utf-8")
    listed = re.search(r"Names: ([`\w\s]+)\.", page).group(1).replace("`", "").split()
    assert set(listed) == names


def test_the_page_beside_it_names_the_lines_of_the_log():
    logged = set()
    for path in (*(TOP / "lib/control").glob("*.cc"), *(TOP / "app/coveyd").glob("*.cc")):
        text = path.read_text(encoding="utf-8")
        logged |= set(re.findall(r'\blog\([^;"]*, *\n? *"(\w+)"', text))
    assert len(logged) > 10
    page = (TOP / "docs/api.md").read_text(encoding="utf-8")
    listed = re.search(r"Names are the events above and (.*?)\.\n", page, re.DOTALL).group(1)
    assert set(re.findall(r"`(\w+)`", listed)) == logged


def test_every_answer_of_the_document_is_asked_for():
    asked = {("GET", target.partition("?")[0], status) for target, status in GETS}
    asked |= {("POST", path, status) for path, _, status in POSTS}
    documented = {(method, path, int(status)) for (method, path), operation
                  in PAGE.operations().items() for status in operation["responses"]}
    over_tcp = {answer for answer in documented if answer[2] == 403}
    assert documented == asked | over_tcp | BROUGHT_ABOUT | NOT_ASKED_FOR
    assert not NOT_ASKED_FOR & (asked | BROUGHT_ABOUT)


@pytest.mark.parametrize("target, status", GETS)
def test_a_get_is_answered_as_the_document_says(lab, target, status):
    if target == EXPLAIN + "80":
        lab.exec("client", ["curl", "-sf", "-m", "10", f"http://{settings.VIP4}/"])
    answer(lab, "GET", target, status)


@pytest.mark.parametrize("path, body, status", POSTS)
def test_a_post_is_answered_as_the_document_says(lab, path, body, status):
    answer(lab, "POST", path, status, body=None if body is None else json.dumps(body))
    lab.wait_converged()


@pytest.mark.parametrize("path", sorted(PAGE.whole["paths"]))
def test_another_method_is_refused_with_those_there_are(lab, path):
    known = [method.upper() for method in METHODS if method in PAGE.whole["paths"][path]]
    for method in {"GET", "POST", "PUT", "DELETE", "FLY"} - set(known):
        with asked(lab, method, path) as response:
            body = json.loads(response.read())
        assert response.status == 405
        assert response.getheader("Allow") == ", ".join(known)
        assert PAGE.faults("ErrorReply", body) == []


@pytest.mark.parametrize("path", ["/", "/v1", "/v1/statuses", "/v2/status", "/v1/%73tatus", "*"])
def test_another_path_is_not_found(lab, path):
    with asked(lab, "GET", path) as response:
        body = json.loads(response.read())
    assert response.status == 404
    assert PAGE.faults("ErrorReply", body) == []


@pytest.mark.parametrize("method, path", sorted(PAGE.operations()))
def test_over_tcp_there_is_what_is_not_marked(lab, method, path):
    only_socket = PAGE.operations()[method, path].get("x-unix-socket-only", False)
    assert only_socket or method == "GET"
    target = EXPLAIN + "80" if path == "/v1/explain" else path
    said = lab.exec(1, ["curl", "-s", "-X", method, "-w", "\n%{http_code} %{content_type}",
                        f"http://127.0.0.1:9717{target}"]).stdout
    body, _, last = said.rpartition("\n")
    status, kind = last.split(maxsplit=1)
    assert int(status) == (403 if only_socket else 200)
    check(method, target, int(status), kind, body.encode())


def test_a_body_or_a_header_that_is_too_long_is_refused(lab):
    for request, status in (({"body": b"{" * 5000}, 413), ({"headers": {"X": "x" * 9000}}, 431)):
        with asked(lab, "POST", "/v1/command", **request) as response:
            body = json.loads(response.read())
        assert response.status == status
        assert PAGE.faults("ErrorReply", body) == []


def test_a_get_has_no_body(lab):
    for path in ("/v1/status", "/v1/capture"):
        answer(lab, "GET", path, 400, body=b"{}")


@pytest.mark.parametrize("path, body", [("/v1/command", ORDER), ("/v1/keys", KEYS)])
def test_an_order_is_json_and_says_nothing_else_of_itself(lab, path, body):
    answer(lab, "POST", path, 415, body=json.dumps(body), headers={"Content-Type": "text/plain"})


def test_events_are_streamed_until_there_are_too_many_streams(lab):
    streams = []
    with contextlib.ExitStack() as opened:
        for _ in range(16):
            stream = opened.enter_context(asked(lab, "GET", "/v1/events?since=0",
                                                 headers={"Accept": "text/event-stream"}))
            streams.append(stream)
            assert stream.status == 200
            assert stream.getheader("Content-Type") in PAGE.response("GET", "/v1/events", 200)
            frame = {}
            for line in iter(stream.readline, b"\n"):
                name, _, value = line.decode().rstrip("\n").partition(": ")
                frame[name] = value
            assert list(frame) == ["id", "event", "data"]
            row = json.loads(frame["data"])
            assert PAGE.faults("EventRow", row) == []
            assert (str(row["id"]), row["event"]) == (frame["id"], frame["event"])
        answer(lab, "GET", "/v1/events", 503, headers={"Accept": "text/event-stream"})


def test_one_capture_is_on_at_a_time(lab):
    target = "/v1/capture?" + urllib.parse.urlencode({"count": 3, "time_ms": 60000,
                                                      "filter": "0006000000000000"})
    with asked(lab, "GET", target) as stream:  # of no packets: its filter takes none
        assert stream.status == 200
        assert stream.getheader("Content-Type") in PAGE.response("GET", "/v1/capture", 200)
        assert stream.read(4) == b"\x0a\x0d\x0d\x0a"
        answer(lab, "GET", target, 409)


def test_reload_tells_changes_and_mistakes(lab):
    conf = lab.configure(1)
    good = conf.read_text(encoding="utf-8")
    try:
        conf.write_text(re.sub(r"(?m)^( *)id: 1\b", r"\1id: 9", good), encoding="utf-8")
        restart = answer(lab, "POST", "/v1/reload", 409)
        assert [change["path"] for change in restart["changes"]] == ["host.id"]
        conf.write_text(good + "\njunk: 1\n", encoding="utf-8")
        assert answer(lab, "POST", "/v1/reload", 422)["mistakes"]
    finally:
        conf.write_text(good, encoding="utf-8")
    assert answer(lab, "POST", "/v1/reload", 200)["changes"] == []
    answer(lab, "POST", "/v1/reload?junk=1", 400)
    lab.wait_converged()


def test_a_key_that_others_do_not_hold_is_added_and_taken_back(lab):
    hosts = answer(lab, "GET", "/v1/keys", 200)["hosts"]
    old = next(row["keys"][-1]["id"] for row in hosts if row["host"] == 1)
    answer(lab, "POST", "/v1/keys", 200, body=json.dumps({**KEYS, "verb": "generate"}))
    refused = {**KEYS, "id": old}
    assert answer(lab, "POST", "/v1/keys", 409, body=json.dumps(refused))["code"] == 5
    answer(lab, "POST", "/v1/keys", 200, body=json.dumps({**KEYS, "id": (old + 1) % 256}))
    lab.wait_converged()


def test_a_host_that_is_down_and_one_that_is_stopped(lab):
    lab.kill(3, signal.SIGKILL)
    answer(lab, "POST", "/v1/command", 504, body=json.dumps({**ORDER, "host": "3"}))
    everybody = answer(lab, "POST", "/v1/command", 504, body=json.dumps({**ORDER, "host": "all"}))
    assert [row["code"] for row in everybody["hosts"]] == [0, 0, 6]
    answer(lab, "POST", "/v1/command", 200, host=2, body=json.dumps({**ORDER, "verb": "stop"}))
    wait_until(lambda: lab.query(2)["host"]["state"] == "stopped", 15, "host 2 to be stopped")
    answer(lab, "GET", "/healthz", 503, host=2)
    for target in ("/v1/status", "/v1/rules", "/v1/buckets", EXPLAIN + "80"):
        answer(lab, "GET", target, 200, host=2)


def test_rules_that_are_held_back_stand_in_the_status(lab):
    drain = {**ORDER, "verb": "drain", "target": "web"}
    answer(lab, "POST", "/v1/command", 200, body=json.dumps(drain))
    status = answer(lab, "GET", "/v1/status", 200)
    assert [row["rule"] for row in status["rules"]] == ["web"]
    answer(lab, "GET", "/v1/rules", 200)
    answer(lab, "POST", "/v1/command", 200, body=json.dumps({**drain, "verb": "enable"}))
    lab.wait_converged()
