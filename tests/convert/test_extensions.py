"""Converters that users register, and the page that explains how."""

import re
from pathlib import Path

import numpy as np
import pytest
import torch
from onnx.helper import make_node as node

from onnxplain.convert import missing_operators, register, to_torch
from onnxplain.convert.coverage import EXTENSIONS
from onnxplain.convert.function import Function
from onnxplain.errors import ConversionError, UsageError
from onnxplain.graph.view import Graph
from tests.convert.oracle import make_model

PAGE = Path(__file__).parents[2] / "docs" / "extending.md"
X = np.array([[1, -2, 3]], np.float32)


def sparkling():
    nodes = [node("Sparkle", ["x"], ["y", "z"], domain="acme", amount=2.0)]
    return Graph(make_model(nodes, {"x": X}, ["z", "y"], domains=["acme"]))


def twice_and_negative(node):
    return Function(lambda x: (x * node.attributes["amount"], -x))


def test_the_example_of_the_page_runs():
    code = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)[0]
    exec(compile(code, str(PAGE), "exec"), {"__name__": "example"})
    assert not EXTENSIONS


def test_a_registered_operator_converts_with_all_its_outputs():
    with register("acme", "Sparkle", twice_and_negative):
        assert missing_operators(sparkling()) == []
        program = to_torch(sparkling())
    got = program.run({"x": torch.from_numpy(X)}, ["y", "z"])
    np.testing.assert_array_equal(got["y"], 2 * X)
    np.testing.assert_array_equal(got["z"], -X)


def test_after_the_block_the_operator_is_missing_again():
    with register("acme", "Sparkle", twice_and_negative):
        pass
    assert missing_operators(sparkling()) == ["acme::Sparkle-1"]
    with pytest.raises(ConversionError, match=r"acme::Sparkle-1.*docs/extending\.md"):
        to_torch(sparkling())


def test_without_a_block_it_stays_until_removed():
    registration = register("acme", "Sparkle", twice_and_negative)
    assert missing_operators(sparkling()) == []
    registration.remove()
    registration.remove()
    assert missing_operators(sparkling()) == ["acme::Sparkle-1"]


def test_another_version_is_still_missing():
    with register("acme", "Sparkle", twice_and_negative, versions=(2, 3)):
        assert missing_operators(sparkling()) == ["acme::Sparkle-1"]


def test_a_refusal_of_the_factory_is_reported_with_what_still_works():
    def refuse(node):
        raise ConversionError(f"{node}: too bright")

    with (
        register("acme", "Sparkle", refuse),
        pytest.raises(ConversionError, match=r"tensor 'y'.*too bright; methods that need no"),
    ):
        to_torch(sparkling())


@pytest.mark.parametrize("domain", ["", "ai.onnx"])
def test_what_converts_already_is_not_replaced(domain):
    with pytest.raises(UsageError, match="Relu-14 already has a converter"):
        register(domain, "Relu", twice_and_negative, versions=(14,))


def test_a_second_registration_is_refused_as_a_whole():
    with register("acme", "Sparkle", twice_and_negative, versions=(2,)):
        with pytest.raises(UsageError, match="acme::Sparkle-2 already has a converter"):
            register("acme", "Sparkle", twice_and_negative, versions=(1, 2))
        assert missing_operators(sparkling()) == ["acme::Sparkle-1"]


def test_no_version_is_refused():
    with pytest.raises(UsageError, match="at least one version"):
        register("acme", "Sparkle", twice_and_negative, versions=())
