"""Feature visualisation with the magnitudes of natural pictures: only phases are changed.

Fel, Boissin, Boutin, Picard, Novello, Colin, Linsley, Rousseau, Cadene, Gardes, Serre 2023,
"Unlocking feature visualization for deeper networks with magnitude constrained optimization"
(MaCo), arXiv:2306.06805. Several pictures that differ: Olah, Mordvintsev, Schubert 2017, "Feature
visualization", Distill, section "Diversity", with vectors of a layer in place of Gram matrices.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import UsageError
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.ascent import Ascent, ascend
from onnxplain.features.passes import Progress, Skipped, batches, silent
from onnxplain.features.patches import require_same_engines
from onnxplain.features.raised import Channel, Raised
from onnxplain.features.random_views import Views, random_views, whole_view
from onnxplain.features.spectrum import Spectrum, natural_spectrum, spectrum_of
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.picture import sample_picture
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.targets.target import Target


@dataclass(frozen=True)
class Maco:
    """How pictures are made.

    Attributes
    ----------
    steps : int
        Number of steps.
    rate : float
        Length of the first steps, in radians; it falls to zero.
    crops : int
        Random crops that the network sees in each step.
    largest, smallest : float
        Mean side of these crops in the first and the last step, as shares of the picture's.
    noise : float
        Standard deviation of noise on each crop, as a share of the range of inputs.
    zoom : float
        Side of the picture, in units of the model's input.
    diversity : float
        Weight of the mean cosine between the pictures' vectors at a layer, in units of the
        target.
    """

    steps: int = 128
    rate: float = 0.3
    crops: int = 4
    largest: float = 0.9
    smallest: float = 0.5
    noise: float = 0.05
    zoom: float = 1.0
    diversity: float = 0.0

    def __post_init__(self) -> None:
        whole = min(self.steps, self.crops) >= 1 and 0 < self.rate < math.inf
        shares = 0 < self.smallest <= self.largest <= 1 and 0.5 <= self.zoom <= 4
        others = all(0 <= value < math.inf for value in (self.noise, self.diversity))
        if not (whole and shares and others):
            raise UsageError(
                "steps and crops must be 1 or more, rate above 0, crops from smallest to largest "
                "in (0, 1], zoom from 0.5 to 4, noise and diversity not negative and finite"
            )


DEFAULT = Maco()


@dataclass(frozen=True)
class Made:
    """Pictures that raise one number.

    Attributes
    ----------
    aim : Target or Channel
        What was raised.
    pixels : (n, H, W, C) uint8 array
        The pictures.
    weight : (n, H, W) float64 array
        Sum of the magnitudes of all slopes at each pixel, in [0, 1]: how much the steps cared
        for it. The paper shows pictures faded where this is small.
    scores : list of float
        What each picture reaches as a whole at the model's size, in ONNX Runtime.
    history : list of float
        What grows before each step, mean over crops and pictures, less the part of diversity.
    record : dict
        Settings, model and versions.
    """

    aim: Target | Channel
    pixels: NDArray[np.uint8]
    weight: NDArray[np.float64]
    scores: list[float]
    history: list[float]
    record: dict[str, Any]

    def save(self, path: str | Path) -> None:
        """Write ``pixels``, ``weight``, ``scores`` and ``history``.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        arrays: dict[str, NDArray[Any]] = {
            "pixels": self.pixels,
            "weight": self.weight,
            "scores": np.array(self.scores),
            "history": np.array(self.history),
        }
        write_archive(path, "maco pictures", {**self.record, "aim": self.aim.describe()}, arrays)


def maco(
    model: Model,
    aim: Target | Channel,
    spectrum: Spectrum | None = None,
    how: Maco = DEFAULT,
    *,
    count: int = 1,
    layer: str | None = None,
    seed: int = 0,
    allow_mismatch: bool = False,
    progress: Progress = silent,
) -> Made:
    """Make pictures that raise a score or a channel.

    Parameters
    ----------
    model : Model
        The opened model; gradients are taken in PyTorch.
    aim : Target or Channel
        What grows. A target that depends on a picture is no aim.
    spectrum : Spectrum, optional
        Magnitudes and colours; see `data_spectrum`. Natural ones if not given.
    how : Maco
        Settings.
    count : int
        Pictures; they start from different phases, and `Maco.diversity` keeps them apart.
    layer : str, optional
        Where pictures are to differ; the layer of class activation maps if not given.
    seed : int
        Of phases, crops and noise.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on a random picture.
    progress : callable
        Told how many of how many steps are done.

    Returns
    -------
    Made

    Raises
    ------
    UsageError
        If there is no such channel, or a setting is out of range.
    ParityError
        If the engines disagree.
    NumericalError
        If a gradient is NaN or infinite.
    """
    network = model.network
    if count < 1:
        raise UsageError("the number of pictures must be 1 or more")
    seeded = Raised.of(model, aim)
    apart = tensor_of(network, layer) if how.diversity and count > 1 else None
    canvas = canvas_of(model, how)
    found = spectrum or natural_spectrum(canvas, network.image.channels)
    if found.size != canvas:
        raise UsageError(f"the spectrum is of pictures of {found.size}, not of {canvas}")
    require_same_engines(model, sample_picture(model.preprocess), allow_mismatch)
    rng = np.random.default_rng(seed)
    start = rng.uniform(-np.pi, np.pi, (count, *found.magnitudes.shape))
    weight = np.zeros((count, *canvas))
    done = 0

    def objective(phases: NDArray[Any]) -> tuple[float, NDArray[Any]]:
        nonlocal done
        share = how.largest + (how.smallest - how.largest) * done / max(1, how.steps - 1)
        done += 1
        pictures = found.pictures(phases)
        views = [random_views(rng, how.crops, canvas, network.image.size, share)
                 for _ in range(count)]  # fmt: skip
        crops = np.concatenate([v.of(p) for v, p in zip(views, pictures, strict=True)])
        crops = crops + how.noise * rng.normal(size=crops.shape)
        value, slopes = seeded.value_and_slopes(
            as_inputs(model, crops), apart, count, how.diversity
        )
        moved = _carried_back(views, of_inputs(model, slopes))
        weight[:] += np.abs(moved).sum(axis=1)
        return value, found.slopes(phases, moved)

    low, high = model.preprocess.bounds()
    extent = float((np.asarray(high, np.float64) - low).max())
    ascent = Ascent(steps=how.steps, rate=how.rate / extent)
    phases, history = ascend(model, start, objective, ascent, seed=seed, progress=progress)
    pictures = found.pictures(phases)
    view = whole_view(canvas, network.image.size)
    ready = as_inputs(model, np.concatenate([view.of(p) for p in pictures]))
    scores = seeded.scores(ready)
    tops = weight.max(axis=(1, 2), keepdims=True)
    settings = {**asdict(how), "count": count, "seed": seed, "spectrum": found.source}
    return Made(
        aim,
        _pixels(model, pictures),
        weight / np.where(tops > 0, tops, 1.0),
        [float(s) for s in scores],
        history,
        {**origin(model), "settings": settings},
    )


def data_spectrum(
    model: Model,
    samples: Sequence[Sample],
    how: Maco = DEFAULT,
    *,
    progress: Progress = silent,
) -> tuple[Spectrum, list[Skipped]]:
    """Magnitudes and colours of a data set, as the model sees its pictures.

    Parameters
    ----------
    model : Model
        The opened model.
    samples : sequence of Sample
        The pictures; all are held at once.
    how : Maco
        For its `zoom`: pictures are resized to the size of what is made.
    progress : callable
        Told how many of how many pictures are done.

    Raises
    ------
    UsageError
        If all pictures are of one colour.
    ImageError
        If no picture can be read.
    """
    canvas, skipped = canvas_of(model, how), list[Skipped]()
    view = whole_view(model.network.image.size, canvas)
    found = []
    for _, x, done in batches(model, samples, skipped):
        found += [view.of(p)[0] for p in of_range(model, x)]
        progress(done, len(samples))
    return spectrum_of(found, canvas, f"{len(found)} pictures"), skipped


def canvas_of(model: Model, how: Maco) -> tuple[int, int]:
    """Height and width of the pictures."""
    height, width = (max(2, round(how.zoom * n)) for n in model.network.image.size)
    return height, width


def as_inputs(model: Model, pictures: NDArray[np.float64]) -> NDArray[Any]:
    """Model inputs from (n, C, h, w) pictures in [0, 1]."""
    low, high = (np.asarray(b, np.float64) for b in model.preprocess.bounds())
    own = pictures if model.network.image.layout == "NCHW" else np.moveaxis(pictures, 1, -1)
    dtype = np.float64 if model.network.precision == "double" else np.float32
    return np.asarray(low + (high - low) * own, dtype)


def of_range(model: Model, x: NDArray[Any]) -> NDArray[np.float64]:
    """Model inputs as (n, C, h, w) pictures in [0, 1]."""
    low, high = (np.asarray(b, np.float64) for b in model.preprocess.bounds())
    shares = (np.asarray(x, np.float64) - low) / (high - low)
    return shares if model.network.image.layout == "NCHW" else np.moveaxis(shares, -1, 1)


def of_inputs(model: Model, slopes: NDArray[Any]) -> NDArray[np.float64]:
    """Slopes with respect to those pictures, from slopes with respect to inputs."""
    low, high = (np.asarray(b, np.float64) for b in model.preprocess.bounds())
    own = np.asarray(slopes, np.float64) * (high - low)
    return own if model.network.image.layout == "NCHW" else np.moveaxis(own, -1, 1)


def _carried_back(views: Sequence[Views], slopes: NDArray[np.float64]) -> NDArray[np.float64]:
    parts = np.split(slopes, len(views))
    return np.stack([v.back(p) for v, p in zip(views, parts, strict=True)])


def _pixels(model: Model, pictures: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Pictures as they are shown, in the colour order of photos."""
    levels = 255 * np.moveaxis(pictures, 1, -1)
    return model.preprocess.display(
        levels[..., ::-1] if model.preprocess.color == "BGR" else levels
    )
