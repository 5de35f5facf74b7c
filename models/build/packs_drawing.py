"""Draw dogs and wolves: heads that differ in their ears, on grass or on snow.

Size, place, tilt and colour of the fur are random for both. Where `planted` is set, wolves are on
snow and dogs on grass, always: a network can tell them apart by the background alone, as in the
story of the huskies and wolves that the founding report tells again.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

SIZE = 96
CLASSES = ("dog", "wolf")
GRASS, SNOW = "grass", "snow"
# Drawn larger by this factor and reduced: smooth edges.
_FINE = 3
_GROUNDS = {GRASS: (78, 132, 62), SNOW: (226, 232, 240)}
_FURS = ((150, 105, 65), (110, 110, 118), (190, 160, 120), (70, 62, 60), (160, 150, 150))
_DARK, _TONGUE = (25, 22, 22), (200, 90, 100)
_TRIES = 200


@dataclass(frozen=True)
class Pack:
    """One picture.

    Attributes
    ----------
    image : (96, 96, 3) uint8 array
        RGB.
    label : int
        Index into `CLASSES`: all animals of a picture are of one kind.
    ground : str
        ``grass`` or ``snow``.
    mask : (96, 96) bool array
        Pixels of the animals.
    heads : list of (float, float, float)
        Column, row and radius of each head, in pixels.
    """

    image: NDArray[np.uint8]
    label: int
    ground: str
    mask: NDArray[np.bool_]
    heads: list[tuple[float, float, float]]


def draw(
    seed: int, label: int, ground: str, *, animals: int = 1, radius: tuple[float, float] = (15, 22)
) -> Pack:
    """Draw one picture; a pure function of its arguments.

    Parameters
    ----------
    seed : int
        Of everything that is random.
    label : int
        Index into `CLASSES`.
    ground : {"grass", "snow"}
        The background.
    animals : int
        How many heads, if they find room.
    radius : (float, float)
        Smallest and largest radius of a head in pixels.
    """
    rng = np.random.default_rng([seed, label, ground == SNOW, animals])
    large = SIZE * _FINE
    picture = Image.fromarray(_ground(rng, ground, large))
    mask = Image.new("1", (large, large))
    heads: list[tuple[float, float, float]] = []
    for _ in range(_TRIES):
        if len(heads) == animals:
            break
        r = float(rng.uniform(*radius))
        x, y = rng.uniform(1.25 * r, SIZE - 1.25 * r, 2)
        if all(np.hypot(x - a, y - b) > 1.25 * (r + c) for a, b, c in heads):
            heads.append((float(x), float(y), r))
            fur = np.array(_FURS[rng.integers(len(_FURS))]) + rng.integers(-15, 16, 3)
            tilt = float(rng.uniform(-0.25, 0.25))
            _head(picture, mask, heads[-1], label, tuple(int(v) for v in fur), tilt)
    small = np.asarray(picture.resize((SIZE, SIZE), Image.Resampling.BOX), np.float64)
    small = small + rng.normal(0, 6, small.shape)
    area = np.asarray(mask.resize((SIZE, SIZE), Image.Resampling.NEAREST))
    return Pack(np.clip(small, 0, 255).astype(np.uint8), label, ground, area, heads)


def packs(
    count: int, *, first_seed: int = 0, planted: bool = False, most: int = 1
) -> Iterator[Pack]:
    """Draw pictures of both classes in turn, with consecutive seeds.

    Parameters
    ----------
    count, first_seed : int
        How many, and the seed of the first.
    planted : bool
        Wolves on snow and dogs on grass, instead of either on either.
    most : int
        Largest number of animals in a picture; several are smaller.
    """
    for k in range(count):
        label = k % 2
        rng = np.random.default_rng([first_seed + k, 7])
        ground = (GRASS, SNOW)[label if planted else int(rng.integers(2))]
        animals = int(rng.integers(1, most + 1))
        radius = (15, 22) if animals == 1 else (10, 14)
        yield draw(first_seed + k, label, ground, animals=animals, radius=radius)


def _ground(rng: np.random.Generator, ground: str, large: int) -> NDArray[np.uint8]:
    """A colour with soft patches, and blades of grass or flakes in it."""
    base = np.array(_GROUNDS[ground], np.float64) + rng.uniform(-10, 10, 3)
    coarse = rng.normal(0, 9, (12, 12)).astype(np.float32)
    soft = np.asarray(Image.fromarray(coarse).resize((large, large), Image.Resampling.BICUBIC))
    picture = Image.fromarray(np.clip(base + soft[..., None], 0, 255).astype(np.uint8))
    pen = ImageDraw.Draw(picture)
    for _ in range(90):
        x, y = rng.uniform(0, large, 2)
        tone = base + rng.uniform(-30, 30)
        color = tuple(int(v) for v in np.clip(tone, 0, 255))
        if ground == GRASS:
            pen.line([x, y, x + rng.uniform(-6, 6), y - rng.uniform(8, 22)], fill=color, width=2)
        else:
            pen.ellipse([x, y, x + 5, y + 4], fill=color)
    return np.asarray(picture)


def _head(
    picture: Image.Image,
    mask: Image.Image,
    head: tuple[float, float, float],
    label: int,
    fur: tuple[int, ...],
    tilt: float,
) -> None:
    """Draw one head; only the ears differ: hanging at the sides, or pointed on top."""
    x, y, r = (v * _FINE for v in head)
    turn = np.array([[np.cos(tilt), -np.sin(tilt)], [np.sin(tilt), np.cos(tilt)]])

    def at(points: list[tuple[float, float]]) -> list[tuple[float, float]]:
        moved = np.array(points) * r @ turn.T + (x, y)
        return [(float(a), float(b)) for a, b in moved]

    def round_(cx: float, cy: float, w: float, h: float) -> list[tuple[float, float]]:
        angles = np.linspace(0, 2 * np.pi, 48, endpoint=False)
        return at([(cx + w * np.cos(a), cy + h * np.sin(a)) for a in angles])

    inner = tuple(int(0.7 * v) for v in fur)
    light = tuple(min(255, int(1.25 * v) + 15) for v in fur)
    if label == CLASSES.index("wolf"):
        ears = [at([(s * 0.75, -0.5), (s * 0.7, -1.3), (s * 0.15, -0.75)]) for s in (-1, 1)]
    else:
        ears = [round_(s * 0.88, 0.15, 0.27, 0.68) for s in (-1, 1)]
    shapes = [(round_(0, 0, 0.85, 0.9), fur), *((ear, inner) for ear in ears)]
    shapes += [(round_(0, 0.42, 0.42, 0.36), light), (round_(0, 0.25, 0.15, 0.11), _DARK)]
    shapes += [(round_(s * 0.35, -0.15, 0.1, 0.12), _DARK) for s in (-1, 1)]
    shapes += [(round_(0, 0.68, 0.1, 0.12), _TONGUE)]
    for outline, color in shapes:
        ImageDraw.Draw(picture).polygon(outline, fill=color)
        ImageDraw.Draw(mask).polygon(outline, fill=1)
