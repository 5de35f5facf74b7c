"""One file against ONNX Runtime: does it convert, how near is it, does a gradient come out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnx
import onnxruntime
import torch
from torch import nn

from onnxplain.convert import to_torch
from onnxplain.errors import ConversionError
from onnxplain.graph.prepare import prepare

NOISES = 3  # times the noise that are allowed
CLASS = 3  # whose score is differentiated

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
        else:
            feeds[value.name] = rng.standard_normal(shape).astype(dtype)
    return feeds


def measure(model: onnx.ModelProto, row: Row, tolerance: float) -> Row:
    """Fill in `row` for a model whose first output is the scores, shape (batch, classes)."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    plain = onnxruntime.InferenceSession(
        model.SerializeToString(), options, providers=["CPUExecutionProvider"]
    )
    name = model.graph.output[0].name
    inputs = [_feeds(model, seed) for seed in (0, 1)]
    wanted = [session.run([name], f)[0].astype(np.float64) for f in inputs]
    try:
        program = to_torch(prepare(model))
        got = []
        for feeds in inputs:
            with torch.no_grad():
                out = program.run({n: torch.from_numpy(a) for n, a in feeds.items()}, [name])
            got.append(out[name].double().numpy())
        row.gradient = _gradient(program, inputs[0], name)
    except ConversionError as error:
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


def _largest(some: list[np.ndarray], others: list[np.ndarray]) -> float:
    return float(max(np.abs(a - b).max() for a, b in zip(some, others, strict=True)))


def _gradient(program: nn.Module, feeds: dict[str, np.ndarray], name: str) -> str:
    leaves = {n: torch.from_numpy(a) for n, a in feeds.items()}
    leaves = {
        n: (t if t.is_floating_point() else t.float()).requires_grad_() for n, t in leaves.items()
    }
    program.run(leaves, [name])[name].flatten(1)[:, CLASS].sum().backward()
    gradient = next(iter(leaves.values())).grad
    if gradient is None or not bool(gradient.isfinite().all()):
        return "not finite"
    return "finite" if bool(gradient.abs().max() > 0) else "zero"


def gradient_error(net: nn.Module, model: onnx.ModelProto, side: int) -> float:
    """Compare float64 gradients with the original network, at a batch of two."""
    program = to_torch(prepare(model), double=True)
    x = torch.randn(
        2, 3, side, side, dtype=torch.float64, generator=torch.Generator().manual_seed(2)
    )
    gradients = []
    for function in (net.double(), lambda t: program.run({"x": t}, ["y"])["y"]):
        leaf = x.clone().requires_grad_()
        function(leaf)[:, CLASS].sum().backward()
        gradients.append(leaf.grad)
    net.float()
    return float((gradients[0] - gradients[1]).abs().max() / gradients[0].abs().max())
