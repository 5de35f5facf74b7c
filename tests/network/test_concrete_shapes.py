"""Shapes that ONNX does not infer are measured."""

from pathlib import Path

import numpy as np
import pytest

from onnxplain.adapters import ort_sessions
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.graph import light
from onnxplain.graph.budget import Budget, OverBudgetError, within
from onnxplain.graph.image_input import ImageInput
from onnxplain.model.load import load
from onnxplain.network.concrete_shapes import concrete_shapes
from tests.graph.written import graph

IMAGE = ImageInput("x", "float32", "NCHW", 3, (4, 6), None, False)


class Engine:
    """Stands for ONNX Runtime, and notes what it is asked."""

    def __init__(self):
        self.asked = []

    def together(self):
        return self

    def shapes_of(self, x, names):
        self.asked.append((x.shape, x.dtype.name, sorted(names)))
        return {name: (7, k + 1) for k, name in enumerate(sorted(names))}


def test_only_what_is_unknown_is_measured():
    made = graph("n = NonZero(x) y = Transpose(n) z = Relu(x)", outputs="int64[?,?] y, float z")
    engine = Engine()
    shapes = concrete_shapes(made, IMAGE, lambda: engine)
    assert engine.asked == [((1, 3, 4, 6), "float32", ["n", "y"])]
    assert (shapes["z"], shapes["n"], shapes["y"]) == ((1, 3, 4, 6), (7, 1), (7, 2))


def test_no_engine_is_opened_without_need():
    def opened():
        raise AssertionError("nothing has to be measured")

    assert concrete_shapes(graph("y = Flatten(x)"), IMAGE, opened)["y"] == (1, 72)


def test_a_measured_tensor_that_is_too_large_is_named():
    made = graph("n = NonZero(x) m = Transpose(n) y = Tile(m, r)", r=[40, 1])

    class Large(Engine):
        def shapes_of(self, x, names):
            return dict.fromkeys(names, (9999, 4))

    with within(Budget(tensor_bytes=4 * 72)), pytest.raises(OverBudgetError, match="tensor 'n'"):
        concrete_shapes(made, IMAGE, Large)


HUGE = "c = Conv<pads = [1, 10000000, 1, 1]>(x, w) y = GlobalAveragePool(c)"


W = np.ones((3, 3, 3, 3), np.float32)
FAR = np.array([0, 0, 0, 10**7, 0, 0, 0, 0])
ASKS_FOR_MUCH = {
    "a padding of a layer": (HUGE, {"w": W}),
    "a padding": ("c = Pad(x, n) y = Relu(c)", {"n": FAR}),
    "a stride": ("c = ConvTranspose<strides = [1, 1000000]>(x, w) y = Relu(c)", {"w": W}),
    "a product": (
        "f = Flatten(x) c = Expand(f, n) y = MatMul(c, v)",
        {"n": np.array([600_000, 72]), "v": np.ones((72, 99), np.float32)},
    ),
    "a sort": ("c = Expand(x, n) y = Unique(c)", {"n": np.array([120_000, 3, 4, 6])}),
    "repeats": ("c = Tile(x, n) y = GlobalMaxPool(c)", {"n": np.array([1, 1, 3000, 3000])}),
}


@pytest.mark.parametrize("case", ASKS_FOR_MUCH)
def test_a_small_file_that_asks_for_much_is_refused_before_it_runs(case):
    """In one line that names the node; a padding of millions takes seconds a pass."""
    body, constants = ASKS_FOR_MUCH[case]
    made = graph(body, **constants)
    with (
        within(Budget(tensor_bytes=10**12)),
        pytest.raises(OverBudgetError, match=r"^\w+ \(tensor '[cy]'\).*--budget small-work=N"),
    ):
        concrete_shapes(made, IMAGE, Engine)
    with within(Budget(small_work=10**12, tensor_bytes=10**12)):
        concrete_shapes(made, IMAGE, Engine)


def test_a_file_of_a_real_networks_size_may_ask_for_it():
    weights = np.random.default_rng(0).random((30_000, 3, 3, 3), np.float32)
    made = graph(f"{HUGE} z = Conv(x, large)", w=weights[:6], large=weights)
    assert not made.is_small
    assert concrete_shapes(made, IMAGE, Engine)["c"] == (1, 6, 4, 10_000_005)


def test_shipped_models_and_small_detectors_are_far_from_the_limit():
    """Of the models in this repository the largest small one takes a hundredth of it."""
    for path in (Path(__file__).parents[2] / "models").glob("*.onnx"):
        network = load(path).network
        if network.graph.is_small:
            with within(Budget(small_work=Budget().small_work // 50)):
                concrete_shapes(network.graph, network.image, Engine)


def test_shapes_are_measured_without_values_and_sequences_have_none():
    made = graph(
        "b = Greater(x, zero) n = NonZero(b) parts = SplitToSequence<axis=0>(n) "
        "y = ConcatFromSequence<axis=0>(parts)",
        outputs="int64[?,?] y",
        zero=np.float32(0.5),
    )
    engine = OrtAdapter(made, IMAGE, "y", device="cpu")
    x = np.zeros((1, 3, 4, 6), np.float32)
    x[0, 0, 0, :5] = 1
    assert engine.shapes_of(x, ["n", "parts", "y"]) == {"n": (4, 5), "y": (4, 5)}
    assert engine.shapes_of(x, ["n"]) == {"n": (4, 5)}


def beside(monkeypatch, made):
    """The same graph with its weights beside it, as those of large models are."""
    monkeypatch.setattr(light, "LARGE", 0)
    return OrtAdapter(made, IMAGE, "y", device="cpu")


WEIGHT = np.random.default_rng(0).standard_normal((72, 60)).astype(np.float32)


def test_weights_beside_the_graph_are_fed_and_not_copied(monkeypatch):
    text = "f = Flatten(x) p = MatMul(f, w) b = Greater(p, zero) n = NonZero(b) y = Transpose(n)"
    made = graph(text, outputs="int64[?,?] y", w=WEIGHT, zero=np.float32(0))
    x = np.random.default_rng(1).standard_normal((1, 3, 4, 6)).astype(np.float32)
    found = int((x.reshape(1, -1) @ WEIGHT > 0).sum())
    expected = {"n": (2, found), "y": (found, 2)}
    assert OrtAdapter(made, IMAGE, "y", device="cpu").shapes_of(x, ["n", "y"]) == expected
    engine = beside(monkeypatch, made)
    held = []
    original = engine.sessions._open
    monkeypatch.setattr(
        engine.sessions, "_open", lambda *given: held.append(given[1]) or original(*given)
    )
    assert engine.shapes_of(x, ["n", "y"]) == expected
    assert held == [{}]


@pytest.mark.parametrize("fails", ["when it opens", "when it runs"])
def test_kernels_that_want_constants_get_them(monkeypatch, fails):
    made = graph("f = Flatten(x) p = MatMul(f, w) y = Relu(p)", w=WEIGHT)
    engine = beside(monkeypatch, made)
    sessions = engine.sessions
    if fails == "when it opens":
        monkeypatch.setattr(ort_sessions, "fed_as_inputs", lambda file, names: b"no model")
    else:
        run = sessions.run

        def choosy(session, names, feeds):
            if "w" in feeds:
                raise RuntimeError("'w' must be a constant")
            return run(session, names, feeds)

        monkeypatch.setattr(sessions, "run", choosy)
    assert engine.shapes_of(np.zeros((1, 3, 4, 6), np.float32), ["y"]) == {"y": (1, 60)}
