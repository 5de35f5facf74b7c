"""What holds for every method that draws samples."""

import tracemalloc

import nets
import numpy as np
import pytest
from handmade import PyTorchOnly, context_of, model, target_of
from noise import require_float32

from onnxplain.methods import find, registered
from onnxplain.network.network import Network
from tests.applicable import NEED_BOXES

SAMPLED = [
    n
    for n, m in registered().items()
    if {"max_seconds", "samples"} <= set(m.parameters) and n not in NEED_BOXES
]
GRID = {"segments": "grid", "regions": 16}
OPTIONS = {
    "lime": GRID, "kernel-shap": GRID, "hsic": GRID, "sobol": {"regions": 9},
    "prediction-difference": {"window": 8},
}  # fmt: skip


def run(name, context, x, index=1, **options):
    target = target_of(context, index, "probability")
    return find(name).function(context, x, target, **{**OPTIONS.get(name, {}), **options})


def test_these_are_the_methods_that_draw_samples():
    assert set(SAMPLED) >= {"rise", "lime", "kernel-shap", "prediction-difference"}
    for name in SAMPLED:
        assert "tolerance" in find(name).parameters


@pytest.mark.parametrize("name", SAMPLED)
@pytest.mark.parametrize("net", ["resnet", "tensorflow"])
def test_both_engines(name, net):
    made = nets.exported(net)
    x = made.x.astype("f4")
    by_ort, exact = (context_of(made.proto, kind) for kind in (Network, PyTorchOnly))
    wanted = run(name, exact, x, samples=40).values
    require_float32(lambda x: run(name, by_ort, x, samples=40).values, x, wanted)


@pytest.mark.parametrize("name", SAMPLED)
def test_more_samples_begin_with_the_fewer_ones(name):
    """A longer run goes on where a shorter one ended: its error shrinks, its map hardly moves."""
    made = nets.exported("resnet")
    context, x = context_of(made.proto), made.x.astype("f4")
    few, more = (200, 800) if name != "prediction-difference" else (4, 16)
    short, long = (run(name, context, x, samples=n) for n in (few, more))
    errors = [np.nanmean(r.maps["standard_error"]) for r in (short, long)]
    assert errors[1] == pytest.approx(errors[0] / 2, rel=0.4)
    assert np.corrcoef(short.values.ravel(), long.values.ravel())[0, 1] > 0.8


def pooled(side):
    body = "p = GlobalAveragePool(image) f = Flatten(p) scores = MatMul(f, w)"
    return model(body, w=np.eye(3), image=f"float[N,3,{side},{side}] image")


def peak(name, samples, context, x, **options):
    tracemalloc.start()
    try:
        run(name, context, x, samples=samples, **options)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.parametrize("name", SAMPLED)
def test_memory_does_not_grow_with_the_samples(name):
    context = context_of(pooled(96), batch_size=8)
    x = np.random.default_rng(0).uniform(-1, 1, (1, 3, 96, 96)).astype("f4")
    few, many = (40, 800) if name != "prediction-difference" else (1, 6)
    options = {"window": 24} if name == "prediction-difference" else {}
    run(name, context, x, samples=few, **options)  # what is imported stays
    before, after = (peak(name, n, context, x, **options) for n in (few, many))
    assert after < 1.25 * before


def test_batches_of_large_pictures_are_smaller():
    sizes = [context_of(pooled(side)).batch_size for side in (224, 1024, 4096)]
    assert sizes[0] == 32
    assert sizes[0] > sizes[1] > sizes[2] >= 1
    assert sizes[2] * 3 * 4096**2 * 8 <= 1 << 29
    assert context_of(pooled(4096), batch_size=1).batch_size == 1
