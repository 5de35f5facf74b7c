"""Time of relevance propagation as a multiple of one forward and backward pass, next to zennit.

Ours explains the ONNX file, zennit the original PyTorch network of the same weights, and the floor
is one forward and backward pass of that network. Each round times floor, then ours and zennit in
turn, twice; the medians of the rounds' ratios are printed, with the smallest and largest. ``walk``
is the propagation alone, on tensors, as zennit's is; ``lrp`` is the whole method with its record.
Peak memory (Linux) is what one run adds in a process of its own for each library.

    pip install -c constraints.txt -e '.[test]'
    python -m benchmarks.relevance [--rounds 5] [--threads 1] [--nets resnet vgg lite0] [--write]
"""

from __future__ import annotations

import argparse
import multiprocessing
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "tests"), str(ROOT / "tests/relevance")]

from onnxplain.convert.torchvision_guard import import_torchvision  # noqa: E402

import_torchvision()  # zennit imports torchvision, which may not fit this torch

import nets  # noqa: E402
from engines import relevance  # noqa: E402
from originals import CAT, LITE0, lite0_exactly  # noqa: E402
from test_zennit import COMPOSITES, MeanHead, StackedSum  # noqa: E402
from zennit.attribution import Gradient  # noqa: E402
from zennit.canonizers import SequentialMergeBatchNorm  # noqa: E402

import onnxplain  # noqa: E402
import onnxplain.network.context  # noqa: E402
from benchmarks.page import show_rows  # noqa: E402
from benchmarks.timing import added_mebibytes, seconds, spread  # noqa: E402
from onnxplain.relevance.composites import composite as composite_named  # noqa: E402

SIDE = 224
COLUMNS = ("network, composite", "PyTorch, rules alone", "`lrp` with its record", "zennit",
           "rules alone over zennit", "`lrp` over zennit")  # fmt: skip


class Residual(nn.Module):
    """Two convolutions and a shortcut of ResNet18, with the addition that zennit needs."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()

        def conv(i: int, o: int, k: int, s: int) -> list[nn.Module]:
            return [nn.Conv2d(i, o, k, s, k // 2, bias=False), nn.BatchNorm2d(o)]

        self.body = nn.Sequential(
            *conv(inputs, outputs, 3, stride), nn.ReLU(), *conv(outputs, outputs, 3, 1)
        )
        same = stride == 1 and inputs == outputs
        self.shortcut = nn.Sequential(*([] if same else conv(inputs, outputs, 1, stride)))
        self.add, self.relu = StackedSum(), nn.ReLU()

    def forward(self, x: Tensor) -> Tensor:
        return self.relu(self.add(self.body(x), self.shortcut(x)))


def resnet18() -> nn.Module:
    widths = [(64, 64, 1), (64, 64, 1), (64, 128, 2), (128, 128, 1)]
    widths += [(128, 256, 2), (256, 256, 1), (256, 512, 2), (512, 512, 1)]
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(),
        nn.MaxPool2d(3, 2, 1), *(Residual(*w) for w in widths),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 1000),
    )  # fmt: skip


def vgg11() -> nn.Module:
    layers: list[nn.Module] = []
    width = 3
    for step in (64, "pool", 128, "pool", 256, 256, "pool", 512, 512, "pool", 512, 512, "pool"):
        if step == "pool":
            layers.append(nn.MaxPool2d(2))
            continue
        layers += [nn.Conv2d(width, int(step), 3, padding=1), nn.ReLU()]
        width = int(step)
    head = [nn.Flatten(), nn.Linear(512 * 49, 1024), nn.ReLU(), nn.Linear(1024, 1000)]
    return nn.Sequential(*layers, *head)


def opened(name: str) -> tuple[nn.Module, onnxplain.Model, np.ndarray]:
    """The original network, its ONNX file opened by onnxplain, and a picture."""
    if name == "lite0":
        model = onnxplain.load(LITE0)
        return MeanHead(lite0_exactly()).float().eval(), model, model.read(CAT).x
    torch.manual_seed(0)
    x = torch.rand(4, 3, SIDE, SIDE) * 2 - 1
    net = nets.trained_like({"resnet": resnet18, "vgg": vgg11}[name](), x)
    proto = nets.export(net, x[:1])
    model = onnxplain.load(proto, preprocess="minus-one-one")
    return net, model, x[:1].numpy()


def works(name: str, composite: str) -> dict[str, Callable[[], object]]:
    """Floor, propagation alone, whole method, and zennit, as functions without arguments."""
    net, model, x = opened(name)
    net.requires_grad_(False)
    image = torch.from_numpy(x)
    prediction = model.predict(model.read(CAT) if name == "lite0" else x)
    target = model.target(None, prediction)
    context = onnxplain.network.context.Context(model.network, model.preprocess)
    rules = composite_named(composite).within(model.preprocess.bounds())
    lrp = onnxplain.methods.find("lrp").function
    seed = torch.eye(target.classes)[[target.index]]

    def floor() -> object:
        leaf = image.clone().requires_grad_()
        return torch.autograd.grad(net(leaf)[:, target.index].sum(), leaf)

    def zennit() -> object:
        rule = COMPOSITES[composite](canonizers=[SequentialMergeBatchNorm()])
        with Gradient(net, rule) as attributor:
            return attributor(image, seed)

    return {
        "floor": floor,
        "walk": lambda: relevance(model.network.torch, x, target, rules, ["image"]),
        "lrp": lambda: lrp(context, x, target, composite=composite),
        "zennit": zennit,
    }


def peak_mebibytes(name: str, composite: str, which: str) -> float:
    """Memory that one propagation adds, measured in a fresh process."""
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_peak, (name, composite, which))


def _peak(name: str, composite: str, which: str) -> float:
    work = works(name, composite)[which]
    work()  # the first run prepares
    return added_mebibytes(work)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--nets", nargs="+", default=["resnet", "vgg", "lite0"])
    parser.add_argument("--composites", nargs="+", default=list(COMPOSITES))
    parser.add_argument("--memory", action="store_true", help="also measure peak memory")
    parser.add_argument("--write", action="store_true", help="put the table into the page")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    rows = []
    for name in options.nets:
        for composite in options.composites:
            todo = works(name, composite)
            for work in todo.values():
                work()  # the first run prepares
            ratios: dict[str, list[float]] = {k: [] for k in ("walk", "lrp", "zennit")}
            for _ in range(options.rounds):
                floor = seconds(todo["floor"])
                rounds = [{k: seconds(todo[k]) for k in ratios} for _ in "AB"]
                for k in ratios:
                    ratios[k].append((rounds[0][k] + rounds[1][k]) / 2 / floor)
            beside = [
                [own / their for own, their in zip(ratios[k], ratios["zennit"], strict=True)]
                for k in ("walk", "lrp")
            ]
            rows.append([f"{name}, {composite}", *map(spread, [*ratios.values(), *beside])])
            if options.memory:
                ours, theirs = (peak_mebibytes(name, composite, k) for k in ("walk", "zennit"))
                print(f"{rows[-1][0]}: peak {ours:.0f} MiB, zennit {theirs:.0f} MiB")
    show_rows("relevance", COLUMNS, rows, write=options.write)


if __name__ == "__main__":
    main()
