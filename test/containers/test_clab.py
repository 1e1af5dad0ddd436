# SPDX-License-Identifier: BSD-3-Clause
"""docker/covey.clab.yaml, running: its nodes are privileged containers, and get their cables late.
"""

import clab
import pytest
from cluster import HOSTS, wait_answered_by, wait_converged, wait_well
from conftest import BUILD, read_yaml
from engine import Engine


@pytest.fixture(scope="module", name="lab")
def _lab(images):
    topology = read_yaml("covey.clab.yaml")
    project = clab.as_compose(topology, read_yaml("compose.yaml"))
    with Engine(project, images, BUILD / "clab", plugs_late=True) as engine:
        engine.up()
        for node, words in clab.commands(topology):
            engine.wait(lambda node=node, words=words: engine.execute(node, *words).returncode == 0,
                        f"{node} to carry out {words}")
        yield engine


def test_the_hosts_become_a_cluster_and_serve(lab):
    wait_converged(lab, HOSTS)
    wait_well(lab)
    wait_answered_by(lab, HOSTS)


def test_one_is_killed_and_the_others_serve_on(lab):
    lab.kill("host2")
    wait_converged(lab, ("host1", "host3"))
    wait_answered_by(lab, ("host1", "host3"))
