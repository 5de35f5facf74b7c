"""Errors are of one family, and each kind has an exit code of its own."""

import inspect
import re
from pathlib import Path

import pytest

from onnxplain import errors

KINDS = [
    kind for _, kind in inspect.getmembers(errors, inspect.isclass)
    if issubclass(kind, errors.OnnxplainError) and kind is not errors.OnnxplainError
]  # fmt: skip


@pytest.mark.parametrize("kind", KINDS)
def test_exit_codes_are_those_of_the_documentation(kind):
    _, _, said = Path("README.md").read_text("utf-8").partition("Exit codes: ")
    assert kind.exit_code > 1
    assert re.search(rf"\b{kind.exit_code} \w", said.partition("\n\n")[0])


def test_an_unknown_name_offers_the_nearest():
    error = errors.UnknownNameError("method", "grad-cm", ["grad-cam", "lrp"], "see the list")
    assert "grad-cm" in str(error)
    assert "grad-cam" in str(error)


def test_a_defect_of_ours_is_told_as_one():
    error = errors.InternalError.of(ValueError("x"))
    assert str(error).startswith(errors.InternalError.beginning)
    assert "ValueError" in str(error)
    assert error.exit_code == 70
