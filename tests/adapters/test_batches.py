"""Cutting inputs into batches changes no result."""

from dataclasses import replace

import graphs
import nets
import numpy as np
import pytest
from handmade import context_of, target_of
from hypothesis import given
from hypothesis import strategies as st

from onnxplain.adapters.base import in_batches
from onnxplain.adapters.batch_choice import BatchChoice
from onnxplain.adapters.batches import Batches, Shared
from onnxplain.adapters.side_by_side import SideBySide
from onnxplain.errors import UsageError
from onnxplain.graph.prepare import prepare
from onnxplain.network.network import Network
from onnxplain.relevance.composites import composite
from tests.engines import gradients, relevance

PICTURES = np.random.default_rng(0).uniform(-1, 1, (5, 3, graphs.SIDE, graphs.SIDE))
FILES = {"free": "N", "one": 1, "four": 4}


@given(
    count=st.integers(1, 9),
    size=st.integers(1, 10),
    fixed=st.none() | st.integers(1, 10),
)
def test_every_input_comes_back_once_and_in_order(count, size, fixed):
    x = np.arange(1.0, count + 1).reshape(count, 1)
    lengths = []

    def double(batch):
        lengths.append(len(batch))
        assert set(batch[:, 0]) <= set(x[:, 0])  # what fills up is an input too
        assert (np.diff(batch[:, 0]) >= 0).all()
        return {"twice": 2 * batch, "row": batch[:, 0]}

    found = in_batches(double, x, size, fixed)
    np.testing.assert_array_equal(found["twice"], 2 * x)
    np.testing.assert_array_equal(found["row"], x[:, 0])
    if fixed:
        assert set(lengths) == {fixed}
        assert len(lengths) == -(-count // fixed)
    else:
        assert max(lengths) <= size
        assert len(lengths) == -(-count // size)


def test_what_has_no_batch_axis_is_left_as_it_is():
    found = in_batches(lambda b: {"s": np.float32(3), "w": np.arange(7)}, PICTURES, 8)
    assert found["s"].shape == ()
    assert found["w"].shape == (7,)


def test_what_has_no_batch_axis_is_not_joined():
    with pytest.raises(UsageError, match=r"'w' of shape \(7,\).*one input at a time"):
        in_batches(lambda b: {"w": np.arange(7)}, PICTURES, 2)


@pytest.fixture(scope="module", params=["ort", "torch"])
def engines(request):
    """The same engine on files that differ in their batch, and how many run at a time."""
    made = {}
    for name, batch in FILES.items():
        proto = graphs.classifier(batch=batch)
        for size in (1, 2, 32):
            context = context_of(proto, batch_size=size)
            made[name, size] = (getattr(context.network, request.param), target_of(context, 2))
    return request.param, made


@pytest.mark.parametrize("tensor", ["image", "maps", "scores"])
@pytest.mark.parametrize("count", [1, 4, 5])
def test_activations(engines, tensor, count):
    _, made = engines
    x = PICTURES[:count].astype(np.float32)
    adapter, _ = made["free", 32]
    one_by_one = np.concatenate(
        [adapter.activations(x[k : k + 1], [tensor])[tensor] for k in range(count)]
    )
    assert one_by_one.std(axis=0).max() > 0 or count == 1
    for adapter, _ in made.values():
        found = adapter.activations(x, [tensor])[tensor]
        np.testing.assert_allclose(found, one_by_one, rtol=1e-6, atol=1e-6)


def test_forward_is_the_explained_output(engines):
    _, made = engines
    x = PICTURES.astype(np.float32)
    for adapter, _ in made.values():
        expected = adapter.activations(x, ["scores"])["scores"]
        np.testing.assert_array_equal(adapter.forward(x), expected)


def backward(adapter, target, x):
    """Everything that the two backward verbs return, by name."""
    slopes = gradients(adapter, x, target, ["image", "maps"])
    found = relevance(adapter, x, target, composite("epsilon-plus"), ["image", "maps"])
    return {
        "scores": slopes.scores,
        **{f"gradient of {k}": v for k, v in slopes.gradients.items()},
        **{f"value of {k}": v for k, v in slopes.values.items()},
        **{f"relevance of {k}": v for k, v in found.relevance.items()},
        "score of relevance": found.scores,
    }, {leak.tensor: leak.absorbed for leak in found.leaks}


@pytest.mark.parametrize("count", [1, 3, 5])
def test_gradients_and_relevance(count):
    x = PICTURES[:count]
    adapter, target = torch_engine("free", 32)
    singles = [backward(adapter, target, x[k : k + 1]) for k in range(count)]
    expected = {k: np.concatenate([s[0][k] for s in singles]) for k in singles[0][0]}
    leaks = {k: sum(s[1][k] for s in singles) for k in singles[0][1]}
    assert max(abs(v) for v in leaks.values()) > 0.01
    for file in FILES:
        for size in (1, 2, 32):
            found, absorbed = backward(*torch_engine(file, size), x)
            for name, values in expected.items():
                assert np.abs(values).max() > 0
                np.testing.assert_allclose(found[name], values, atol=1e-12, err_msg=name)
            assert absorbed == pytest.approx(leaks, abs=1e-10)


def torch_engine(file, size):
    context = context_of(graphs.classifier(batch=FILES[file]), batch_size=size)
    return context.network.torch, target_of(context, 2)


def test_multipliers_of_a_fixed_batch():
    baseline = np.full((1, *PICTURES.shape[1:]), -0.25)
    results = []
    for file in FILES:
        adapter, target = torch_engine(file, 2)
        results.append(gradients(adapter, PICTURES, target, ["image"], baseline=baseline))
    for found in results[1:]:
        np.testing.assert_allclose(
            found.gradients["image"], results[0].gradients["image"], atol=1e-12
        )
    assert np.ptp(results[0].gradients["image"]) > 0


@pytest.mark.parametrize("name", nets.NETS)
def test_networks_treat_pictures_one_by_one(name):
    network = Network(prepare(nets.exported(name).proto))
    x = nets.images(name, 3).astype(np.float32)
    together = network.ort.forward(x)
    alone = np.concatenate([network.ort.forward(x[k : k + 1]) for k in range(3)])
    assert together.std(axis=0).max() > 0
    np.testing.assert_allclose(together, alone, rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(network.torch.forward(x), alone, rtol=1e-4, atol=1e-5)


def settled(size, parts=True):
    """Batches of which the best is known."""
    batches = Batches(8, measured=lambda: True)
    choice = batches.choices["work"] = BatchChoice([size])
    choice.parts = parts
    return batches


def doubled(lengths):
    def run(batch):
        lengths.append(len(batch))
        return {"twice": 2 * batch}

    return run


@pytest.mark.parametrize(("size", "count", "wanted"), [
    (4, 16, [4, 4, 4, 4]), (4, 6, [3, 3]), (1, 3, [1, 1, 1]), (8, 5, [3, 2]), (4, 9, [3, 3, 3]),
    (4, 10, [3, 3, 3, 1]),
])  # fmt: skip
def test_batches_run_side_by_side_once_their_size_is_known(size, count, wanted):
    x, alone, beside = np.arange(1.0, count + 1).reshape(count, 1), [], []
    shared = Shared(lambda: doubled(beside), SideBySide(2), most=64)
    found = settled(size).run(doubled(alone), x, "work", shared)
    np.testing.assert_array_equal(found["twice"], 2 * x)
    assert (sorted(beside, reverse=True), alone) == (wanted, [])


def test_a_size_that_was_asked_for_is_kept_exactly():
    x, alone, beside = np.arange(6.0).reshape(6, 1), [], []
    shared = Shared(lambda: doubled(beside), SideBySide(2), most=64)
    found = Batches(4).run(doubled(alone), x, "work", shared)
    np.testing.assert_array_equal(found["twice"], 2 * x)
    assert sorted(beside) == [2, 4]
    assert alone == []


@pytest.mark.parametrize("why", ["not joined", "too large", "apart", "fixed", "unknown"])
def test_what_cannot_run_side_by_side_does_not(why):
    x, alone, beside = np.arange(12.0).reshape(12, 1), [], []
    batches = settled(4, parts=why != "not joined")
    if why == "apart":
        batches = replace(batches, must_part=lambda: True)
    if why == "fixed":
        batches = replace(batches, fixed=4)
    if why == "unknown":
        batches.choices["work"] = BatchChoice([1, 2, 4, 8])
    shared = Shared(lambda: doubled(beside), SideBySide(2), most=5 if why == "too large" else 64)
    found = batches.run(doubled(alone), x, "work", shared)
    np.testing.assert_array_equal(found["twice"], 2 * x)
    assert beside == []
    assert sum(alone) == 12
