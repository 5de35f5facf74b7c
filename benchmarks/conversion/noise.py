"""Which engine is off where they differ: each in float32 against the original in float64.

``python -m benchmarks.conversion.noise timm levit_128s`` prints the largest difference of each
engine, relative to how much the output varies between two inputs.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import onnxruntime
import torch

from benchmarks.conversion.forms import export
from benchmarks.conversion.networks import calibrated
from onnxplain.convert import to_torch
from onnxplain.graph.prepare import prepare


def errors(library: str, network: str, path: Path) -> dict[str, float]:
    """Errors by engine, on a file that keeps batch normalisation."""
    net, side = calibrated(library, network)
    x = torch.randn(2, 3, side, side, generator=torch.Generator().manual_seed(2))
    model = export(net, {"x": x}, path, "torchscript", 17, unfolded=True)
    graph, found = prepare(model), {}
    with torch.no_grad():
        found["original, float32"] = net(x)
        found["converted, float32"] = to_torch(graph).run({"x": x}, ["y"])["y"]
        found["converted, float64"] = to_torch(graph, double=True).run({"x": x}, ["y"])["y"]
        truth = net.double()(x.double())
    for level in ("ORT_ENABLE_ALL", "ORT_DISABLE_ALL"):
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1
        options.graph_optimization_level = getattr(onnxruntime.GraphOptimizationLevel, level)
        session = onnxruntime.InferenceSession(
            model.SerializeToString(), options, providers=["CPUExecutionProvider"]
        )
        (y,) = session.run(["y"], {"x": x.numpy()})
        found[f"ONNX Runtime, {level}"] = torch.from_numpy(y)
    scale = (truth[0] - truth[1]).abs().max()
    return {name: float((y - truth).abs().max() / scale) for name, y in found.items()}


if __name__ == "__main__":
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        for engine, error in errors(*sys.argv[1:3], Path(folder) / "net.onnx").items():
            print(f"{engine:32} {error:.1e}")
