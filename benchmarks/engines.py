"""Time of gradient methods by engine, against other libraries and ONNX Runtime's forward pass.

``onnx`` and ``pytorch`` are the two engines of this library on the file; ``captum``,
``pytorch-grad-cam`` (if installed) and ``channels-last`` (plain autograd) run the original
network. All of a row take turns; medians in milliseconds with the smallest and largest.

    pip install -c constraints.txt -e '.[test]'
    pip install --no-deps grad-cam ttach
    python -m benchmarks.engines [--quick] [--write]

``--write`` puts the tables into docs/engines.md; it takes about seven minutes.
"""

from __future__ import annotations

import argparse
import importlib.util
import itertools
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from originals import CAT, LITE0  # noqa: E402

import onnxplain.network.context  # noqa: E402
from benchmarks.engine_networks import NETWORKS, Split  # noqa: E402
from benchmarks.timing import machine, seconds, spread  # noqa: E402
from onnxplain.convert.torchvision_guard import import_torchvision  # noqa: E402

PAGE = ROOT / "docs/engines.md"
START, END = "<!-- measured: python -m benchmarks.engines --write -->", "<!-- end -->"
STEPS = 16
COLUMNS = ("forward", "onnx", "pytorch", "captum", "pytorch-grad-cam", "channels-last")
# Seconds that a row takes in all, and rounds at least and at most.
ROW_SECONDS, FEWEST, MOST = 10.0, 3, 15
Works = dict[str, Callable[[], object]]


def engines(file: Path, batch: int, threads: int) -> dict[str, tuple[Any, Any, Any, Any]]:
    """Both engines' contexts, with a batch of pictures and a target."""
    found = {}
    for name, asked in (("onnx", "onnxruntime"), ("pytorch", "pytorch")):
        model = onnxplain.load(
            file, preprocess="imagenet-torch", batch_size=max(batch, STEPS), threads=threads,
            engine=asked, scores="logits",
        )  # fmt: skip
        picture = model.read(CAT)
        target = model.target(None, model.predict(picture))
        context = onnxplain.network.context.Context(model.network, model.preprocess)
        found[name] = model, context, np.repeat(picture.x, batch, axis=0), target
    return found


def rows(
    file: Path, net: Split, spaced: Split, batch: int, threads: int
) -> Iterator[tuple[str, Works]]:
    """The pieces of work of each method."""
    import captum.attr as captum

    torch.set_num_threads(threads)
    ours = engines(file, batch, threads)
    model, _, x, target = ours["onnx"]
    index, tensor = target.index, torch.from_numpy(x)
    leaf = tensor.clone().requires_grad_()
    black = torch.from_numpy(np.broadcast_to(model.preprocess.bounds()[0], x.shape).copy())

    def work(name: str, **parameters: object) -> Works:
        function = onnxplain.methods.find(name).function
        return {
            engine: lambda c=c, x=x, t=t: function(c, x, t, **parameters)
            for engine, (_, c, x, t) in ours.items()
        }

    forward = {"forward": lambda: model.network.ort.activations(x, target.tensors)}
    yield (
        "gradient",
        {
            **forward,
            **work("gradient"),
            "captum": lambda: captum.Saliency(net).attribute(leaf, target=index, abs=False),
            "channels-last": lambda: spaced.gradient(tensor, index),
        },
    )
    yield (
        "grad-cam",
        {
            **forward,
            **work("grad-cam"),
            "captum": lambda: captum.LayerGradCam(net, net.last).attribute(tensor, target=index),
            **_pytorch_grad_cam(net, tensor, index),
            "channels-last": lambda: spaced.gradient(tensor, index, at_layer=True),
        },
    )
    if batch > 1:
        return
    many = tensor.repeat(STEPS, 1, 1, 1)
    yield (
        "integrated-gradients",
        {
            **work("integrated-gradients", steps=STEPS, max_steps=STEPS),
            "captum": lambda: captum.IntegratedGradients(net).attribute(
                tensor, black, target=index, n_steps=STEPS, method="gausslegendre"
            ),
            "channels-last": lambda: spaced.gradient(many, index),
        },
    )
    yield "smoothgrad", {
        **work("smoothgrad", samples=STEPS),
        "captum": lambda: captum.NoiseTunnel(captum.Saliency(net)).attribute(
            leaf, nt_type="smoothgrad", nt_samples=STEPS, nt_samples_batch_size=STEPS,
            stdevs=0.15 * float(np.ptp(x)), target=index, abs=False,
        ),
        "channels-last": lambda: spaced.gradient(many, index),
    }  # fmt: skip


def _pytorch_grad_cam(net: Split, x: torch.Tensor, index: int) -> Works:
    if importlib.util.find_spec("pytorch_grad_cam") is None:
        return {}
    import_torchvision()
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    cam = GradCAM(model=net, target_layers=[net.last])
    targets = [ClassifierOutputTarget(index)] * len(x)
    return {"pytorch-grad-cam": lambda: cam(input_tensor=x, targets=targets)}


def measured(works: Works, *, quick: bool) -> str:
    """Cells of one row."""
    for one in works.values():
        one()  # the first run prepares
    started, taken = time.perf_counter(), list[dict[str, float]]()
    while len(taken) < FEWEST or (
        not quick and len(taken) < MOST and time.perf_counter() - started < ROW_SECONDS
    ):
        taken.append({who: seconds(w) for who, w in works.items()})
    cells = [spread([1000 * t[c] for t in taken], 1) if c in works else "" for c in COLUMNS]
    against = ["pytorch", "captum"]
    ratios = [spread([t["onnx"] / t[c] for t in taken]) for c in against]
    if "forward" in works:
        ratios.append(spread([t["onnx"] / t["forward"] for t in taken]))
    return " | ".join([*cells, *ratios, *[""] * (3 - len(ratios))])


def table(*, quick: bool) -> Iterator[str]:
    """Lines of the table of methods."""
    head = ("network", "method", "batch", "threads", *COLUMNS)
    ratios = ("onnx / pytorch", "onnx / captum", "onnx / forward")
    yield f"| {' | '.join((*head, *ratios))} |"
    yield "|---" * (len(head) + len(ratios)) + "|"
    with tempfile.TemporaryDirectory() as folder:
        for name, make in NETWORKS.items():
            (file, net), (_, other) = make(Path(folder)), make(Path(folder))
            spaced = other.spaced()
            for threads in (1,) if quick else (1, 2):
                for batch in (1,) if quick else (1, 16):
                    for method, works in rows(file, net, spaced, batch, threads):
                        cells = measured(works, quick=quick)
                        yield f"| {name} | {method} | {batch} | {threads} | {cells} |"


def cold() -> Iterator[str]:
    """Lines of the table of fresh processes, of code that was compiled before."""
    environment = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    yield "| `explain -m grad-cam` in a fresh process | seconds |"
    yield "|---|---|"
    for engine in ("onnxruntime", "pytorch"):
        with tempfile.TemporaryDirectory() as folder:
            call = [sys.executable, "-m", "onnxplain", "explain", str(LITE0), str(CAT), "-q",
                    "-m", "grad-cam", "--engine", engine, "-o", folder]  # fmt: skip
            taken = [
                seconds(
                    lambda call=call: subprocess.run(call, check=True, cwd=ROOT, env=environment)
                )
                for _ in range(4)
            ]
        yield f"| `--engine {engine}` | {spread(taken[1:], 1)} |"


def main() -> None:
    """Print the tables, and put them into the page if asked to."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="3 rounds, one thread, batch 1")
    parser.add_argument("--write", action="store_true", help="put the tables into docs/engines.md")
    options = parser.parse_args()
    lines = []
    for row in itertools.chain([machine(), ""], cold(), [""], table(quick=options.quick)):
        print(row, flush=True)
        lines.append(row)
    if options.write:
        text = PAGE.read_text("utf-8")
        before, rest = text.split(START)
        _, after = rest.split(END)
        PAGE.write_text("\n".join([before + START, "", *lines, "", END + after]), "utf-8")


if __name__ == "__main__":
    main()
