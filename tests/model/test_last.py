"""One picture's answer is computed once, and is never that of another picture."""

import numpy as np
import pytest

import onnxplain
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.model.last import Last

MODEL, DIGIT, OTHER = (
    "models/digits-gap.onnx",
    "examples/digits/3-10.png",
    "examples/digits/2-11.png",
)


X = np.arange(6, dtype=np.float32).reshape(1, 6)


@pytest.fixture
def counted():
    """Asks a `Last`, and tells how often it had to compute."""
    last, computed = Last(), []

    def ask(x, *about):
        def compute():
            computed.append(about)
            return x * 2 + len(computed)

        return last.of(x, compute, *about)

    ask.computed = computed
    return ask


def test_the_same_question_is_asked_once(counted):
    first = counted(X, "engine", ("a",))
    again = counted(X.copy(), "engine", ("a",))
    assert len(counted.computed) == 1
    assert again is first


@pytest.mark.parametrize(
    ("x", "about"),
    [
        (X + 1, ("a",)),
        (X.astype(np.float64), ("a",)),
        (X.reshape(1, 2, 3), ("a",)),
        (np.where(X == 0, np.float32(-0.0), X), ("a",)),
        (X, ("a", "b")),
        (X, ()),
    ],
)
def test_another_question_is_asked_again(counted, x, about):
    counted(X, "a")
    found = counted(x, *about)
    assert counted.computed == [("a",), about]
    np.testing.assert_array_equal(found, x * 2 + 2)


def test_an_input_that_was_written_into_is_another_one(counted):
    x = X.copy()
    counted(x)
    x += 1
    counted(x)
    assert len(counted.computed) == 2


def test_what_lies_otherwise_in_memory_is_the_same_input(counted):
    x = np.asfortranarray(np.arange(24, dtype=np.float32).reshape(1, 2, 3, 4))
    counted(x)
    counted(np.ascontiguousarray(x))
    counted(x)
    assert len(counted.computed) == 1


def test_of_many_inputs_nothing_is_kept(counted):
    many = np.repeat(X, 3, axis=0)
    counted(X)
    counted(many)
    counted(many)
    counted(X)
    assert len(counted.computed) == 4


def test_a_picture_costs_one_pass_before_its_method(monkeypatch):
    model = onnxplain.load(MODEL)
    names, run = [], OrtAdapter._run

    def counted(self, session, wanted, batch):
        names.append(tuple(wanted))
        return run(self, session, wanted, batch)

    model.explain(OTHER, "cam")
    monkeypatch.setattr(OrtAdapter, "_run", counted)
    picture = model.read(DIGIT)
    prediction = model.predict(picture)
    found = model.explain(picture, "cam", "top-1")
    assert len(names) == 2
    fresh = onnxplain.load(MODEL)
    assert prediction.scores.tolist() == fresh.predict(DIGIT).scores.tolist()
    assert found.score == fresh.explain(DIGIT, "cam", "top-1").score


def test_engines_are_compared_once_for_all_methods(monkeypatch):
    model, measured = onnxplain.load(MODEL), []
    real = model.measure_parity
    monkeypatch.setattr(model, "measure_parity", lambda p: measured.append(p.source) or real(p))
    errors = [
        model.explain(path, method).measures["parity_error"]
        for path in (DIGIT, OTHER)
        for method in ("deconvnet", "guided-backprop")
    ]
    assert len(measured) == 2
    assert errors[0] == errors[1] != errors[2] == errors[3]
