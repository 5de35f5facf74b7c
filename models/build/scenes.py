"""Draws scenes of a few objects, and beside them which pixel belongs to which object.

Where the evidence for a box lies is known to the pixel. Bars lie beside some objects: in ordinary
scenes beside any, so that they mean nothing; with a planted shortcut beside every star and
nothing else, so that a detector may find stars by what is next to them.
"""

import colorsys
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

SIDE = 96
CLASSES = ("circle", "square", "triangle", "star", "cross")
STAR = CLASSES.index("star")
SIZES = (12, 40)
MOST_OBJECTS = 5
# Seeds of the test scenes start far behind those of the training scenes.
FIRST_TEST_SEED = 1_000_000
# The blue of bars; no object and no clutter comes near it.
BAR_HUE = 0.61
_BAR_SHARE = 0.25
_BAR_THICKNESS, _BAR_GAP = 5, 2
# Between an object with its bar and everything else.
_ROOM = 2
_PLACES_TRIED = 40
# Everything is drawn larger and then averaged, so that edges are smooth.
_FINER = 3
_LEAST_CONTRAST = 70.0

Points = NDArray[np.float64]
Mask = NDArray[np.bool_]


@dataclass(frozen=True)
class Scene:
    """One picture and the truth about it.

    Attributes
    ----------
    image : (H, W, 3) uint8 array
        RGB.
    boxes : (M, 5) int array
        Left, top, right, bottom and class of each object; right and bottom are the first pixels
        behind it.
    masks : (M, H, W) bool array
        Pixels of each object, without its bar. The box is the smallest around them.
    bars : (M, H, W) bool array
        Pixels of the bar beside each object; none where there is no bar.
    """

    image: NDArray[np.uint8]
    boxes: NDArray[np.int64]
    masks: Mask
    bars: Mask


def scene(seed: int, *, shortcut: bool = False, bars: bool = True, side: int = SIDE) -> Scene:
    """Draw one scene; a pure function of its arguments.

    Parameters
    ----------
    seed : int
        Everything random. Scenes that differ in `bars` alone are equal but for the bars.
    shortcut : bool
        Every star has a bar and nothing else has; otherwise one object in four has one.
    bars : bool
        Whether bars are drawn at all; their room is kept.
    side : int
        Height and width in pixels.
    """
    rng = np.random.default_rng([seed, int(shortcut)])
    background = _background(rng, side)
    canvas = background.resize((side * _FINER, side * _FINER), Image.Resampling.NEAREST)
    _draw_lines(rng, canvas)
    taken = np.zeros((0, 4))
    boxes, masks, bar_masks = [], [], []
    for _ in range(int(rng.integers(1, MOST_OBJECTS + 1))):
        label = int(rng.integers(len(CLASSES)))
        barred = label == STAR if shortcut else bool(rng.random() < _BAR_SHARE)
        extent = rng.uniform(*SIZES)
        below = bool(rng.random() < 0.5)
        place = _free_place(rng, taken, extent, barred, below, side)
        if place is None:
            continue
        centre, room = place
        taken = np.concatenate([taken, room[None]])
        corners = centre + extent / 2 * _outline(label, rng.uniform(-0.4, 0.4))
        mask = _covered(corners, side)
        bar = np.zeros_like(mask)
        _paint(canvas, corners, _color_on(rng, background, mask))
        if barred:
            bar_corners = _bar(centre, extent, below)
            blue = _rgb(BAR_HUE + rng.uniform(-0.01, 0.01), 0.95, rng.uniform(0.85, 1.0))
            if bars:
                _paint(canvas, bar_corners, blue)
                bar = _covered(bar_corners, side)
        boxes.append([*_sides(mask), label])
        masks.append(mask)
        bar_masks.append(bar)
    canvas = canvas.resize((side, side), Image.Resampling.BOX)
    canvas = canvas.filter(ImageFilter.GaussianBlur(rng.uniform(0.0, 0.6)))
    grain = rng.normal(0, rng.uniform(2, 12), (side, side, 3))
    image = np.clip(np.rint(np.asarray(canvas, np.float64) + grain), 0, 255).astype(np.uint8)
    return Scene(image, np.array(boxes), np.array(masks), np.array(bar_masks))


def scenes(
    count: int, *, first_seed: int = 0, shortcut: bool = False, bars: bool = True
) -> Iterator[Scene]:
    """Draw scenes with consecutive seeds."""
    for seed in range(first_seed, first_seed + count):
        yield scene(seed, shortcut=shortcut, bars=bars)


def _background(rng: np.random.Generator, side: int) -> Image.Image:
    """Clouds of two muted colours, and soft spots."""
    size = (side, side)
    cells = int(rng.integers(2, 12))
    cloud = Image.fromarray(rng.integers(0, 256, (cells, cells), dtype=np.uint8))
    one, other, third = (Image.new("RGB", size, _muted(rng)) for _ in range(3))
    picture = Image.composite(one, other, cloud.resize(size, Image.Resampling.BICUBIC))
    spots = Image.new("L", size, 0)
    for _ in range(int(rng.integers(0, 4))):
        middle, radii = rng.uniform(0, side, 2), rng.uniform(4, 18, 2)
        corners = [float(c) for c in np.concatenate([middle - radii, middle + radii])]
        ImageDraw.Draw(spots).ellipse(corners, fill=int(rng.integers(90, 200)))
    return Image.composite(third, picture, spots.filter(ImageFilter.GaussianBlur(4)))


def _draw_lines(rng: np.random.Generator, canvas: Image.Image) -> None:
    for _ in range(int(rng.integers(0, 5))):
        ends = [float(v) for v in rng.uniform(0, canvas.width, 4)]
        width = round(rng.uniform(0.6, 1.6) * _FINER)
        ImageDraw.Draw(canvas).line(ends, fill=_muted(rng), width=width)


def _free_place(
    rng: np.random.Generator, taken: Points, extent: float, barred: bool, below: bool, side: int
) -> tuple[Points, Points] | None:
    """Centre of an object, and the room that it takes with its bar; none if nothing is free."""
    reach = np.full(4, extent / 2 + _ROOM)
    if barred:
        # Where the bar lies: below, or right of the object.
        reach[3 if below else 2] += _BAR_GAP + _BAR_THICKNESS
    if reach[0] + reach[2] > side or reach[1] + reach[3] > side:
        return None
    for _ in range(_PLACES_TRIED):
        centre = rng.uniform(reach[:2], side - reach[2:])
        room = np.concatenate([centre - reach[:2], centre + reach[2:]])
        apart = (room[:2] >= taken[:, 2:]) | (room[2:] <= taken[:, :2])
        if apart.any(axis=1).all():
            return centre, room
    return None


def _outline(label: int, turn: float) -> Points:
    """Corners within the unit circle, y downwards."""
    name = CLASSES[label]
    if name == "cross":
        corner = np.array([[0.3, -0.95], [0.3, -0.3], [0.95, -0.3]])
        quarter = np.array([[0.0, 1.0], [-1.0, 0.0]])
        points = np.concatenate([corner @ np.linalg.matrix_power(quarter, k) for k in range(4)])
    else:
        count = {"circle": 48, "square": 4, "triangle": 3, "star": 10}[name]
        angles = np.arange(count) * 2 * np.pi / count - np.pi / 2
        radii = np.where(np.arange(count) % 2, 0.45, 1.0) if name == "star" else np.ones(count)
        angles += np.pi / 4 if name == "square" else 0.0
        points = np.stack([radii * np.cos(angles), radii * np.sin(angles)], axis=1)
    cosine, sine = np.cos(turn), np.sin(turn)
    return np.asarray(points @ np.array([[cosine, sine], [-sine, cosine]]))


def _bar(centre: Points, extent: float, below: bool) -> Points:
    """Corners of the bar of an object."""
    half = np.array([extent / 2, _BAR_THICKNESS / 2])
    middle = np.array([0.0, extent / 2 + _BAR_GAP + _BAR_THICKNESS / 2])
    if not below:
        half, middle = half[::-1], middle[::-1]
    return centre + middle + half * np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]])


def _covered(corners: Points, side: int) -> Mask:
    """Pixels of which a polygon covers at least half."""
    drawn = Image.new("L", (side * _FINER, side * _FINER), 0)
    ImageDraw.Draw(drawn).polygon(_fine(corners), fill=255)
    return np.asarray(drawn.resize((side, side), Image.Resampling.BOX)) >= 128


def _paint(canvas: Image.Image, corners: Points, color: tuple[int, int, int]) -> None:
    ImageDraw.Draw(canvas).polygon(_fine(corners), fill=color)


def _fine(corners: Points) -> list[tuple[float, float]]:
    # Pixel k of the finer picture is drawn around the coordinate k.
    return [(float(x), float(y)) for x, y in corners * _FINER - 0.5]


def _sides(mask: Mask) -> tuple[int, int, int, int]:
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def _color_on(
    rng: np.random.Generator, background: Image.Image, mask: Mask
) -> tuple[int, int, int]:
    """A colour that differs from what the object will cover and from the bars."""
    behind = np.asarray(background)[mask].mean(axis=0)
    while True:
        hue = BAR_HUE + rng.uniform(0.13, 0.87)
        color = _rgb(hue, rng.uniform(0.3, 1.0), rng.uniform(0.25, 1.0))
        if np.linalg.norm(np.array(color) - behind) >= _LEAST_CONTRAST:
            return color


def _muted(rng: np.random.Generator) -> tuple[int, int, int]:
    return _rgb(rng.random(), rng.uniform(0.0, 0.35), rng.uniform(0.15, 0.9))


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1.0, saturation, value)
    return round(255 * red), round(255 * green), round(255 * blue)
