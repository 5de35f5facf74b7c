"""The defects known of onnx2torch 1.5.15, each with the test that would find it here."""

import pytest

from tests.convert import test_awkward_graphs, test_known_defects, test_microsoft

# Those about names, outputs and structure have words for names; the others start with theirs.
BY_STRUCTURE = {
    "D7 Dropout with a second output loses the batch": "Dropout with an unused mask",
    "D7b MaxPool with a second output loses the batch": "MaxPool with unused indices",
    "D8 an output of Split returns all of them": "second output of Split",
    "D8b the order of outputs is that of nodes": "swapped outputs of Split",
    "D9 a node named like an input replaces it": "node named like an input",
    "D10 unnamed nodes collide": "unnamed nodes of one kind",
    "D10b a name collides with a generated one": "an unnamed node and one that has its "
    "generated name",
    "D11 an initializer is named like a node": "initializer named like a node",
    "D13 Clip without a minimum": "Clip with an empty minimum",
    "D15 the weight is no initializer": "weight is computed",
    "D16 SAME padding": "SAME padding",
    "D17 asymmetric AveragePool": "asymmetric AveragePool",
    "D22 an empty list attribute": "test_an_attribute_may_be_an_empty_list",
    "D23 an output is an input": "an input is an output",
    "D35 the domain ai.onnx": "test_the_standard_domain_may_be_written_out",
    "a dot in a domain": "test_a_fused_operator_agrees_with_onnx_runtime",
}
BY_NUMBER = ("D1 D2 D3 D4 D5 D12 D12b D12c D14 D20 D21 D25 D26 D27 D28 D29 D30 D31 D32 D36").split()


def known_tests():
    cases = [*test_awkward_graphs.GRAPHS, *test_known_defects.CASES]
    modules = (test_awkward_graphs, test_known_defects, test_microsoft)
    return {c.id for c in cases} | {n for m in modules for n in vars(m) if n.startswith("test_")}


@pytest.mark.parametrize("defect", BY_STRUCTURE)
def test_a_defect_of_structure_has_its_test(defect):
    assert BY_STRUCTURE[defect] in known_tests()


@pytest.mark.parametrize("number", BY_NUMBER)
def test_a_defect_of_an_operator_has_its_test(number):
    starts = (f"{number} ", f"test_{number.lower()}_")
    assert any(name.startswith(starts) for name in known_tests())
