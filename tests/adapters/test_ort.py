"""The engine of ONNX Runtime: named tensors of the file's own graph, and no way back."""

import graphs
import numpy as np
import pytest
from handmade import context_of, model, target_of

from onnxplain.adapters import batch_choice
from onnxplain.adapters.base import FORWARD_VERBS
from onnxplain.adapters.changes import WindowChanges, changed_inputs
from onnxplain.adapters.device import cuda_device_count
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.errors import MethodRefusedError, UnsupportedModelError, UsageError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from tests.engines import gradients, relevance

# Sums of small whole numbers are exact, whatever the kernel.
RNG = np.random.default_rng(0)
X = RNG.integers(-4, 5, (5, 3, 6, 6)).astype(np.float32)
W = RNG.integers(-4, 5, (3, 4)).astype(np.float32)
BODY = "a = Relu(image) b = Mul(a, gain) p = ReduceSum<keepdims = 0>(b, hw) scores = MatMul(p, w)"
GAIN = np.array([3.0], np.float32)


def engine(batch="N", *, bound=GAIN, element="float", **options):
    body = (
        BODY
        if element == "float"
        else f"f = Cast<to = 1>(image) {BODY}".replace("(image) b", "(f) b")
    )
    image = f"{element}[{batch},3,6,6] image, float[1] gain"
    graph = prepare(model(body, image=image, w=W, hw=np.array([2, 3])))
    options = {"device": "cpu", "bound": {"gain": bound}, **options}
    return OrtAdapter(graph, find_image_input(graph, bound=["gain"]), "scores", **options)


def scores(x, gain=3.0):
    return gain * np.maximum(x, 0).sum((2, 3)) @ W


def test_it_gives_the_named_tensors():
    made = engine()
    found = made.activations(X.astype(np.float64), ["a", "scores", "image", "a"])
    assert set(found) == {"a", "scores", "image"}
    np.testing.assert_array_equal(found["a"], np.maximum(X, 0))
    np.testing.assert_array_equal(found["scores"], scores(X))
    assert found["image"].dtype == np.float32
    np.testing.assert_array_equal(made.forward(X), scores(X))
    assert made.device == "CPUExecutionProvider"


def test_pixels_have_the_element_type_of_the_file():
    found = engine(element="uint8").activations(np.abs(X), ["image", "scores"])
    assert found["image"].dtype == np.uint8
    np.testing.assert_array_equal(found["scores"], scores(np.abs(X)))


@pytest.mark.parametrize("options", [{"batch_size": 2}, {"batch": 3}, {"must_part": lambda: True}])
@pytest.mark.parametrize("optimise", [True, False])
def test_batches_change_nothing(options, optimise):
    made = engine(**options, optimise=optimise)
    np.testing.assert_array_equal(made.forward(X), scores(X))


@pytest.mark.parametrize("batch_size", [None, 2])
def test_many_inputs_run_side_by_side_and_give_the_same(batch_size, monkeypatch):
    monkeypatch.setattr(batch_choice, "_LITTLE", 1)
    made = engine(batch_size=batch_size, threads=2, measured=lambda: batch_size is None)
    opened, original = [], made.sessions.exposing

    def exposing(names, threads=None):
        opened.extend([(list(names), threads)] if threads else [])
        return original(names, threads)

    monkeypatch.setattr(made.sessions, "exposing", exposing)
    many = RNG.integers(-4, 5, (40, 3, 6, 6)).astype(np.float32)
    np.testing.assert_array_equal(made.forward(many), scores(many))
    assert opened == []  # so few do not earn the session back
    for _ in range(12):  # until the best batch is known
        np.testing.assert_array_equal(made.forward(many), scores(many))
    assert set(map(str, opened)) == {str((["scores"], 1))}
    assert (
        made.together()._shared(["scores"], 1000) is None
    )  # who asks what inputs do to each other


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("names", [["scores"], ["image", "a", "scores"]])
def test_whole_inputs_are_not_written_over_from_batch_to_batch(names, threads, monkeypatch):
    """The first node could work in place, and the input itself may be asked for."""
    monkeypatch.setattr(batch_choice, "_LITTLE", 1)
    made = engine(threads=threads, batch_size=3)
    corners = [(t, t + 2, c, c + 2) for t in range(5) for c in range(5)] * 4
    picture = RNG.integers(-4, 5, X[0].shape).astype(np.float32)
    changes = WindowChanges.from_picture(np.array(corners), picture, (1, 2))
    whole = changed_inputs(X[0], changes, range(len(changes)), (1, 2))
    wanted = {"image": whole, "a": np.maximum(whole, 0), "scores": scores(whole)}
    blocks = list(made.windowed(X[0], changes, names, engine="brute-force").blocks)
    order = np.argsort(np.concatenate([k for k, _ in blocks]))
    for name in names:
        found = np.concatenate([v[name] for _, v in blocks])[order]
        np.testing.assert_array_equal(found, wanted[name])


def test_values_of_further_inputs_are_exchanged():
    made = engine()
    values = np.abs(X)
    before = made.rerun_from(X[:1], "a", values, ["scores"])["scores"]
    other = made.with_bound({"gain": np.array([-2.0], np.float32)})
    after = other.rerun_from(X[:1], "a", values, ["scores"])["scores"]
    np.testing.assert_array_equal(before, scores(values))
    np.testing.assert_array_equal(after, scores(values, -2.0))
    np.testing.assert_array_equal(other.forward(X), scores(X, -2.0))
    np.testing.assert_array_equal(made.forward(X), scores(X))
    assert other._sessions is made._sessions


def test_windows_see_the_values_of_their_own_engine():
    """Also if those of another one were run before."""
    made = engine()
    changes = WindowChanges.from_picture(np.array([[0, 2, 1, 6], [3, 4, 3, 4]]), X[1], (1, 2))
    wanted = changed_inputs(X[0], changes, range(2), (1, 2))

    def found(one):
        blocks = one.windowed(X[0], changes, ["scores"]).blocks
        return np.concatenate([tensors["scores"] for _, tensors in blocks])

    np.testing.assert_array_equal(found(made), scores(wanted))
    other = made.with_bound({"gain": np.array([5.0], np.float32)})
    np.testing.assert_array_equal(found(other), scores(wanted, 5.0))
    np.testing.assert_array_equal(found(made), scores(wanted))


def test_inputs_that_have_to_part_may_be_put_together_to_see_what_happens():
    graph = prepare(model("m = ReduceMax<axes = [0]>(image) s = Sub(image, m) scores = Flatten(s)"))
    image = find_image_input(graph)
    made = OrtAdapter(graph, image, "scores", device="cpu", must_part=lambda: True)
    np.testing.assert_array_equal(made.forward(X), np.zeros((5, 108)))
    wanted = (X - X.max(axis=0)).reshape(5, -1)
    np.testing.assert_array_equal(made.together().forward(X), wanted)
    np.testing.assert_array_equal(made.forward(X), np.zeros((5, 108)))


def test_what_a_cache_holds_does_not_part_inputs_that_are_to_meet(monkeypatch):
    monkeypatch.setattr(batch_choice, "_CACHE", 1)
    sizes = []

    def ran(session, names, batch):
        sizes.append(len(batch))
        return plain(session, names, batch)

    made = engine()
    for one in (made, made.together()):
        plain = type(one)._run.__get__(one)
        monkeypatch.setattr(one, "_run", ran)
        np.testing.assert_array_equal(one.forward(X), scores(X))
    assert sizes == [1] * len(X) + [len(X)]


def test_a_sequence_is_left_out():
    body = "q = SequenceConstruct(image, image) z = SequenceLength(q) c = Cast<to = 1>(z) "
    graph = prepare(model(f"{body} m = Mul(image, c) scores = Flatten(m)"))
    made = OrtAdapter(graph, find_image_input(graph), "scores", device="cpu")
    found = made.activations(X, ["q", "scores"])
    assert set(found) == {"scores"}
    np.testing.assert_array_equal(found["scores"], 2 * X.reshape(5, -1))


def test_what_does_not_follow_a_tensor_cannot_be_run_again_from_it():
    with pytest.raises(MethodRefusedError):
        engine().rerun_from(X[:1], "scores", scores(X), ["a"])


def test_memory_that_is_not_there_is_one_line(monkeypatch):
    made = engine(batch_size=4)

    def full(*_):
        raise MemoryError

    monkeypatch.setattr(OrtAdapter, "_run", full)
    with pytest.raises(UnsupportedModelError, match=r"4 inputs of shape \(3, 6, 6\) need more"):
        made.forward(X)


@pytest.mark.skipif(cuda_device_count() > 0, reason="there is a device")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(UsageError, match="cuda"):
        engine(device="cuda")


def test_what_onnx_runtime_does_not_give_it_refuses():
    context = context_of(graphs.classifier())
    ort, target = context.network.ort, target_of(context, 0)
    assert ort.capabilities == FORWARD_VERBS
    x = np.zeros(context.network.image.shape)
    with pytest.raises(UsageError, match="the PyTorch adapter does"):
        gradients(ort, x, target, ["image"])
    with pytest.raises(UsageError, match="the PyTorch adapter does"):
        relevance(ort, x, target, composite("epsilon-plus"), ["image"])
