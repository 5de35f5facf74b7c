"""Plans: the cheapest path over the cuts, and sections kept for other windows."""

import itertools

import nets
import numpy as np
import pytest
from adapters.incremental.compare import Case, run, windows_of
from adapters.incremental.random_nets import random_net
from handmade import context_of

from onnxplain.adapters.incremental import plan as planning
from onnxplain.adapters.incremental.plan import Planner, Positions


def planner_of(case, seconds):
    return Planner(case.sections, case.cuts, case.positions, seconds, 4)


@pytest.mark.parametrize("seed", range(6))
def test_no_choice_of_cuts_is_cheaper(seed):
    proto, name = random_net(seed)
    case = Case(proto, [name], seed)
    seconds = np.random.default_rng(seed).uniform(0.001, 0.01, len(case.sections.nodes))
    planner = planner_of(case, seconds)
    best = planner.best()
    inner = case.cuts[1:]
    every = [
        planner.along([case.cuts[0], *chosen])
        for count in range(1, min(len(inner), 5) + 1)
        for chosen in itertools.combinations(inner, count)
    ]
    possible = [p.seconds for p in every if p is not None]
    assert possible
    assert best.seconds <= min(possible) * (1 + 1e-12)
    assert best.seconds <= best.brute_seconds * (1 + 1e-12)
    if len(inner) <= 5:
        expected = min(*possible, planner.best().brute_seconds)
        np.testing.assert_allclose(best.seconds, expected)


def test_many_cuts_are_thinned_evenly(monkeypatch):
    monkeypatch.setattr(planning, "MAX_CUTS", 5)
    proto, name = random_net(11)
    case = Case(proto, [name])
    planner = planner_of(case, np.ones(len(case.sections.nodes)))
    assert len(case.cuts) > 5
    assert 3 <= len(planner.candidates) <= 5
    assert planner.candidates[0] == case.cuts[0]
    assert planner.candidates[-1] == case.cuts[-1]


def test_where_nothing_is_saved_nothing_is_cut():
    made = nets.exported("resnet")
    everything = np.repeat([[0, 32, 0, 32]], 9, axis=0)
    case = Case(made.proto, ["scores"], windows=everything)
    plan = planner_of(case, np.ones(len(case.sections.nodes))).best()
    assert plan.parts == ()
    assert plan.gain == 1


def test_windows_are_pairs_of_extents():
    windows = np.array([[0, 3, 2, 5], [4, 6, 2, 5], [0, 3, 1, 2]])
    positions = Positions.of(windows)
    assert len(positions) == 3
    again = np.hstack([positions.rows[positions.row], positions.columns[positions.column]])
    np.testing.assert_array_equal(again, windows)
    assert len(positions.rows) == len(positions.columns) == 2


def test_sections_are_kept_for_windows_elsewhere(monkeypatch):
    """Other windows every time must not open sessions every time."""
    made = nets.exported("vgg")
    context, x = context_of(made.proto), made.x[0].astype(np.float32)
    engine, opened = context.network.ort, []
    original = engine._open_part
    monkeypatch.setattr(engine, "_open_part", lambda *given: opened.append(1) or original(*given))
    windows = windows_of((32, 32), (5, 5), (5, 5))
    run(context, x, windows, "incremental")
    first = len(opened)
    for seed in range(3):
        some = np.random.default_rng(seed).permutation(windows)[:30]
        run(context, x, some, "incremental")
    assert first > 0
    assert len(opened) <= first + 2


@pytest.mark.parametrize(("side", "crops"), [(1, 128), (32, 16)])
def test_of_small_crops_more_run_together(side, crops, monkeypatch):
    """16 at least, 128 at most, and in between as many as a number of bytes holds."""
    made = nets.exported("resnet")
    case = Case(made.proto, ["scores"])
    section = case.planner.best(forced=True).parts[0].section
    tensors = (*section.inputs, *section.targets)
    each = sum(planning.tensor_bytes(case.sections, t) for t in tensors) * side**2 / 32**2
    monkeypatch.setattr(planning, "_CROP_BYTES", 30 * each)
    assert planning.crops_at_once(each) == 30
    monkeypatch.setattr(planning, "_CROP_BYTES", 1e9 if side == 1 else 1)
    assert planning.crops_at_once(each) == crops
