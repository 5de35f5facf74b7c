"""ONNX Runtime gives derivatives where it can; else PyTorch is asked, or it is said why not."""

import numpy as np
import pytest

from onnxplain.adapters import slopes_engine
from onnxplain.adapters.base import Signal
from onnxplain.adapters.slopes_engine import SlopesEngine
from onnxplain.errors import ConversionError, MethodRefusedError, ParityError
from onnxplain.graph.image_input import find_image_input
from onnxplain.graph.prepare import prepare
from onnxplain.relevance.composites import composite
from onnxplain.relevance.nodes import propagate
from onnxplain.relevance.nodes.weighted import WEIGHTED
from onnxplain.symbolic.rules import RULES
from tests.adapters.test_symbolic import BODY, engines, input_of, parsed

SEED = [Signal("y", np.ones((3, 2)))]


@pytest.fixture
def no_rule(monkeypatch):
    """As if no rule for Mul were known."""
    monkeypatch.delitem(RULES, "Mul")


def engine(body=BODY, **options):
    proto = parsed(body)
    graph = prepare(proto)
    symbolic, double = engines(proto)
    asked = []

    def pytorch():
        asked.append(True)
        return double

    found = SlopesEngine(graph, find_image_input(graph), symbolic, pytorch, input_of, **options)
    return found, double, asked


def test_plain_derivatives_come_from_onnx_runtime():
    found, double, asked = engine()
    x = input_of()
    ours = found.pull_back(x, SEED, ["image"]).gradients[0]["image"]
    assert (found.device, asked) == ("CPUExecutionProvider, derivatives in ONNX nodes", [])
    assert found.check.agrees
    exact = double.pull_back(x, SEED, ["image"]).gradients[0]["image"]
    np.testing.assert_allclose(ours, exact, rtol=1e-6)


@pytest.mark.usefixtures("no_rule")
def test_pytorch_is_asked_for_an_operator_without_a_rule():
    found, _, asked = engine()
    found.pull_back(input_of(), SEED, ["image"])
    assert (found.device, asked, found.check) == ("torch cpu", [True], None)
    assert "Mul ('a')" in found.obstacle


def test_pytorch_is_asked_for_other_signals_only_while_they_are_needed():
    found, _, asked = engine()
    found.pull_back(input_of(), SEED, ["image"], baseline=0 * input_of())
    assert (found.device, len(asked)) == ("torch cpu", 1)
    found.pull_back(input_of(), SEED, ["image"])
    assert (found.device.startswith("CPU"), len(asked)) == (True, 1)


def test_derivatives_that_do_not_add_up_are_not_used(monkeypatch):
    found, _, asked = engine()
    symbolic = found._symbolic
    right = type(symbolic).pull_back

    def wrong(x, seeds, names):
        answer = right(symbolic, x, seeds, names)
        for slopes in answer.gradients:
            slopes["image"] = 2 * slopes["image"]
        return answer

    monkeypatch.setattr(symbolic, "pull_back", wrong)
    found.pull_back(input_of(), SEED, ["image"])
    assert (found.device, asked) == ("torch cpu", [True])
    assert "do not match" in found.obstacle
    found._only = True
    found._obstacles.clear()
    with pytest.raises(ParityError, match="do not match"):
        found.pull_back(input_of(), SEED, ["image"])


@pytest.mark.usefixtures("no_rule")
def test_who_asked_for_onnx_runtime_is_told_what_it_lacks():
    found, _, asked = engine(only=True)
    with pytest.raises(ConversionError, match="Mul"):
        found.pull_back(input_of(), SEED, ["image"])
    with pytest.raises(MethodRefusedError, match="--engine pytorch"):
        found.pull_back(input_of(), SEED, ["image"], rectify="guided")
    channels = {"a": np.ones((1, 3, 1, 1))}
    with pytest.raises(MethodRefusedError, match="--engine pytorch"):
        found.relevance(input_of(), SEED, composite("epsilon"), ["image"], keep=channels)
    assert asked == []


def test_relevance_comes_from_onnx_runtime_if_its_derivatives_add_up():
    found, double, asked = engine()
    (ours,) = found.relevance(input_of(), SEED, composite("epsilon"), ["image"])
    assert (asked, found.check.agrees) == ([], True)
    (exact,) = double.relevance(input_of(), SEED, composite("epsilon"), ["image"])
    np.testing.assert_allclose(ours.relevance["image"], exact.relevance["image"], rtol=1e-5)


def test_pytorch_gives_relevance_that_onnx_nodes_cannot(monkeypatch):
    known = {name: rule for name, rule in WEIGHTED.items() if name != "epsilon"}
    monkeypatch.setattr(propagate, "WEIGHTED", known)
    found, _, asked = engine()
    found.relevance(input_of(), SEED, composite("epsilon"), ["image"])
    assert (found.device, asked, found.check) == ("torch cpu", [True], None)
    assert "rule epsilon cannot stand" in found.obstacle


def test_pytorch_gives_relevance_if_derivatives_do_not_add_up(monkeypatch):
    found, _, asked = engine()
    right = found._symbolic.pull_back

    def wrong(x, seeds, names):
        answer = right(x, seeds, names)
        for slopes in answer.gradients:
            slopes["image"] = 2 * slopes["image"]
        return answer

    monkeypatch.setattr(found._symbolic, "pull_back", wrong)
    found.relevance(input_of(), SEED, composite("epsilon"), ["image"])
    assert (found.device, asked) == ("torch cpu", [True])
    assert "do not match" in found.obstacle


def test_relevance_is_opened_beside_the_check_of_derivatives(monkeypatch):
    found, _, _ = engine()
    order = []
    real_open, real_check = found._symbolic.open_relevance, slopes_engine.check_slopes
    monkeypatch.setattr(
        found._symbolic, "open_relevance", lambda *a: order.append("opened") or real_open(*a)
    )
    monkeypatch.setattr(
        slopes_engine, "check_slopes", lambda *a: order.append("checked") or real_check(*a)
    )
    found.relevance(input_of(), SEED, composite("epsilon"), ["image"])
    assert order == ["opened", "checked"]
