# SPDX-License-Identifier: BSD-3-Clause
"""The lab: a whole covey on one machine, in network namespaces.

One package serves three users: people (`lab up`), the demo and the end-to-end tests. It needs
root, iproute2, nginx and the built programs; no Internet, no huge pages, no configuration of the
machine it runs on. Everything it makes carries the tag of the lab, is written down before it is
made, and is taken away again by name or recorded process id only.
"""
