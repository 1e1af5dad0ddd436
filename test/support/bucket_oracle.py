# SPDX-License-Identifier: BSD-3-Clause
"""A second implementation of the bucket hash and of the assignment of buckets.

Written from the published definition of SipHash and from the rules in lib/bucket/assignment.h and
lib/bucket/flow_hash.h, for reading rather than for speed: tests compare the product with it.
Standard library only.
"""

import ipaddress
import struct
from fractions import Fraction

MASK = 2**64 - 1


def rotate(word, bits):
    return ((word << bits) & MASK) | (word >> (64 - bits))


def sip_rounds(v, count):
    for _ in range(count):
        v[0] = (v[0] + v[1]) & MASK
        v[1] = rotate(v[1], 13) ^ v[0]
        v[0] = rotate(v[0], 32)
        v[2] = (v[2] + v[3]) & MASK
        v[3] = rotate(v[3], 16) ^ v[2]
        v[0] = (v[0] + v[3]) & MASK
        v[3] = rotate(v[3], 21) ^ v[0]
        v[2] = (v[2] + v[1]) & MASK
        v[1] = rotate(v[1], 17) ^ v[2]
        v[2] = rotate(v[2], 32)


def siphash(key, data, compression=1, finalisation=3):
    """`key` is a pair of 64-bit numbers, `data` bytes; returns a 64-bit number."""
    start = struct.unpack(">4Q", b"somepseudorandomlygeneratedbytes")
    v = [word ^ key[i % 2] for i, word in enumerate(start)]
    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        v[3] ^= word
        sip_rounds(v, compression)
        v[0] ^= word
    v[2] ^= 0xFF
    sip_rounds(v, finalisation)
    return v[0] ^ v[1] ^ v[2] ^ v[3]


def hashed_bytes(affinity, prefix4, prefix6, source, source_port, destination_port):
    """The input of the bucket hash; `source` is an address in text form."""
    address = ipaddress.ip_address(source)
    if affinity == "none":
        return address.packed + struct.pack(">HH", source_port, destination_port)
    if affinity == "single":
        return address.packed
    prefix = prefix4 if address.version == 4 else prefix6
    prefix = min(prefix, address.max_prefixlen)
    return ipaddress.ip_network((address, prefix), strict=False).network_address.packed


def flow_hash(key, affinity, prefix4, prefix6, source, source_port, destination_port):
    data = hashed_bytes(affinity, prefix4, prefix6, source, source_port, destination_port)
    return siphash(key, data)


class Member:
    """One member of a cluster: its id, its weight, and the set of buckets it claims."""

    def __init__(self, host, weight, claims=()):
        self.host = host
        self.weight = weight
        self.claims = frozenset(claims)


def quotas(buckets, members):
    """Largest remainder over exact fractions: {host: quota}."""
    total = sum(member.weight for member in members)
    if total == 0:
        return {member.host: 0 for member in members}
    ideal = {m.host: Fraction(buckets * m.weight, total) for m in members}
    result = {host: share.numerator // share.denominator for host, share in ideal.items()}

    def merit(member):
        host = member.host
        return (result[host] - ideal[host], result[host] - len(member.claims), host)

    ranked = [member.host for member in sorted(members, key=merit)]
    for host in ranked[: buckets - sum(result.values())]:
        result[host] += 1
    return result


class _Scores:
    """score(bucket, host) under one key, computed once each."""

    def __init__(self, key):
        self.key = key
        self.known = {}

    def __call__(self, bucket, host):
        if (bucket, host) not in self.known:
            self.known[bucket, host] = siphash(self.key, struct.pack(">IB", bucket, host))
        return self.known[bucket, host]


def assign(key, buckets, members):
    """Owner of each bucket as a list of host ids, 0 for nobody."""
    score = _Scores(key)
    quota = quotas(buckets, members)
    holds = {member.host: set() for member in members}
    contested = {}
    for bucket in range(buckets):
        claimants = [member.host for member in members if bucket in member.claims]
        if len(claimants) == 1:
            holds[claimants[0]].add(bucket)
        elif claimants:
            contested[bucket] = claimants

    def give_to_best(bucket, hosts):
        best = min(hosts, key=lambda host: (-score(bucket, host), host))
        holds[best].add(bucket)

    def wanting(hosts):
        return [host for host in hosts if len(holds[host]) < quota[host]]

    for bucket in sorted(contested):
        give_to_best(bucket, wanting(contested[bucket]) or contested[bucket])

    if sum(quota.values()) > 0:
        for host, buckets_held in holds.items():
            keep = sorted(buckets_held, key=lambda bucket: (-score(bucket, host), bucket))
            holds[host] = set(keep[: quota[host]])
        taken = set().union(*holds.values())
        for bucket in range(buckets):
            if bucket not in taken:
                give_to_best(bucket, wanting(holds))

    owners = [0] * buckets
    for host, buckets_held in holds.items():
        for bucket in buckets_held:
            owners[bucket] = host
    return owners


def digest(owners):
    return siphash((0, 0), bytes(owners))
