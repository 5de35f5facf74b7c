"""Same seed, same map: whatever the batch size and the number of threads."""

import contextlib

import nets
import numpy as np
import pytest
import torch
from handmade import context_of, target_of
from originals import difference

from onnxplain.methods import find, registered
from tests.applicable import NEED_BOXES

GRID = {"segments": "grid", "regions": 16, "samples": 150}
FEW = {"samples": 20}
# Every method that runs a network on changed inputs or layers, with enough to fill some batches.
OPTIONS = {
    "occlusion": {"window": 8, "stride": 4},
    "prediction-difference": {"window": 8, "samples": 2},
    "rise": {"samples": 150, "cells": 4},
    "lime": GRID,
    "kernel-shap": GRID,
    "sobol": {"samples": 20, "regions": 9},
    "hsic": GRID,
    "region-search": {"segments": "grid", "regions": 16},
    "score-cam": {},
    "ablation-cam": {},
    "recipro-cam": {},
    "smoothgrad": FEW,
    "smoothgrad-squared": FEW,
    "vargrad": FEW,
    "expected-gradients": FEW,
}
# Ends where the map has settled, which must be the same place.
SETTLING = {
    "occlusion": {"window": 4, "stride": 2, "tolerance": 0.1},
    "rise": {"samples": 4000, "cells": 4, "tolerance": 0.1},
    "lime": {**GRID, "samples": 4000, "tolerance": 0.1},
    "kernel-shap": {**GRID, "samples": 4000, "tolerance": 0.05},
    "sobol": {"samples": 2000, "regions": 9, "tolerance": 0.05},
    "hsic": {**GRID, "samples": 4000, "tolerance": 0.05},
    "prediction-difference": {"window": 8, "samples": 200, "tolerance": 0.1},
    "smoothgrad": {"samples": 400, "tolerance": 0.06},
    "smoothgrad-squared": {"samples": 400, "tolerance": 0.06},
    "vargrad": {"samples": 400, "tolerance": 0.06},
    "expected-gradients": {"samples": 400, "tolerance": 0.06},
}
# Batches of one, with a rest, and larger than some runs; one and two threads.
SETTINGS = [(1, 2), (3, 1), (16, 2)]


@contextlib.contextmanager
def torch_threads(count):
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def run(name, batch, threads, options, seed=1):
    """In single precision, as users run it: sums in another order differ in the last bits."""
    made = nets.exported("resnet")
    settings = {"batch_size": batch, "threads": threads, "precision": "single"}
    context = context_of(made.proto, seed=seed, **settings)
    method = find(name)
    target = target_of(context, 3, method.explains)
    with torch_threads(threads):
        return method.function(context, made.x.astype("f4"), target, **options)


def require_same(found, wanted):
    assert difference(found.values, wanted.values) < 1e-4
    for key in ("samples", "channels", "covered", "computed"):
        if key in wanted.measures:
            np.testing.assert_array_equal(found.measures[key], wanted.measures[key])
    for key, expected in wanted.maps.items():
        scale = np.nanmax(np.abs(expected), initial=0.0) or 1.0
        np.testing.assert_allclose(found.maps[key] / scale, expected / scale, atol=1e-3)


def test_nothing_that_samples_or_perturbs_is_left_out():
    perturbing = {n for n, m in registered().items() if m.family == "perturbation"}
    limited = {n for n, m in registered().items() if "max_seconds" in m.parameters}
    sampling = {n for n, m in registered().items() if "samples" in m.parameters}
    # D-RISE is RISE of another number.
    assert perturbing | limited | sampling | {"recipro-cam"} == set(OPTIONS) | {"d-rise"}
    settling = {n for n in limited - NEED_BOXES if "tolerance" in find(n).parameters}
    assert settling == set(SETTLING)


@pytest.mark.parametrize("name", list(OPTIONS))
def test_batch_size_and_threads_change_nothing(name):
    wanted = run(name, 32, 1, OPTIONS[name])
    for batch, threads in SETTINGS:
        require_same(run(name, batch, threads, OPTIONS[name]), wanted)


@pytest.mark.parametrize("name", list(SETTLING))
def test_sampling_settles_at_the_same_place(name):
    wanted = run(name, 32, 1, SETTLING[name])
    assert wanted.notes["sampling_ended"] == ["settled"]
    assert wanted.measures["relative_error"] <= SETTLING[name]["tolerance"]
    for batch, threads in SETTINGS:
        require_same(run(name, batch, threads, SETTLING[name]), wanted)


@pytest.mark.parametrize("name", [n for n, o in OPTIONS.items() if "samples" in o])
def test_another_seed_gives_another_map(name):
    """What is compared above would show other draws."""
    one, other = (run(name, 16, 1, OPTIONS[name], seed) for seed in (1, 2))
    assert difference(other.values, one.values) > 1e-3
