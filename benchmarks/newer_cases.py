"""Cases of ``python -m benchmarks.newer_methods``: a method here, and another code of it."""

from __future__ import annotations

import importlib.util
import tempfile
import types
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import torch
from PIL import Image

from benchmarks.newer_agreement import close, concepts, order, same_channels, shares
from benchmarks.peers import NETWORKS, SIDE
from onnxplain.features.concepts.craft import craft
from onnxplain.features.concepts.crp import concept_relevance
from onnxplain.features.concepts.tcav import tcav
from onnxplain.inputs.dataset import Sample
from onnxplain.model.load import load

STEPS, BATCH, CHANNELS, CONCEPTS, DESIGNS, GRID, MASKS = 16, 16, 5, 4, 8, 7, 256
# Of a concept, of each random set, and of the class.
PICTURES, RANDOM_SETS = 8, 5
REGIONS = 16
Work = Callable[[], Any]


@dataclass(frozen=True)
class Case:
    """Two pieces of work that compute the same, or nearly so.

    Attributes
    ----------
    beside : str
        Whose code the other one is.
    theirs, ours : callable
        The work.
    alike : callable
        ``alike(their result, our result)`` says in a few words how far both agree.
    """

    beside: str
    theirs: Work
    ours: Work
    alike: Callable[[Any, Any], str]


class Setting:
    """A network in both forms, and random pictures in a folder."""

    def __init__(self, folder: Path, smdl: Path) -> None:
        from nets import export  # tests' helper, on the path since benchmarks.peers

        self.smdl = smdl
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


def guided_ig(on: Setting) -> Case:
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
    return Case("saliency (the authors)", theirs, on.explain("guided-ig", steps=STEPS), close)


def blur_ig(on: Setting) -> Case:
    """The authors' algorithm; both blur up to the same width, in as many steps and batches."""
    from saliency.core import BlurIG

    x = np.moveaxis(on.picture.x[0], 0, -1).astype(np.float64)
    theirs = partial(BlurIG().GetMask, x, on.slopes, max_sigma=50, steps=STEPS, batch_size=BATCH)
    ours = on.explain("blur-ig", steps=STEPS, max_steps=STEPS, max_sigma=50.0)
    return Case("saliency (the authors)", theirs, ours, close)


def crp(on: Setting) -> Case:
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
        found = attribution(leaf, asked, composite).heatmap
        return [int(k) for k in shares.abs().topk(CHANNELS)[1]], found.detach().numpy()

    ours = partial(
        concept_relevance, on.model, on.picture, on.layer, target=on.target, count=CHANNELS,
        composite="epsilon-plus",
    )  # fmt: skip
    return Case("zennit-crp (the authors)", theirs, ours, same_channels)


def tcav_test(on: Setting) -> Case:
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
    return Case("captum", theirs, ours, shares)


def sampled(on: Setting, attribution: Any, method: str, **parameters: Any) -> Case:
    """A method of xplique on the same network in PyTorch; zero in the input's units is black.

    Random masks are drawn by each side for itself.
    """
    kept = {"regions": GRID**2, "fill_with": "0", **parameters}
    x = np.moveaxis(on.picture.x, 1, -1)
    one_hot = np.eye(len(on.prediction.scores), dtype=np.float32)[[on.index]]

    def theirs() -> Any:
        return np.asarray(attribution(x, one_hot))[0, ..., 0]

    return Case("xplique (the authors)", theirs, on.explain(method, **kept), close)


def wrapped(on: Setting) -> Any:
    """The PyTorch network as xplique takes it."""
    import tensorflow as tf
    from xplique.wrappers import TorchWrapper

    tf.config.threading.set_intra_op_parallelism_threads(1)
    tf.config.threading.set_inter_op_parallelism_threads(1)
    return TorchWrapper(on.made.net, "cpu", requires_grad=False)


def sobol(on: Setting) -> Case:
    """Both draw as many points, and each runs all regions of a point."""
    from xplique.attributions import SobolAttributionMethod

    attribution = SobolAttributionMethod(
        wrapped(on), GRID, nb_design=DESIGNS, batch_size=BATCH, perturbation_function="amplitude"
    )
    return sampled(on, attribution, "sobol", samples=DESIGNS)


def hsic(on: Setting) -> Case:
    """Both draw as many masks."""
    from xplique.attributions import HsicAttributionMethod

    attribution = HsicAttributionMethod(
        wrapped(on), GRID, nb_design=MASKS, batch_size=BATCH, perturbation_function="amplitude"
    )
    return sampled(on, attribution, "hsic", samples=MASKS)


def craft_concepts(on: Setting) -> Case:
    """The authors' package for PyTorch: nine crops of each picture, and as many designs."""
    from craft.craft_torch import Craft

    own, parts = on.samples[:PICTURES], list(on.made.net.children())
    before = torch.nn.Sequential(*parts[:-2])
    head = torch.nn.Sequential(torch.nn.Flatten(), parts[-1])
    inputs = on.read(own)

    def theirs() -> Any:
        found = Craft(before, head, CONCEPTS, BATCH, patch_size=round(SIDE / 3), device="cpu")
        _, _, basis = found.fit(inputs)
        with torch.no_grad():
            pooled = before(inputs).mean((2, 3))
        found.transform = lambda _: found.reducer.transform(pooled.numpy())
        found.estimate_importance(inputs, on.index, DESIGNS)
        return basis

    ours = partial(
        craft, on.model, own, on.target, on.layer, concepts=CONCEPTS, crop=1 / 3, designs=DESIGNS
    )
    return Case("craft-xai (the authors)", theirs, ours, concepts)


def region_search(on: Setting) -> Case:
    """The authors' checkout without its two terms that need features of another network."""
    file = on.smdl / "models/submodular_vit_torch.py"
    spec = importlib.util.spec_from_file_location("smdl", file)
    if spec is None or spec.loader is None:
        raise FileNotFoundError(file)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    asked = {"segments": "grid", "regions": REGIONS}
    first = on.model.explain(
        on.picture, "region-search", on.index, prediction=on.prediction, **asked
    )
    labels, pixels = first.maps["regions"], on.picture.pixels
    parts = [pixels * (labels == k)[..., None].astype(np.uint8) for k in range(labels.max() + 1)]

    def encode(image: Any) -> torch.Tensor:
        return torch.from_numpy(on.model.preprocess.encode(image[None]))[0]

    classes = torch.eye(len(on.prediction.scores))
    search = module.MultiModalSubModularExplanation(
        on.made.net, classes, encode, k=len(parts), lambda1=0.0, lambda2=0.0, device="cpu"
    )

    def theirs() -> Any:
        with torch.no_grad():
            _, found, _ = search(np.stack(parts), on.index)
        return [next(k for k, p in enumerate(parts) if (p == part).all()) for part in found]

    ours = partial(
        on.model.explain, on.picture, "region-search", on.index, prediction=on.prediction, **asked
    )
    return Case("the authors' repository", theirs, ours, order)


CASES: dict[str, tuple[str, Callable[[Setting], Case]]] = {
    "guided-ig": ("saliency", guided_ig),
    "blur-ig": ("saliency", blur_ig),
    "sobol": ("xplique", sobol),
    "hsic": ("xplique", hsic),
    "crp": ("crp", crp),
    "tcav": ("captum", tcav_test),
    "craft": ("craft", craft_concepts),
    "region-search": ("cv2", region_search),
}
