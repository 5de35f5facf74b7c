"""The standard's own node tests: nothing is wrong, and the page says what is refused."""

import onnx
import pytest

from tests.convert import operator_table
from tests.convert.operator_table import outcome_of
from tests.convert.standard_cases import FOLLOWS_ONNX_RUNTIME, all_cases


@pytest.mark.parametrize("name", [case.name for case in all_cases()])
def test_a_node_case_of_the_standard_is_right_or_refused(name):
    found = outcome_of(name)
    assert found.result != "wrong", found.why
    assert (found.result == "other") == (name in FOLLOWS_ONNX_RUNTIME)


@pytest.mark.slow
def test_the_page_is_what_the_command_writes():
    text = operator_table.PAGE.read_text()
    if f"(onnx {onnx.__version__})" not in text:
        # Another release of the standard has other cases; each is tested above.
        return
    assert operator_table.render(operator_table.outcomes(), f"onnx {onnx.__version__}") == text


@pytest.mark.slow
def test_nearly_every_case_of_the_operators_themselves_is_right():
    cases = [c for c in all_cases() if "_expanded" not in c.name]
    results = [outcome_of(c.name).result for c in cases]
    applicable = len(results) - results.count("not applicable")
    assert results.count("right") >= 0.97 * applicable
