"""A pass that answers two questions gives the same answers as two passes."""

import numpy as np
import pytest

import onnxplain
from onnxplain.adapters.foreseen import Foreseen

SCORES, BOTH = frozenset({"s"}), frozenset({"s", "layer"})


class Engine:
    """Computes tensors, and remembers what it was asked for."""

    def __init__(self, noise=0.0):
        self.passes, self.noise = [], noise

    def __call__(self, x):
        def compute(names):
            self.passes.append(names)
            shift = self.noise if "layer" in names else 0.0
            return {n: x * (2 if n == "s" else 3) + shift for n in names}

        return compute


def ask(foreseen, engine, value, names):
    x = np.full((1, 3), value, np.float32)
    found = foreseen.answer(x, names, engine(x))
    assert found.keys() == names
    return found


def test_after_three_inputs_one_pass_answers_both_questions():
    foreseen, engine = Foreseen(), Engine()
    for value in range(6):
        first = ask(foreseen, engine, value, SCORES)
        second = ask(foreseen, engine, value, BOTH)
        for found in (first, second):
            np.testing.assert_array_equal(found["s"], np.full((1, 3), 2 * value))
        np.testing.assert_array_equal(second["layer"], np.full((1, 3), 3 * value))
    assert engine.passes == [SCORES, BOTH] * 3 + [BOTH] * 3


def test_scores_that_differ_in_a_bit_keep_their_own_pass():
    foreseen, engine = Foreseen(), Engine(noise=1e-6)
    for _ in range(6):
        ask(foreseen, engine, 1.0, SCORES)
        ask(foreseen, engine, 1.0, BOTH)
    assert engine.passes == [SCORES, BOTH] * 6


def test_no_question_is_answered_twice_from_memory():
    foreseen, engine = Foreseen(), Engine()
    for value in range(4):
        ask(foreseen, engine, value, SCORES)
        ask(foreseen, engine, value, BOTH)
    engine.passes.clear()
    ask(foreseen, engine, 3, BOTH)
    ask(foreseen, engine, 3, SCORES)
    ask(foreseen, engine, 3, SCORES)
    assert len(engine.passes) == 3


def test_what_is_ready_for_one_input_is_no_answer_about_another():
    foreseen, engine = Foreseen(), Engine()
    for value in range(4):
        ask(foreseen, engine, value, SCORES)
        ask(foreseen, engine, value, BOTH)
    ask(foreseen, engine, 10, SCORES)
    np.testing.assert_array_equal(ask(foreseen, engine, 11, BOTH)["s"], np.full((1, 3), 22))


@pytest.mark.parametrize(("name", "method"), [
    ("digits-gap", "cam"), ("digits-gap", "recipro-cam"), ("digits-gap", "eigen-cam"),
    ("flowers-gap", "cam"), ("flowers-gap", "recipro-cam"), ("flowers-gap", "eigen-cam"),
    ("digits-vit", "recipro-cam"), ("digits-vit", "eigen-cam"),  # its class token leaves no cam
])  # fmt: skip
def test_maps_over_many_inputs_are_those_of_a_fresh_model(name, method, rng):
    path = f"models/{name}.onnx"
    many = onnxplain.load(path, device="cpu")
    shape = many.network.image.shape[1:]
    inputs = rng.random((5, 1, *shape)).astype(np.float32)
    many.explain(inputs[0], method)
    for x in inputs:
        found = many.explain(x, method)
        alone = onnxplain.load(path, device="cpu").explain(x, method)
        np.testing.assert_array_equal(found.attribution, alone.attribution)
        assert found.score == alone.score
        np.testing.assert_array_equal(found.scores, alone.scores)
