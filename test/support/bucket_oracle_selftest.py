#!/usr/bin/python3
# SPDX-License-Identifier: BSD-3-Clause
"""Holds the oracle itself against SipHash results that others published or compute."""

import os
import subprocess
import sys
import unittest

from bucket_oracle import Member, assign, quotas, siphash

PAPER_KEY = (0x0706050403020100, 0x0F0E0D0C0B0A0908)


class SipHash(unittest.TestCase):
    def test_the_example_of_the_paper(self):
        self.assertEqual(siphash(PAPER_KEY, bytes(range(15)), 2, 4), 0xA129CA6149BE45E5)

    def test_the_first_vectors_of_the_reference_code(self):
        for length, expected in enumerate([0x726FDB47DD0E0E31, 0x74F839C593DC67FD]):
            self.assertEqual(siphash(PAPER_KEY, bytes(range(length)), 2, 4), expected)

    def test_one_and_three_rounds_against_the_interpreter(self):
        """CPython hashes bytes with SipHash-1-3; without randomisation its key is zero."""
        if sys.hash_info.algorithm != "siphash13":
            self.skipTest("this Python hashes bytes with " + sys.hash_info.algorithm)
        program = "print(*[hash(bytes(range(n))) for n in range(1, 200)])"
        environment = dict(os.environ, PYTHONHASHSEED="0")
        output = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, check=True
        ).stdout
        for length, expected in enumerate(map(int, output.split()), start=1):
            self.assertEqual(siphash((0, 0), bytes(range(length))), expected % 2**64)


class Assignment(unittest.TestCase):
    def test_a_bucket_that_is_left_over_goes_to_whom_it_spares_a_move(self):
        members = [Member(1, 30, range(50)), Member(2, 10, range(50, 67)), Member(3, 24)]
        # 64 buckets: 30, 10 and 24 exactly; 66: 30.9, 10.3, 24.75
        self.assertEqual(quotas(64, members), {1: 30, 2: 10, 3: 24})
        self.assertEqual(quotas(66, members), {1: 31, 2: 10, 3: 25})
        self.assertEqual(quotas(65, [Member(1, 1), Member(2, 1, range(33))]), {1: 32, 2: 33})

    def test_nobody_owns_anything_without_members(self):
        self.assertEqual(assign((1, 2), 64, []), [0] * 64)


if __name__ == "__main__":
    unittest.main()
