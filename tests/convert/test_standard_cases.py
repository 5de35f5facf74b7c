"""The standard's own node tests, for every operator of the table."""

import re

import numpy as np
import onnx
import pytest
import torch
from onnx.backend.test.case.node import collect_testcases

from onnxplain.convert import to_torch
from onnxplain.convert.cast import to_tensor
from onnxplain.convert.operators import OURS, STOCK
from onnxplain.graph.view import Graph

OPERATORS = {op for covered in OURS.values() for op in covered} | set(STOCK)
# Carried as floating-point numbers on purpose, so that gradients reach through them.
QUANTISED = {
    "ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul",
    "QuantizeLinear",
}  # fmt: skip
EXCLUDED = {
    r"^test_(add|sub|div|mod|max|min|less|greater|bitshift)\w*_uint(16|32|64)(_expanded)?$":
        "PyTorch does no arithmetic in these types",
    r"^test_bitwise_not_3d$": "PyTorch does no arithmetic in uint16",
    r"FLOAT[84]|U?INT[42](_|$)|_(u?int[42]|e4m3fn|e5m2|float4e2m1)(_|$)":
        "4-bit and 8-bit floating-point types and 2-bit and 4-bit integers are refused",
    r"^test_(de)?quantizelinear_u?int[24]": "2-bit and 4-bit integers are refused",
    r"^test_training_dropout|_training_mode$": "training is refused",
    r"^test_equal_string": "strings are refused",
    r"^test_identity_(sequence|opt)$": "sequences and optionals are refused",
    r"^test_reduce_(max|min)_empty_set": "the maximum of nothing is refused by PyTorch",
    r"^test_resize_downsample_scales_(linear|cubic)_align_corners$":
        "ONNX Runtime uses the rounded length here; conversion follows it, see test_versions.py",
    r"^test_roialign_mode_max$": "only the mean is covered",
}  # fmt: skip


def applies(case):
    return case.model is not None and all(
        not n.domain and n.op_type in OPERATORS for n in case.model.graph.node
    )


def reason(case):
    return next((why for pattern, why in EXCLUDED.items() if re.search(pattern, case.name)), None)


ALL_CASES = [case for case in collect_testcases(None) if applies(case)]
CASES = [pytest.param(case, id=case.name) for case in ALL_CASES if reason(case) is None]


def tensor(value):
    array = onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
    return to_tensor("value", np.asarray(array))


def tolerance(dtype):
    return {"rtol": 2e-2, "atol": 1e-2} if dtype.itemsize == 2 else {"rtol": 1e-3, "atol": 1e-5}


@pytest.mark.parametrize("case", CASES)
def test_a_node_case_of_the_standard(case):
    graph = case.model.graph
    quantised = any(n.op_type in QUANTISED for n in graph.node)
    program = to_torch(Graph(case.model))
    names = [o.name for o in graph.output]
    for inputs, outputs in case.data_sets:
        feeds = {i.name: tensor(v) for i, v in zip(graph.input, inputs, strict=True)}
        got = program.run(feeds, names)
        for name, value in zip(names, outputs, strict=True):
            wanted = tensor(value)
            assert quantised or got[name].dtype == wanted.dtype
            assert got[name].shape == wanted.shape
            torch.testing.assert_close(
                got[name].double(), wanted.double(), equal_nan=True, **tolerance(wanted.dtype)
            )


@pytest.mark.parametrize("pattern", EXCLUDED)
def test_every_exclusion_still_excludes_something(pattern):
    assert any(re.search(pattern, case.name) for case in ALL_CASES)
