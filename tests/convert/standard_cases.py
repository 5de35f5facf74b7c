"""The standard's own node tests: what comes out of each, and which of them concern us."""

from __future__ import annotations

import copy
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache

import numpy as np
import onnx
import torch
from onnx.backend.test.case.node import collect_testcases
from onnx.backend.test.case.test_case import TestCase

from onnxplain.convert import missing_operators, to_torch
from onnxplain.convert.cast import to_tensor
from onnxplain.errors import ConversionError
from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import Graph

# Carried as floating-point numbers on purpose, so that gradients reach through them.
QUANTISED = {
    "ConvInteger", "DynamicQuantizeLinear", "MatMulInteger", "QLinearConv", "QLinearMatMul",
    "QuantizeLinear",
}  # fmt: skip
_LOW_BIT = re.compile(
    r"FLOAT[84]|U?INT[42](_|$)|_(u?int[42]|e4m3fn|e5m2|e8m0|float4e2m1)(_|$)"
    r"|quantizelinear_u?int[24]"
)
_TRAINING = re.compile(r"^test_training_dropout|_training_mode$")
_TRAINING_OPERATORS = {"NegativeLogLikelihoodLoss", "SoftmaxCrossEntropyLoss"}
_RANDOM_OPERATORS = {
    "Bernoulli", "Multinomial", "RandomNormal", "RandomNormalLike", "RandomUniform",
    "RandomUniformLike",
}  # fmt: skip
_NO_TENSOR_OPERATORS = {
    "ConcatFromSequence", "ImageDecoder", "OptionalGetElement", "OptionalHasElement",
    "RegexFullMatch", "SplitToSequence", "StringConcat", "StringNormalizer", "StringSplit",
    "TfIdfVectorizer",
}  # fmt: skip

# Where the standard's evaluator and ONNX Runtime differ, the deployed engine is followed.
FOLLOWS_ONNX_RUNTIME = {
    "test_maxunpool_export_with_output_shape",
    "test_resize_downsample_scales_linear_align_corners",
    "test_resize_downsample_scales_cubic_align_corners",
}


@dataclass(frozen=True)
class Outcome:
    """What came of a case: right, refused, not applicable, or wrong; and why."""

    result: str
    why: str = ""


@cache
def all_cases() -> tuple[TestCase, ...]:
    """Every node test that has a model."""
    return tuple(case for case in collect_testcases(None) if case.model is not None)


def case_named(name: str) -> TestCase:
    """Return the case of that name."""
    return _by_name()[name]


def operator_name(case: TestCase) -> str:
    """Operator that the case is about; for an expanded form, of the case it expands."""
    plain = re.sub(r"_expanded(_ver\d+)?$", "", case.name)
    model = (case_named(plain) if plain in _by_name() else case).model
    node = model.graph.node[-1 if len(model.graph.node) == 2 else 0]
    return f"{node.domain}::{node.op_type}" if node.domain else node.op_type


@cache
def _by_name() -> dict[str, TestCase]:
    return {case.name: case for case in all_cases()}


def why_not_applicable(case: TestCase) -> str | None:
    """Reason why no classifier holds what the case tests, or None."""
    operators = {node.op_type for node in case.model.graph.node}
    domains = {node.domain for node in case.model.graph.node}
    values = (*case.model.graph.input, *case.model.graph.output)
    if any(not v.type.HasField("tensor_type") for v in values) or any(
        "Sequence" in op and op != "ReverseSequence" for op in operators
    ):
        return "sequences and optionals"
    if any(v.type.tensor_type.elem_type == onnx.TensorProto.STRING for v in values) or (
        operators & _NO_TENSOR_OPERATORS
    ):
        return "strings, n-grams, files and optionals"
    if _TRAINING.search(case.name) or operators & _TRAINING_OPERATORS:
        return "training"
    if operators & _RANDOM_OPERATORS:
        return "random numbers"
    if any(domain.startswith("ai.onnx.") for domain in domains):
        return "other domains (ai.onnx.ml, previews, training)"
    if _LOW_BIT.search(case.name):
        return "8-bit and 4-bit floating-point types, 2-bit and 4-bit integers"
    return None


def outcome(case: TestCase) -> Outcome:
    """Convert and run a case: as it is, prepared, and with constants for all inputs but one."""
    reason = why_not_applicable(case)
    try:
        if not missing_operators(Graph(case.model)):
            _check(case, Graph)
        _check(case, prepare)
        if len(case.model.graph.input) > 1:
            _check(case, prepare, constants=True)
    except ConversionError as error:
        return Outcome("not applicable", reason) if reason else Outcome("refused", str(error))
    except AssertionError as error:
        if case.name in FOLLOWS_ONNX_RUNTIME:
            return Outcome("other", "ONNX Runtime differs from the standard, and is followed")
        return Outcome("wrong", str(error))
    return Outcome("right")


def _check(
    case: TestCase, read: Callable[[onnx.ModelProto], Graph], *, constants: bool = False
) -> None:
    names = [o.name for o in case.model.graph.output]
    quantised = any(n.op_type in QUANTISED for n in case.model.graph.node)
    for inputs, outputs in case.data_sets:
        declared = [i.name for i in case.model.graph.input]
        arrays = dict(zip(declared, map(_array, inputs), strict=True))
        model = _with_constants(case.model, arrays) if constants else case.model
        graph = read(model)
        if any(n in graph.wrapped for n in names):
            raise ConversionError("an output that is not a tensor is not computed as such")
        program = to_torch(graph)
        feeds = {i.name: to_tensor(i.name, arrays[i.name]) for i in model.graph.input}
        got = program.run(feeds, names)
        for name, value in zip(names, map(_array, outputs), strict=True):
            wanted = to_tensor(name, value)
            assert quantised or got[name].dtype == wanted.dtype, (case.name, got[name].dtype)
            assert got[name].shape == wanted.shape, (case.name, got[name].shape)
            torch.testing.assert_close(
                got[name].double(), wanted.double(), equal_nan=True, **_tolerance(wanted.dtype)
            )


def _array(value: object) -> np.ndarray:
    array = onnx.numpy_helper.to_array(value) if isinstance(value, onnx.TensorProto) else value
    # A sequence or an optional has no tensor; like a string, it is refused as an object.
    return np.asarray(array, dtype=object) if _is_nested(array) else np.asarray(array)


def _is_nested(value: object) -> bool:
    return value is None or (isinstance(value, Sequence) and not isinstance(value, str))


def _with_constants(model: onnx.ModelProto, arrays: dict[str, np.ndarray]) -> onnx.ModelProto:
    model = copy.deepcopy(model)
    for value in model.graph.input[1:]:
        if value.type.HasField("tensor_type"):
            model.graph.initializer.append(
                onnx.numpy_helper.from_array(arrays[value.name], value.name)
            )
    kept = {i.name for i in model.graph.initializer}
    inputs = [i for i in model.graph.input if i.name not in kept]
    del model.graph.input[:]
    model.graph.input.extend(inputs)
    return model


def _tolerance(dtype: torch.dtype) -> dict[str, float]:
    return {"rtol": 2e-2, "atol": 1e-2} if dtype.itemsize == 2 else {"rtol": 1e-3, "atol": 1e-5}
