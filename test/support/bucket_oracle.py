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


def sip_round(a, b, c, d):
    """The ARX network of the paper's figure 2.1; rotations are written out for speed."""
    a = (a + b) & MASK
    b = ((b << 13 | b >> 51) & MASK) ^ a
    a = (a << 32 | a >> 32) & MASK
    c = (c + d) & MASK
    d = ((d << 16 | d >> 48) & MASK) ^ c
    a = (a + d) & MASK
    d = ((d << 21 | d >> 43) & MASK) ^ a
    c = (c + b) & MASK
    b = ((b << 17 | b >> 47) & MASK) ^ c
    c = (c << 32 | c >> 32) & MASK
    return a, b, c, d


def siphash(key, data, compression=1, finalisation=3):
    """`key` is a pair of 64-bit numbers, `data` bytes; returns a 64-bit number."""
    start = struct.unpack(">4Q", b"somepseudorandomlygeneratedbytes")
    a, b, c, d = (word ^ key[i % 2] for i, word in enumerate(start))
    padded = data + bytes(-(len(data) + 1) % 8) + bytes([len(data) % 256])
    for (word,) in struct.iter_unpack("<Q", padded):
        d ^= word
        for _ in range(compression):
            a, b, c, d = sip_round(a, b, c, d)
        a ^= word
    c ^= 0xFF
    for _ in range(finalisation):
        a, b, c, d = sip_round(a, b, c, d)
    return a ^ b ^ c ^ d


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
