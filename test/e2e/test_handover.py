# SPDX-License-Identifier: BSD-3-Clause
"""While buckets change hands on purpose no client has to send its SYN again, a second later."""

from covey_lab.traffic.strict import StrictClient
from strict import assert_one_host_each


def _syns_sent_again(lab):
    lines = lab.exec("client", ["cat", "/proc/net/netstat"]).stdout.splitlines()
    names, values = (line.split() for line in lines if line.startswith("TcpExt:"))
    return int(dict(zip(names, values))["TCPSynRetrans"])


def _handed_on(lab):
    return sum(lab.frames(host, "hand_on") for host in lab.hosts())


# A bucket that moves on while a SYN is on its way to the last owner may cost that client a second:
# nothing is sent on twice. So moves follow each other more slowly than hosts send on.
CONNECTIONS_PER_MOVE = 300


def test_no_syn_is_sent_again_while_buckets_move(lab, long):
    client = StrictClient(lab, rate=1000, pairs=20000, timeout=5.0, reset=False)
    client.more(200)
    before, handed_on = _syns_sent_again(lab), _handed_on(lab)
    for turn in range(200 if long else 40):
        assert lab.covey(1, "weight", "web", "1" if turn % 2 == 0 else "100").returncode == 0
        lab.wait_converged()
        client.more(CONNECTIONS_PER_MOVE)
    record = client.stop()
    assert not record.failures(), [(one, record.seen_of(one)) for one in record.failures()[:5]]
    assert_one_host_each(record)
    print(f"{_handed_on(lab) - handed_on} SYNs were handed on")
    assert _handed_on(lab) > handed_on
    assert _syns_sent_again(lab) == before
