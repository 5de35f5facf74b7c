"""One picture's answer is computed once, and is never that of another picture."""

import numpy as np
import pytest

import onnxplain
from onnxplain.adapters.ort import OrtAdapter
from onnxplain.model.last_values import LastValues

MODEL, DIGIT, OTHER = (
    "models/digits-gap.onnx",
    "examples/digits/3-10.png",
    "examples/digits/2-11.png",
)


class Engine:
    """Counts, and gives each pass its number."""

    passes = 0

    def activations(self, x, names):
        self.passes += 1
        return dict.fromkeys(names, x * 2 + self.passes)


X = np.arange(6, dtype=np.float32).reshape(1, 6)


def test_the_same_question_is_asked_once():
    engine, last = Engine(), LastValues()
    first = last.of(engine, X, ["a"])
    first["b"] = X
    again = last.of(engine, X.copy(), ("a",))
    assert engine.passes == 1
    np.testing.assert_array_equal(again["a"], first["a"])
    assert list(again) == ["a"]


@pytest.mark.parametrize(
    ("x", "names"),
    [
        (X + 1, ["a"]),
        (X.astype(np.float64), ["a"]),
        (X.reshape(1, 2, 3), ["a"]),
        (np.where(X == 0, np.float32(-0.0), X), ["a"]),
        (X, ["a", "b"]),
    ],
)
def test_another_question_is_asked_again(x, names):
    engine, last = Engine(), LastValues()
    last.of(engine, X, ["a"])
    found = last.of(engine, x, names)
    assert engine.passes == 2
    np.testing.assert_array_equal(found["a"], x * 2 + 2)


def test_an_input_that_was_written_into_is_another_one():
    engine, last, x = Engine(), LastValues(), X.copy()
    last.of(engine, x, ["a"])
    x += 1
    last.of(engine, x, ["a"])
    assert engine.passes == 2


def test_another_engine_and_many_inputs_are_not_kept():
    first, second, last = Engine(), Engine(), LastValues()
    last.of(first, X, ["a"])
    last.of(second, X, ["a"])
    many = np.repeat(X, 3, axis=0)
    last.of(second, many, ["a"])
    last.of(second, many, ["a"])
    assert (first.passes, second.passes) == (1, 3)


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
    assert found.score == float(fresh.predict(DIGIT).kinds["logit"][found.target.index])
