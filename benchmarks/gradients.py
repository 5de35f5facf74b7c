"""Time of gradient methods as a ratio to Captum and to the floor, in one run.

The floor is what cannot be saved: as many forward and backward passes of the original PyTorch
network as the method needs, in the same batches. Captum explains the original network, ours the
ONNX file of the same weights. Each round times all three one after the other; the median of the
rounds' ratios is printed, with the smallest and largest. Peak memory is what
one run adds in a process of its own: ours, Captum's, the floor's.

    pip install -c constraints.txt -e '.[test]'
    python benchmarks/gradients.py [--rounds 5] [--steps 50]
"""

from __future__ import annotations

import argparse
import statistics
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]

from originals import CAT, LITE0, lite0_exactly  # noqa: E402

import onnxplain.network.context  # noqa: E402
from benchmarks.timing import added_mebibytes, seconds, spread  # noqa: E402
from onnxplain.convert.torchvision_guard import import_torchvision  # noqa: E402

BATCH = 16


class WithLast(torch.nn.Module):
    """The original network with a module at its last feature map, for Captum to hook."""

    def __init__(self, net: torch.nn.Module) -> None:
        super().__init__()
        self.net, self.last = net, torch.nn.ReLU6()

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        net = self.net
        x = torch.nn.functional.relu6(net._bn0(net._conv_stem(image)))
        for block in net._blocks:
            x = block(x)
        return net._fc(self.last(net._bn1(net._conv_head(x))).mean((2, 3)))


def passes(net: torch.nn.Module, x: torch.Tensor, count: int, target: int) -> None:
    """Run `count` forward and backward passes, in batches."""
    for start in range(0, count, BATCH):
        size = min(BATCH, count - start)
        leaf = x.expand(size, -1, -1, -1).clone().requires_grad_()
        torch.autograd.grad(net(leaf)[:, target].sum(), leaf)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=50)
    parser.add_argument("--peak", nargs=2, metavar=("METHOD", "WHO"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    import_torchvision()
    import captum.attr as captum

    net = WithLast(lite0_exactly().float()).eval().requires_grad_(False)
    model = onnxplain.load(LITE0, batch_size=BATCH)
    picture = model.read(CAT)
    prediction = model.predict(picture)
    target = model.target(None, prediction)
    context = onnxplain.network.context.Context(model.network, model.preprocess)
    x = torch.from_numpy(picture.x)
    black = torch.from_numpy(np.broadcast_to(model.preprocess.bounds()[0], x.shape).copy())
    steps = options.steps
    noise = 0.15 * float(np.ptp(picture.x))

    def ours(name: str, **parameters: object) -> Callable[[], object]:
        function = onnxplain.methods.find(name).function
        return lambda: function(context, picture.x, target, **parameters)

    cases = {
        "integrated-gradients": (
            steps,
            ours("integrated-gradients", steps=steps, max_steps=steps),
            lambda: captum.IntegratedGradients(net).attribute(
                x,
                black,
                target=target.index,
                n_steps=steps,
                method="gausslegendre",
                internal_batch_size=BATCH,
                return_convergence_delta=True,
            ),
        ),
        "smoothgrad": (
            steps,
            ours("smoothgrad", samples=steps),
            lambda: captum.NoiseTunnel(captum.Saliency(net)).attribute(
                x.clone().requires_grad_(),
                nt_type="smoothgrad",
                nt_samples=steps,
                nt_samples_batch_size=BATCH,
                stdevs=noise,
                target=target.index,
                abs=False,
            ),
        ),
        "grad-cam": (
            1,
            ours("grad-cam"),
            lambda: captum.LayerGradCam(net, net.last).attribute(x, target=target.index),
        ),
    }
    works = {
        name: {
            "floor": lambda n=count: passes(net, x, n, target.index),
            "ours": our,
            "captum": their,
        }
        for name, (count, our, their) in cases.items()
    }
    if options.peak:
        name, who = options.peak
        _ = model.network.torch  # opening the model is no part of the method
        print(added_mebibytes(works[name][who]))
        return
    print(
        f"{'method':22}{'to the floor':>24}{'to Captum':>24}{'seconds':>10}"
        f"{'peak MiB: ours, Captum, floor':>32}"
    )
    for name, work in works.items():
        for one in work.values():
            one()  # warm up
        rounds = [{who: seconds(one) for who, one in work.items()} for _ in range(options.rounds)]
        peaks = ", ".join(f"{_peak(name, who, steps):.0f}" for who in ("ours", "captum", "floor"))
        print(
            f"{name:22}{spread([r['ours'] / r['floor'] for r in rounds]):>24}"
            f"{spread([r['ours'] / r['captum'] for r in rounds]):>24}"
            f"{statistics.median(r['ours'] for r in rounds):>10.2f}{peaks:>32}"
        )


def _peak(name: str, who: str, steps: int) -> float:
    """MiB that one piece of work adds at its largest, in a process of its own (Linux)."""
    command = [sys.executable, __file__, "--steps", str(steps), "--peak", name, who]
    return float(subprocess.run(command, capture_output=True, check=True, text=True).stdout)


if __name__ == "__main__":
    main()
