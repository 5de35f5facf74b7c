"""Sections give what whole inputs give, in every cell of the last feature map.

Scores would hide a wrong cell in their average. The mutations at the end show that the
comparison sees one.
"""

import numpy as np
import pytest
from adapters.incremental.compare import Case
from adapters.incremental.mutations import MUTATIONS, largest_difference
from adapters.incremental.random_nets import random_net

EXACT = 1e-5
SEEDS = range(14)


@pytest.mark.parametrize("seed", SEEDS)
def test_random_networks(seed):
    proto, name = random_net(seed)
    case = Case(proto, [name], seed)
    plans = case.plans(seed, 2)
    assert plans
    for plan in plans:
        assert case.difference(plan) < EXACT


@pytest.mark.parametrize("seed", SEEDS)
def test_every_window_shows_in_the_feature_map(seed):
    """What is compared above is no feature map that windows leave as it is."""
    proto, name = random_net(seed)
    case = Case(proto, [name], seed)
    unchanged = case.network.ort.activations(case.x[None], [name])[name]
    moved = np.abs(case.whole[name] - unchanged).reshape(len(case.changes), -1).max(axis=1)
    assert (moved > 100 * EXACT * np.abs(unchanged).max()).all()


@pytest.mark.parametrize(("module", "name", "mutation"), MUTATIONS)
@pytest.mark.parametrize("seed", [0, 1, 3, 4])
def test_a_mutation_is_seen(monkeypatch, module, name, mutation, seed):
    proto, tensor = random_net(seed)
    monkeypatch.setattr(module, name, mutation)
    case = Case(proto, [tensor], seed)
    assert largest_difference(case, case.plans(seed, 2)) > 100 * EXACT
