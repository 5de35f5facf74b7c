"""One file against ONNX Runtime: does it convert, how near is it, does a gradient come out."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from benchmarks.conversion.forms import export, images
from onnxplain.convert import to_torch
from onnxplain.convert.program import Program
from onnxplain.errors import OnnxplainError
from onnxplain.graph.load import read_model
from onnxplain.graph.prepare import prepare
from onnxplain.graph.view import Graph

NOISES = 3  # times the noise that are allowed
CLASS = 3  # whose score is differentiated
TOKENS = 50  # smallest vocabulary of the networks measured

onnxruntime.set_default_logger_severity(4)


@dataclass
class Row:
    """One line of the table.

    `error` is the largest difference from ONNX Runtime, relative to how much the output
    varies between two inputs; `noise` is that of ONNX Runtime without its optimisations, from
    itself; `variation` is that, relative to the largest output;
    `gradient_error` is relative to the largest gradient of the original in float64.
    """

    library: str
    network: str
    form: str
    result: str
    error: float | None = None
    noise: float | None = None
    variation: float | None = None
    gradient: str = ""
    gradient_error: float | None = None
    note: str = ""


def _feeds(model: onnx.ModelProto, seed: int) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    feeds = {}
    constants = {i.name for i in model.graph.initializer}
    for value in model.graph.input:
        if value.name in constants:
            continue
        tensor = value.type.tensor_type
        shape = [d.dim_value or 2 for d in tensor.shape.dim]
        dtype = onnx.helper.tensor_dtype_to_np_dtype(tensor.elem_type)
        if dtype == np.uint8:
            feeds[value.name] = rng.integers(0, 256, shape, dtype=np.uint8)
        elif value.name in ("mask", "kinds"):
            feeds[value.name] = rng.integers(0, 2, shape).astype(dtype)
        elif np.issubdtype(dtype, np.integer):
            tokens = rng.integers(1, TOKENS, shape).astype(dtype)
            tokens[0, -3:] = 0  # a shorter text beside the longer ones
            feeds[value.name] = tokens
        else:
            feeds[value.name] = rng.standard_normal(shape).astype(dtype)
    return feeds


def measure(model: onnx.ModelProto, row: Row, tolerance: float) -> Row:
    """Fill in `row` for a model whose first output is the scores, shape (batch, classes)."""
    try:
        session, plain = _session(model), _session(model, optimised=False)
    except Exception as error:  # ONNX Runtime's exceptions have no common base
        row.result, row.note = "not made", f"ONNX Runtime refuses it: {_first_line(error)}"
        return row
    name = model.graph.output[0].name
    inputs = [_feeds(model, seed) for seed in (0, 1)]
    wanted = [session.run([name], f)[0].astype(np.float64) for f in inputs]
    try:
        # Halves are computed in float32, as the product does.
        program = to_torch(_read(model)).widen_halves()
        got = []
        for feeds in inputs:
            with torch.no_grad():
                out = program.run({n: _tensor(a) for n, a in feeds.items()}, [name])
            got.append(out[name].double().numpy())
        row.gradient = _gradient(program, inputs[0], name)
    except OnnxplainError as error:
        row.result, row.note = "refused", str(error)
        return row
    difference = float(np.abs(wanted[0] - wanted[1]).max())
    row.noise = _largest([plain.run([name], f)[0] for f in inputs], wanted) / difference
    row.variation = float(difference / max(np.abs(w).max() for w in wanted))
    row.error = _largest(got, wanted) / difference
    # A network that amplifies rounding cannot be told from a wrong one more exactly than this.
    right = row.error <= max(tolerance, NOISES * row.noise) and row.variation > 1e-3
    row.result = "right" if right else "wrong"
    return row


def _read(model: onnx.ModelProto) -> Graph:
    """Go the way of a file that a user loads."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.onnx"
        onnx.save(model, path)
        return prepare(*read_model(path))


def _session(model: onnx.ModelProto, *, optimised: bool = True) -> onnxruntime.InferenceSession:
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    if not optimised:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    return onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]


def _largest(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    return float(max(np.abs(a - b).max() for a, b in zip(some, others, strict=True)))


def _tensor(array: np.ndarray) -> Tensor:
    tensor = torch.from_numpy(array)
    return tensor.float() if tensor.dtype == torch.float16 else tensor


def _gradient(program: Program, feeds: dict[str, np.ndarray], name: str) -> str:
    leaves = {n: _tensor(a) for n, a in feeds.items()}
    if all(a.dtype == np.uint8 for a in feeds.values()):
        leaves = {n: t.float() for n, t in leaves.items()}
    floating = [t.requires_grad_() for t in leaves.values() if t.is_floating_point()]
    if not floating:
        return "of tokens"
    program.run(leaves, [name])[name].flatten(1)[:, -1].sum().backward()
    gradient = floating[0].grad
    if gradient is None or not bool(gradient.isfinite().all()):
        return "not finite"
    return "finite" if bool(gradient.abs().max() > 0) else "zero"


def gradient_error(net: nn.Module, side: int, path: Path) -> float:
    """Compare float64 gradients with the original network, at a batch of two.

    The file is exported in float64, because an export in float32 rounds what the original
    computes from its weights; and the original's epsilons are rounded to float32, as which the
    format stores attributes.
    """
    net = net.double()
    for module in net.modules():
        if isinstance(getattr(module, "eps", None), float):
            module.eps = float(np.float32(module.eps))
    wide = images(side, torch.float64)
    program = to_torch(
        prepare(export(net, wide, path, "torchscript", 17, unfolded=True)), double=True
    )
    x = torch.randn(
        2, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(2)
    )
    gradients = []
    for function in (net, lambda t: program.run({"x": t}, ["y"])["y"]):
        leaf = x.clone().requires_grad_()
        function(leaf)[:, CLASS].sum().backward()
        gradients.append(leaf.grad)
    return float((gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max())


def noted_gradient_error(model: onnx.ModelProto, x: NDArray[Any], wanted: NDArray[Any]) -> float:
    """Compare the float64 gradient of the last score with what another framework noted."""
    graph = _read(model)
    leaf = torch.from_numpy(x).requires_grad_()
    output = graph.outputs[0].name
    scores = to_torch(graph, double=True).run({graph.inputs[0].name: leaf}, [output])[output]
    (slopes,) = torch.autograd.grad(scores[:, -1].sum(), leaf)
    return float(np.abs(slopes.numpy() - wanted).max() / np.abs(wanted).max())
