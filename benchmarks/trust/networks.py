"""Networks with pictures of which a method is chosen, and others that are judged."""

import itertools
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from PIL import Image

import onnxplain
from benchmarks.evaluation import as_files
from benchmarks.shortcuts.planted import PREPROCESS, Recipe, draw, trained, write
from models.build.digits_data import LABELS, load_splits
from models.build.scenes import FIRST_TEST_SEED, STAR, scene
from onnxplain.evaluate.built_in import flower_samples
from onnxplain.inputs.dataset import Sample, read_dataset
from onnxplain.model.model import Model

# Seeds that nothing was tuned on: of the choice, and of the pictures judged.
CHOICE, JUDGED = 51, 52
# Pictures of a choice.
FIRST = 20
# Of the classifiers with a planted shortcut, and of scenes behind those of other benchmarks.
_PLANTED = {"planted-gap": 510, "planted-dense": 511}
_SCENES = FIRST_TEST_SEED + 500_000
NETWORKS = ("digits-gap", *_PLANTED, "flowers-gap", "flowers-fc", "scenes-detector")


@dataclass(frozen=True)
class Split:
    """A network, pictures of its choice, and pictures that are judged.

    Attributes
    ----------
    model : Model
        The network.
    first, judged : sequence of Sample
        The pictures.
    recipe : Recipe, optional
        How a shortcut was planted.
    target : str, optional
        What is explained, if not the prediction.
    """

    model: Model
    first: Sequence[Sample]
    judged: Sequence[Sample]
    recipe: Recipe | None = None
    target: str | None = None


@contextmanager
def opened(name: str, count: int) -> Iterator[Split]:
    """Open a network with its pictures, so many of which are judged."""
    if name in _PLANTED:
        with tempfile.TemporaryDirectory() as folder:
            yield _planted(name, Path(folder), count)
        return
    model = onnxplain.load(f"models/{name}.onnx")
    if name.startswith("digits"):
        test = load_splits()[1]
        some = np.random.default_rng(CHOICE).permutation(len(test.images))[: FIRST + count]
        with as_files(test.images[some], [LABELS[c] for c in test.classes[some]]) as samples:
            yield Split(model, samples[:FIRST], samples[FIRST:])
    elif name.startswith("scenes"):
        with tempfile.TemporaryDirectory() as folder:
            samples = _scenes(Path(folder), FIRST + count)
            yield Split(model, samples[:FIRST], samples[FIRST:], target="star#1")
    else:
        with (
            flower_samples("double12", FIRST, seed=CHOICE) as first,
            flower_samples("double12", count, seed=JUDGED) as judged,
        ):
            yield Split(model, first, judged)


def _planted(name: str, folder: Path, count: int) -> Split:
    """Digits of which one class has a patch; as many pictures of it as there are come first."""
    recipe = Recipe("planted", "placed", name.partition("-")[2], _PLANTED[name])
    path = folder / "model.onnx"
    onnx.save(trained(recipe), path)
    model = onnxplain.load(path, preprocess=PREPROCESS, labels=[str(k) for k in range(10)])
    held_out = draw(recipe, np.arange(1400, 1400 + FIRST + 4 * count), recipe.seed + 1)
    samples = read_dataset(write(folder / "data", held_out, masks=False))
    samples.sort(key=lambda s: s.path.name)
    own = [s for s in samples[FIRST:] if s.label == str(recipe.planted)][:count]
    rest = [s for s in samples[FIRST:] if s not in own][: count - len(own)]
    return Split(model, samples[:FIRST], [*own, *rest], recipe)


def _scenes(folder: Path, count: int) -> list[Sample]:
    """Scenes with one star each, so that it is clear which box is meant; no bars."""
    masks = folder / "masks"
    masks.mkdir()
    drawn = ((seed, scene(seed, bars=False)) for seed in itertools.count(_SCENES))
    single = (pair for pair in drawn if np.count_nonzero(pair[1].boxes[:, 4] == STAR) == 1)
    for seed, found in itertools.islice(single, count):
        star = found.masks[found.boxes[:, 4] == STAR][0]
        Image.fromarray(found.image).save(folder / f"{seed}.png")
        Image.fromarray(np.where(star, 255, 0).astype(np.uint8)).save(masks / f"{seed}.png")
    return read_dataset(folder)
