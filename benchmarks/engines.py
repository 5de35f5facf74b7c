"""Time of gradient methods by engine, against other libraries and ONNX Runtime's forward pass.

EfficientNet-Lite0, batch 1 and 16, one and two threads. ``onnx`` and ``pytorch`` are the two
engines of this library on the file; ``captum``, ``pytorch-grad-cam`` (if installed) and
``channels-last`` (plain autograd) run the original network. All of a row take turns; medians in
milliseconds with the smallest and largest.

    pip install -c constraints.txt -e '.[test]'
    pip install --no-deps grad-cam ttach
    python benchmarks/engines.py [--quick] [--rounds 15]
"""

from __future__ import annotations

import argparse
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from originals import CAT, LITE0, lite0_exactly  # noqa: E402

import onnxplain.network.context  # noqa: E402
from benchmarks.gradients import WithLast  # noqa: E402
from benchmarks.timing import seconds, spread  # noqa: E402

STEPS = 16
Works = dict[str, Callable[[], object]]


def engines(batch: int, threads: int) -> dict[str, tuple[Any, Any, Any, Any]]:
    """Both engines' contexts, with a batch of pictures and a target."""
    found = {}
    for name, asked in (("onnx", "onnxruntime"), ("pytorch", "pytorch")):
        model = onnxplain.load(LITE0, batch_size=max(batch, STEPS), threads=threads, engine=asked)
        picture = model.read(CAT)
        target = model.target(None, model.predict(picture))
        context = onnxplain.network.context.Context(model.network, model.preprocess)
        found[name] = model, context, np.repeat(picture.x, batch, axis=0), target
    return found


def rows(batch: int, threads: int) -> dict[str, Works]:
    """The pieces of work of each method."""
    import captum.attr as captum

    torch.set_num_threads(threads)
    net = WithLast(lite0_exactly().float()).eval().requires_grad_(False)
    last = WithLast(lite0_exactly().float()).eval().requires_grad_(False)
    last = last.to(memory_format=torch.channels_last)
    ours = engines(batch, threads)
    model, _, x, target = ours["onnx"]
    index, tensor = target.index, torch.from_numpy(x)
    spaced = tensor.contiguous(memory_format=torch.channels_last)
    black = torch.from_numpy(np.broadcast_to(model.preprocess.bounds()[0], x.shape).copy())

    def autograd() -> object:
        leaf = spaced.detach().requires_grad_()
        return torch.autograd.grad(last(leaf)[:, index].sum(), leaf)

    def work(name: str, **parameters: object) -> Works:
        function = onnxplain.methods.find(name).function
        return {
            engine: lambda c=c, x=x, t=t: function(c, x, t, **parameters)
            for engine, (_, c, x, t) in ours.items()
        }

    forward = {"forward": lambda: model.network.ort.activations(x, target.tensors)}
    leaf = tensor.clone().requires_grad_()
    found = {
        "gradient": {
            **forward,
            **work("gradient"),
            "captum": lambda: captum.Saliency(net).attribute(leaf, target=index, abs=False),
            "channels-last": autograd,
        },
        "grad-cam": {
            **forward,
            **work("grad-cam"),
            "captum": lambda: captum.LayerGradCam(net, net.last).attribute(tensor, target=index),
            **_pytorch_grad_cam(net, tensor, index),
        },
    }
    if batch > 1:
        return found
    found["integrated-gradients"] = {
        **work("integrated-gradients", steps=STEPS, max_steps=STEPS),
        "captum": lambda: captum.IntegratedGradients(net).attribute(
            tensor, black, target=index, n_steps=STEPS, method="gausslegendre"
        ),
    }
    found["smoothgrad"] = {
        **work("smoothgrad", samples=STEPS),
        "captum": lambda: captum.NoiseTunnel(captum.Saliency(net)).attribute(
            leaf, nt_type="smoothgrad", nt_samples=STEPS, nt_samples_batch_size=STEPS,
            stdevs=0.15 * float(np.ptp(x)), target=index, abs=False,
        ),
    }  # fmt: skip
    return found


def _pytorch_grad_cam(net: torch.nn.Module, x: torch.Tensor, index: int) -> Works:
    if importlib.util.find_spec("pytorch_grad_cam") is None:
        return {}
    from pytorch_grad_cam import GradCAM
    from pytorch_grad_cam.utils.model_targets import ClassifierOutputTarget

    cam = GradCAM(model=net, target_layers=[net.last])
    targets = [ClassifierOutputTarget(index)] * len(x)
    return {"pytorch-grad-cam": lambda: cam(input_tensor=x, targets=targets)}


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--quick", action="store_true", help="3 rounds, one thread, batch 1")
    options = parser.parse_args()
    rounds = 3 if options.quick else options.rounds
    columns = ("forward", "onnx", "pytorch", "captum", "pytorch-grad-cam", "channels-last")
    print("| method | batch | threads |", " | ".join(columns), "| pytorch / onnx |")
    print("|---" * (len(columns) + 4) + "|")
    for threads in (1,) if options.quick else (1, 2):
        for batch in (1,) if options.quick else (1, 16):
            for name, works in rows(batch, threads).items():
                for one in works.values():
                    one()  # the first run prepares
                taken = [{who: seconds(w) for who, w in works.items()} for _ in range(rounds)]
                cells = [
                    spread([1000 * t[c] for t in taken], 1) if c in works else "" for c in columns
                ]
                ratio = spread([t["pytorch"] / t["onnx"] for t in taken])
                print(f"| {name} | {batch} | {threads} |", " | ".join(cells), f"| {ratio} |")


if __name__ == "__main__":
    main()
