"""The newer methods and views beside their authors' code, or bare passes where none installs.

Ours explains the ONNX file as a user calls it; the others explain the original PyTorch network of
torchvision, with random weights. Both sides take turns on one thread; the time is that of the
processor. Printed is theirs over ours: above one, ours takes less. A library that is not installed
leaves its row out.

    pip install -c constraints.txt -e '.[test]' torchvision
    pip install --no-deps saliency zennit-crp
    python -m benchmarks.newer_methods [--only guided-ig,...] [--rounds 3] [--write]
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import tempfile
import types
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

# One thread is one thread, also within products of NumPy, which reads this as it is loaded.
os.environ["OPENBLAS_NUM_THREADS"] = "1"

import numpy as np
import onnx
import onnxruntime as ort
import torch
from PIL import Image

from benchmarks.page import put_rows
from benchmarks.peers import NETWORKS, SIDE
from benchmarks.timing import in_turns, spread
from onnxplain.convert.torchvision_guard import import_torchvision
from onnxplain.features.concepts.craft import craft, crops_of
from onnxplain.features.concepts.crp import concept_relevance
from onnxplain.features.concepts.tcav import tcav
from onnxplain.inputs.dataset import Sample
from onnxplain.model.load import load

STEPS, BATCH, CHANNELS, CONCEPTS, DESIGNS = 16, 16, 5, 4, 4
# Of a concept, of each random set, and of the class.
PICTURES, RANDOM_SETS = 8, 5
COLUMNS = ("method", "beside", "theirs over ours", "ours, s")
Work = Callable[[], object]


class Setting:
    """A network in both forms, and random pictures in a folder."""

    def __init__(self, folder: Path) -> None:
        from nets import export  # tests' helper, on the path since benchmarks.peers

        torch.manual_seed(0)
        self.made = NETWORKS["resnet18"]()
        file = folder / "resnet18.onnx"
        onnx.save(export(self.made.net, torch.rand(1, 3, SIDE, SIDE)), file)
        self.model = load(
            file, preprocess="imagenet-torch", device="cpu", threads=1, scores="logits"
        )
        rng = np.random.default_rng(0)
        self.samples = []
        for k in range(PICTURES * (RANDOM_SETS + 2)):
            coarse = Image.fromarray(rng.integers(0, 255, (14, 14, 3), np.uint8))
            path = folder / f"{k:03d}.png"
            coarse.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(path)
            self.samples.append(Sample(path.name, path, None))
        self.picture = self.model.read(self.samples[0].path)
        self.prediction = self.model.predict(self.picture)
        self.index = int(self.prediction.order(1)[0])
        self.target = self.model.target(self.index, self.prediction, kind="logit")
        self.layer = self.model.network.layer(None).name
        options = ort.SessionOptions()
        options.intra_op_num_threads = 1
        self.session = ort.InferenceSession(file, options, providers=["CPUExecutionProvider"])

    def explain(self, method: str, **parameters: Any) -> Work:
        return partial(
            self.model.explain, self.picture, method, self.index,
            prediction=self.prediction, kind="logit", **parameters,
        )  # fmt: skip

    def slopes(self, values: np.ndarray, call_model_args: object, expected_keys: object) -> Any:
        """What the package saliency asks of a network; pictures are (N, H, W, C)."""
        from saliency.core import INPUT_OUTPUT_GRADIENTS

        x = torch.from_numpy(np.moveaxis(values, -1, 1)).float().requires_grad_()
        (found,) = torch.autograd.grad(self.made.net(x)[:, self.index].sum(), x)
        return {INPUT_OUTPUT_GRADIENTS: np.moveaxis(found.numpy(), 1, -1)}

    def read(self, samples: list[Sample]) -> torch.Tensor:
        return torch.from_numpy(np.concatenate([self.model.read(s.path).x for s in samples]))


def guided_ig(on: Setting) -> tuple[str, Work, Work]:
    """The authors' algorithm in NumPy, with gradients from PyTorch.

    It calls a quantile by a word that NumPy has dropped since; the same call by the new word.
    """
    import saliency.core.guided_ig as module
    from saliency.core import GuidedIG

    def quantile(values: np.ndarray, share: float, interpolation: Any) -> Any:
        return np.quantile(values, share, method=interpolation)

    module.np = types.SimpleNamespace(**{**vars(np), "quantile": quantile})

    x = np.moveaxis(on.picture.x[0], 0, -1).astype(np.float64)
    black = np.broadcast_to(np.ravel(on.model.preprocess.bounds()[0]), x.shape)
    theirs = partial(GuidedIG().GetMask, x, on.slopes, x_baseline=black, x_steps=STEPS)
    return "saliency (the authors)", theirs, on.explain("guided-ig", steps=STEPS)


def blur_ig(on: Setting) -> tuple[str, Work, Work]:
    """The authors' algorithm; both blur up to the same width, in as many steps and batches."""
    from saliency.core import BlurIG

    x = np.moveaxis(on.picture.x[0], 0, -1).astype(np.float64)
    theirs = partial(BlurIG().GetMask, x, on.slopes, max_sigma=50, steps=STEPS, batch_size=BATCH)
    ours = on.explain("blur-ig", steps=STEPS, max_steps=STEPS, max_sigma=50.0)
    return "saliency (the authors)", theirs, ours


def crp(on: Setting) -> tuple[str, Work, Work]:
    """Relevance of all channels of the last layer, and maps of the strongest few."""
    from crp.attribution import CondAttribution
    from crp.concepts import ChannelConcept
    from zennit.composites import EpsilonPlus
    from zennit.torchvision import ResNetCanonizer

    x, attribution = torch.from_numpy(on.picture.x), CondAttribution(on.made.net)

    def theirs() -> object:
        composite, leaf = EpsilonPlus(canonizers=[ResNetCanonizer()]), x.clone().requires_grad_()
        first = attribution(leaf, [{"y": [on.index]}], composite, record_layer=["layer4"])
        shares = ChannelConcept().attribute(first.relevances["layer4"])[0]
        asked = [{"y": [on.index], "layer4": [int(k)]} for k in shares.abs().topk(CHANNELS)[1]]
        return attribution(leaf, asked, composite).heatmap

    ours = partial(
        concept_relevance, on.model, on.picture, on.layer, target=on.target, count=CHANNELS,
        composite="epsilon-plus",
    )  # fmt: skip
    return "zennit-crp (the authors)", theirs, ours


def tcav_test(on: Setting) -> tuple[str, Work, Work]:
    """One concept against a few random sets; captum keeps activations in files."""
    from captum.concept import TCAV, Concept

    sets = [on.samples[k : k + PICTURES] for k in range(0, len(on.samples), PICTURES)]
    shown, own, random = sets[0], sets[1], sets[2:]
    inputs, names = on.read(own), [f"set {k}" for k in range(len(random))]

    def theirs() -> object:
        held = [
            Concept(k, name, torch.utils.data.DataLoader(on.read(part), batch_size=PICTURES))
            for k, (name, part) in enumerate(zip(["shown", *names], [shown, *random], strict=True))
        ]
        with tempfile.TemporaryDirectory() as kept:
            test = TCAV(on.made.net, ["layer4"], save_path=kept)
            pairs = [[held[0], other] for other in held[1:]]
            return test.interpret(inputs, pairs, target=on.index)

    ours = partial(
        tcav, on.model, {"shown": shown}, [s for part in random for s in part],
        {on.target: own}, on.layer, runs=RANDOM_SETS, size=PICTURES,
    )  # fmt: skip
    return "captum", theirs, ours


def passes(on: Setting, count: int) -> Work:
    """As many forward passes as a method needs, in ready batches: the floor."""
    batch = np.repeat(on.picture.x, BATCH, axis=0)
    name = on.session.get_inputs()[0].name
    return lambda: [on.session.run(None, {name: batch}) for _ in range(-(-count // BATCH))]


def sobol(on: Setting) -> tuple[str, Work, Work]:
    """Their package needs TensorFlow: bare passes of ONNX Runtime in its place."""
    return "bare passes", passes(on, 4 * (15 + 1)), on.explain("sobol", samples=4, regions=15)


def hsic(on: Setting) -> tuple[str, Work, Work]:
    """Their package needs TensorFlow: bare passes of ONNX Runtime in its place."""
    return "bare passes", passes(on, 64), on.explain("hsic", samples=64, regions=49)


def craft_concepts(on: Setting) -> tuple[str, Work, Work]:
    """Their package needs TensorFlow: bare passes of as many crops in its place."""
    own, share = on.samples[:PICTURES], 1 / 3
    crops = PICTURES * len(crops_of((SIDE, SIDE), share))
    ours = partial(
        craft, on.model, own, on.target, on.layer, concepts=CONCEPTS, crop=share, designs=DESIGNS
    )
    return "bare passes", passes(on, crops), ours


CASES: dict[str, tuple[str | None, Callable[[Setting], tuple[str, Work, Work]]]] = {
    "guided-ig": ("saliency", guided_ig),
    "blur-ig": ("saliency", blur_ig),
    "sobol": (None, sobol),
    "hsic": (None, hsic),
    "crp": ("crp", crp),
    "tcav": ("captum", tcav_test),
    "craft": (None, craft_concepts),
}


def main() -> None:
    """Print a row for each method."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", default=",".join(CASES), help="cases, separated by commas")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--write", action="store_true", help="put the rows into the page")
    options = parser.parse_args()
    names = options.only.split(",")
    if unknown := set(names) - set(CASES):
        parser.error(f"no case {min(unknown)!r}; known: {', '.join(CASES)}")
    import_torchvision()
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as folder:
        on = Setting(Path(folder))
        for name in names:
            library, case = CASES[name]
            if library is not None and importlib.util.find_spec(library) is None:
                print(f"{name}: {library} is not installed")
                continue
            beside, theirs, ours = case(on)
            pairs = in_turns(theirs, ours, options.rounds, "cpu")
            ratios, own = spread([t / o for t, o in pairs]), spread([o for _, o in pairs])
            row = [name, beside, ratios, own]
            print(" | ".join(row), flush=True)
            if options.write:
                put_rows("newer-methods", COLUMNS, [row])


if __name__ == "__main__":
    main()
