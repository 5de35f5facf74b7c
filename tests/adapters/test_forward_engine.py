"""A library that only runs models becomes an engine: here the evaluator of the ONNX standard."""

import numpy as np
import pytest
from handmade import model
from onnx.reference import ReferenceEvaluator

from onnxplain.adapters.base import FORWARD_VERBS
from onnxplain.adapters.changes import WindowChanges, changed_inputs
from onnxplain.adapters.engines import EngineSettings
from onnxplain.adapters.forward_engine import ForwardEngine
from onnxplain.errors import UsageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare

# Sums of small whole numbers are exact.
RNG = np.random.default_rng(0)
X = RNG.integers(-4, 5, (5, 3, 6, 6)).astype(np.float32)
W = RNG.integers(-4, 5, (3, 4)).astype(np.float32)
BODY = "a = Relu(image) p = ReduceSum<keepdims = 0>(a, hw) scores = MatMul(p, w)"
HW = np.array([2, 3])


class Evaluator(ForwardEngine):
    """Counts what it is asked for."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self.opened, self.sizes = [], []

    def open(self, model):
        session = ReferenceEvaluator(model)
        self.opened.append([o.name for o in model.graph.output])

        def run(feeds):
            self.sizes.append(len(next(iter(feeds.values()))))
            return session.run(None, dict(feeds))

        return run


def engine(body=BODY, *, image="float[N,3,6,6] image", **settings):
    graph = prepare(model(body, image=image, **({"w": W, "hw": HW} if body == BODY else {})))
    found = find_image_input(graph, bound=settings.get("bound", ()))
    return Evaluator(graph, found, EngineSettings(**settings))


def scores(x):
    return np.maximum(x, 0).sum((2, 3)) @ W


def test_it_gives_the_named_tensors():
    made = engine()
    assert made.capabilities == FORWARD_VERBS
    found = made.activations(X.astype(np.float64), ["scores", "image", "a", "scores"])
    assert list(found) == ["scores", "image", "a"]
    np.testing.assert_array_equal(found["scores"], scores(X))
    np.testing.assert_array_equal(found["a"], np.maximum(X, 0))
    assert found["image"].dtype == np.float32
    np.testing.assert_array_equal(found["image"], X)


def test_a_model_is_opened_once_for_each_set_of_tensors():
    made = engine()
    for _ in range(2):
        made.activations(X, ["scores", "image"])
        made.activations(X, ["scores"])
        made.activations(X, ["a", "scores"])
        made.activations(X, ["image"])  # asks nobody
    assert made.opened == [["scores"], ["a", "scores"]]


@pytest.mark.parametrize(
    ("image", "settings", "sizes"),
    [
        ("N", {}, [5]),
        ("N", {"batch_size": 2}, [2, 2, 1]),
        ("N", {"must_part": lambda: True}, [1] * 5),
        (3, {}, [3, 3]),
        (2, {"must_part": lambda: True}, [2] * 5),
    ],
)
def test_inputs_come_in_batches(image, settings, sizes):
    made = engine(image=f"float[{image},3,6,6] image", **settings)
    found = made.activations(X, ["scores"])["scores"]
    assert made.sizes == sizes
    np.testing.assert_array_equal(found, scores(X))


def test_further_inputs_are_bound():
    gain = np.array([2.5], np.float32)
    image = "float[N,3,6,6] image, float[1] gain"
    body = "a = Mul(image, gain) p = GlobalMaxPool(a) scores = Flatten(p)"
    made = engine(body, image=image, bound={"gain": gain})
    np.testing.assert_array_equal(made.activations(X, ["a"])["a"], 2.5 * X)
    # Also in the part that is run again.
    found = made.rerun_from(X[:1], "image", X, ["scores"])["scores"]
    np.testing.assert_array_equal(found, 2.5 * X.max((2, 3)))


def test_what_follows_a_tensor_is_run_alone():
    made = engine(batch_size=2)
    values = RNG.integers(0, 9, (3, 3, 6, 6)).astype(np.float32)
    for _ in range(2):
        found = made.rerun_from(X[:1], "a", values, ["scores"])["scores"]
        np.testing.assert_array_equal(found, values.sum((2, 3)) @ W)
    assert made.opened == [["scores"]]
    assert made.sizes == [2, 1] * 2


def test_windows_are_run_as_whole_inputs():
    made = engine(batch_size=2)
    windows = np.array([[0, 2, 0, 6], [3, 6, 1, 2], [5, 6, 5, 6]])
    changes = WindowChanges.from_picture(windows, X[1], (1, 2))
    run = made.windowed(X[0], changes, ["scores"])
    found = np.empty((3, 4), np.float32)
    for indices, tensors in run.blocks:
        found[indices] = tensors["scores"]
    np.testing.assert_array_equal(found, scores(changed_inputs(X[0], changes, range(3), (1, 2))))
    assert run.engine["name"] == "brute-force"
    assert max(made.sizes) == 2
    with pytest.raises(UsageError, match="incremental"):
        made.windowed(X[0], changes, ["scores"], engine="incremental")


def test_it_has_no_backward_pass():
    made = engine()
    with pytest.raises(UsageError, match="engine 'cpu' gives no gradients"):
        made.pull_back(X, [], ["image"])
    with pytest.raises(UsageError, match="engine 'cpu' gives no relevance"):
        made.relevance(X, [], None, ["image"])


def test_a_library_has_to_say_how_a_model_is_opened():
    with pytest.raises(TypeError, match="open"):
        ForwardEngine(None, None, EngineSettings())
