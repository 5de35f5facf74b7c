"""Memory and time of loading and converting a model, as multiples of its weights.

Each stage runs in a process of its own, which measures itself: resident memory afterwards and
at its peak, less what the libraries alone take. ``read`` reads and prepares the file, ``convert``
makes the PyTorch program of it as well, ``load`` opens ONNX Runtime instead, ``gradients``
explains a picture and so needs both. Without a file, networks with random weights are made: the
layers of VGG-11 (0.53 GB) for all stages, torchvision's ViT-B/16 by both exporters for ``load``,
and three small ones, of which one map of each method is measured: what it adds at its peak to a
process that has the model open. --methods does that for a file.

    python benchmarks/memory.py [MODEL] [--methods] [--write]
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import onnx
from onnx import helper, numpy_helper

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.page import show_rows
from benchmarks.timing import added_mebibytes, resident

# Channels of the convolutions; a pooling by two follows where the next entry is "M".
VGG11 = (64, "M", 128, "M", 256, 256, "M", 512, 512, "M", 512, 512, "M")
COLUMNS = ("file, stage", "weights", "afterwards", "at the peak")
STAGES = ("read", "convert", "load", "gradients")
METHODS = ("occlusion", "ablation-cam", "integrated-gradients", "lrp")
MAPPED = ("efficientnet-lite0", "mobilenet_v2", "resnet18")


def synthesise(path: Path, plan=VGG11, wide: int = 4096, side: int = 224) -> None:
    """Write a classifier of the layers of VGG-11 (Simonyan, Zisserman 2014, arXiv:1409.1556)."""
    rng = np.random.default_rng(0)
    constants, nodes = [], []
    tensor, channels = "image", 3

    def weight(name: str, *shape: int) -> str:
        fan_in = int(np.prod(shape[1:]))
        values = rng.standard_normal(shape, np.float32) * np.float32(np.sqrt(2 / fan_in))
        constants.append(numpy_helper.from_array(values, name))
        return name

    for k, width in enumerate(plan):
        if width == "M":
            nodes.append(
                helper.make_node(
                    "MaxPool", [tensor], [f"p{k}"], kernel_shape=[2, 2], strides=[2, 2]
                )
            )
            tensor, side = f"p{k}", side // 2
            continue
        operands = [tensor, weight(f"w{k}", width, channels, 3, 3)]
        nodes.append(helper.make_node("Conv", operands, [f"c{k}"], pads=[1] * 4))
        nodes.append(helper.make_node("Relu", [f"c{k}"], [f"r{k}"]))
        tensor, channels = f"r{k}", width
    nodes.append(helper.make_node("Flatten", [tensor], ["flat"]))
    tensor, width = "flat", channels * side * side
    for k, rows in enumerate((wide, wide, 1000)):
        operands = [tensor, weight(f"g{k}", rows, width)]
        nodes.append(helper.make_node("Gemm", operands, [f"l{k}"], transB=1))
        tensor, width = f"l{k}", rows
        if k < 2:
            nodes.append(helper.make_node("Relu", [tensor], [f"a{k}"]))
            tensor = f"a{k}"
    graph = helper.make_graph(
        nodes,
        "vgg",
        [helper.make_tensor_value_info("image", onnx.TensorProto.FLOAT, ["N", 3, 224, 224])],
        [helper.make_tensor_value_info(tensor, onnx.TensorProto.FLOAT, ["N", 1000])],
        constants,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(model, path)


def export_vit(path: Path, *, dynamo: bool) -> None:
    """Write torchvision's ViT-B/16 with random weights, by one of PyTorch's exporters."""
    from onnxplain.convert.torchvision_guard import import_torchvision

    import_torchvision()
    import torch
    from torchvision.models import vit_b_16

    torch.manual_seed(0)
    picture = torch.rand(1, 3, 224, 224)
    torch.onnx.export(vit_b_16(weights=None).eval(), (picture,), path, dynamo=dynamo)


LARGE: Mapping[str, tuple[Callable[[Path], None], Sequence[str]]] = {
    "vit_b_16 (TorchScript exporter)": (partial(export_vit, dynamo=False), ("load",)),
    "vit_b_16 (dynamo exporter)": (partial(export_vit, dynamo=True), ("load",)),
    "vgg11": (synthesise, STAGES),
}


def run_stage(stage: str, path: str) -> dict[str, float]:
    """Do everything up to a stage, in this process."""
    import onnx.reference
    import onnxruntime  # noqa: F401
    import torch

    import onnxplain
    from onnxplain.convert import to_torch
    from onnxplain.convert.light_import import import_onnx2torch
    from onnxplain.graph.load import read_model
    from onnxplain.graph.prepare import prepare

    import_onnx2torch()
    torch.ones(8, 8) @ torch.ones(8, 8)
    onnx.defs.has("Conv")  # which makes the table of all operators
    started = time.perf_counter()
    if stage in METHODS:
        shipped = Path(path).parent.name == "models"
        model = onnxplain.load(path, **({} if shipped else {"preprocess": "imagenet-torch"}))
        size = (*model.network.image.size, 3)
        picture = model.read(np.random.default_rng(0).integers(0, 255, size, np.uint8))
        model.predict(picture)
        return {"added": added_mebibytes(lambda: model.explain(picture, stage, 0))}
    if stage in ("read", "convert"):
        graph = prepare(*read_model(path))
        held = to_torch(graph) if stage == "convert" else graph
        assert held is not None
    elif stage in ("load", "gradients"):
        model = onnxplain.load(path, preprocess="imagenet-torch")
        if stage == "gradients":
            picture = np.random.default_rng(0).integers(0, 255, (224, 224, 3), np.uint8)
            model.explain(picture, "gradient", 0)
    seconds = time.perf_counter() - started
    return {"now": resident("VmRSS"), "peak": resident("VmHWM"), "seconds": seconds}


def measure(path: Path, stages: Sequence[str] = STAGES) -> list[dict[str, float | str]]:
    """Run stages in processes of their own; memory is what goes beyond the libraries."""
    found = []
    for stage in ("libraries", *stages):
        command = [sys.executable, __file__, str(path), "--stage", stage]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        found.append({"stage": stage, **json.loads(done.stdout.splitlines()[-1])})
    libraries = found.pop(0)["now"]
    for entry in found:
        entry["now"] -= libraries
        entry["peak"] -= libraries
    return found


def measure_methods(path: Path) -> list[str]:
    """What one map of each method adds at its peak, in processes of their own."""
    cells = [path.stem]
    for method in METHODS:
        command = [sys.executable, __file__, str(path), "--stage", method]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        cells.append(f"{json.loads(done.stdout.splitlines()[-1])['added']:.0f}")
    return cells


def weights_of(path: Path) -> int:
    """Bytes of all initializers."""
    from onnxplain.graph.light import weights_size

    return weights_size(onnx.load(path, load_external_data=False))


def row_of(path: Path, *, write: bool) -> None:
    """Measure what maps of one file add."""
    cells = measure_methods(path)
    show_rows("memory-methods", ("network, MiB", *METHODS), [cells], write=write)


def rows_of(name: str, path: Path, stages: Sequence[str], *, write: bool) -> None:
    """Measure the stages of one file."""
    weights = weights_of(path)
    rows = []
    for entry in measure(path, stages):
        shown = [f"{entry[k] / 1e9:.2f} GB {entry[k] / weights:.2f} x" for k in ("now", "peak")]
        rows.append([f"{name}, {entry['stage']}", f"{weights / 1e6:.0f} MB", *shown])
        print(f"{rows[-1][0]}: {entry['seconds']:.1f} s")
    show_rows("memory", COLUMNS, rows, write=write)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model", nargs="?", type=Path)
    parser.add_argument("--stages", nargs="+", choices=STAGES, default=STAGES)
    parser.add_argument("--write", action="store_true", help="put the rows into the page")
    parser.add_argument("--stage", choices=("libraries", *STAGES, *METHODS))
    parser.add_argument("--methods", action="store_true", help="what maps take beyond that")
    options = parser.parse_args()
    if options.stage:
        print(json.dumps(run_stage(options.stage, str(options.model))))
        return
    if options.model is not None:
        if options.methods:
            row_of(options.model, write=options.write)
        else:
            rows_of(options.model.stem, options.model, options.stages, write=options.write)
        return
    with tempfile.TemporaryDirectory() as folder:
        for k, (name, (make, stages)) in enumerate(LARGE.items()):
            file = Path(folder) / f"{k}.onnx"
            make(file)
            rows_of(name, file, stages, write=options.write)
            file.unlink()
        from benchmarks.plain_loops.networks import file_of

        for name in MAPPED:
            row_of(file_of(name, Path(folder)), write=options.write)


if __name__ == "__main__":
    main()
