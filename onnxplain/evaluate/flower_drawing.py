"""Draws one potted flower, and beside it which pixel belongs to which part."""

from __future__ import annotations

import colorsys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFilter

PARTS = ("background", "pot", "stem", "petals", "centre")

# Hue, saturation, value.
Color = tuple[float, float, float]
_Points = NDArray[np.float64]
# Everything is drawn larger and then averaged, so that edges are smooth.
_FINER = 3
_CURVE = 24


@dataclass(frozen=True)
class Look:
    """Colours of the parts of one flower.

    Attributes
    ----------
    colors : mapping of str to Color
        For each of `PARTS` but the background.
    blobs : tuple of Color
        Blurred spots in the background.
    """

    colors: Mapping[str, Color]
    blobs: tuple[Color, ...] = ()


@dataclass
class _Sheet:
    """A picture being drawn, in units of its side, with its map of parts."""

    side: int
    image: Image.Image
    parts: Image.Image = field(init=False)

    def __post_init__(self) -> None:
        self.parts = Image.new("L", (self.side, self.side), 0)

    def polygon(self, points: _Points, color: Color, part: str) -> None:
        corners = [(float(x), float(y)) for x, y in points * self.side]
        red, green, blue = colorsys.hsv_to_rgb(color[0] % 1.0, color[1], color[2])
        fill = (round(255 * red), round(255 * green), round(255 * blue))
        ImageDraw.Draw(self.image).polygon(corners, fill=fill)
        ImageDraw.Draw(self.parts).polygon(corners, fill=PARTS.index(part))

    def blur(self, pixels: float) -> None:
        self.image = self.image.filter(ImageFilter.GaussianBlur(pixels * _FINER))


def draw_flower(
    rng: np.random.Generator, look: Look, size: int
) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Draw a flower in a random pose.

    Parameters
    ----------
    rng : numpy.random.Generator
        Where pose, light and noise come from; their draws do not depend on colours, so that
        one seed gives the same flower in others, with as many blobs.
    look : Look
        Colours.
    size : int
        Height and width in pixels.

    Returns
    -------
    image : (size, size, 3) uint8 array
        RGB.
    parts : (size, size) uint8 array
        Index into `PARTS` for each pixel, whatever lies on top.
    """
    sheet = _Sheet(size * _FINER, _background(rng, size).resize((size * _FINER,) * 2))
    _draw_blobs(rng, sheet, look.blobs)
    grown = rng.uniform(0.75, 1.15)
    foot = np.array([rng.uniform(0.36, 0.64), rng.uniform(0.80, 0.93)])
    rim = np.subtract(foot, (0.0, 0.15 * grown))
    head = np.array(
        [
            foot[0] + rng.uniform(-0.2, 0.2),
            max(rim[1] - rng.uniform(0.30, 0.40) * grown, 0.17),
        ]
    )
    _draw_stem(rng, sheet, look.colors["stem"], rim, head, grown)
    _draw_pot(rng, sheet, look.colors["pot"], foot, grown)
    _draw_head(rng, sheet, look.colors, head, grown)
    small = sheet.image.resize((size, size), Image.Resampling.BOX)
    soft = small.filter(ImageFilter.GaussianBlur(rng.uniform(0.25, 0.6)))
    lit = np.asarray(soft, np.float64) * rng.uniform(0.82, 1.08) + rng.normal(
        0.0, 3.0, (size, size, 3)
    )
    parts = np.asarray(sheet.parts)[_FINER // 2 :: _FINER, _FINER // 2 :: _FINER]
    return np.clip(lit, 0, 255).astype(np.uint8), parts.copy()


def _background(rng: np.random.Generator, side: int) -> Image.Image:
    """A wall that grows lighter or darker downwards, a floor, and soft stains on both."""
    top, bottom = rng.uniform(0.35, 0.85, 2)
    rows = np.linspace(0.0, 1.0, side)
    floor = (top + bottom) / 2 - rng.uniform(0.08, 0.25)
    wall = np.where(rows < rng.uniform(0.68, 0.9), top + (bottom - top) * rows, floor)
    stains = rng.normal(0.0, 0.035, (3, 12, 12)).astype(np.float32)
    grey = (Image.fromarray(channel).resize((side, side)) for channel in stains)
    soft = np.stack([np.asarray(channel) for channel in grey], axis=-1)
    tinted = wall[:, None, None] + rng.uniform(-0.05, 0.05, 3) + soft
    return Image.fromarray(np.round(255 * np.clip(tinted, 0, 1)).astype(np.uint8))


def _draw_blobs(rng: np.random.Generator, sheet: _Sheet, colors: Sequence[Color]) -> None:
    for color in colors:
        radius = rng.uniform(0.03, 0.08)
        place = np.array([rng.uniform(0.0, 1.0), rng.uniform(0.05, 0.95)])
        shape = _ellipse(place, radius, radius * rng.uniform(0.6, 1.0), rng.uniform(0, np.pi))
        sheet.polygon(shape, _shaded(color, rng.uniform(-0.06, 0.06)), "background")
    if colors:
        sheet.blur(1.2)


def _draw_stem(
    rng: np.random.Generator, sheet: _Sheet, color: Color, rim: _Points, head: _Points, grown: float
) -> None:
    bend = np.array([rim[0] + rng.uniform(-0.1, 0.1), (rim[1] + head[1]) / 2])
    t = np.linspace(0.0, 1.0, _CURVE)[:, None]
    start = np.add(rim, (0.0, 0.015 * grown))  # inside of the pot, which is drawn over it
    curve = (1 - t) ** 2 * start + 2 * t * (1 - t) * bend + t**2 * head
    along = np.gradient(curve, axis=0)
    across = np.column_stack([-along[:, 1], along[:, 0]])
    across *= rng.uniform(0.016, 0.024) * grown / np.linalg.norm(across, axis=1, keepdims=True)
    light = rng.uniform(-0.06, 0.06)
    outline = np.concatenate([curve + across, (curve - across)[::-1]])
    sheet.polygon(outline, _shaded(color, light), "stem")
    shade = np.concatenate([curve + across, (curve + 0.35 * across)[::-1]])
    sheet.polygon(shade, _shaded(color, light - 0.12), "stem")
    for k in range(rng.integers(1, 4)):
        angle = rng.uniform(-60, -10) if k % 2 else rng.uniform(190, 240)
        length = rng.uniform(0.055, 0.085) * grown
        toward = np.array([np.cos(np.radians(angle)), np.sin(np.radians(angle))])
        middle = curve[rng.integers(4, 15)] + toward * length
        leaf = _ellipse(middle, length, length * rng.uniform(0.28, 0.40), np.radians(angle))
        sheet.polygon(leaf, _shaded(color, light + rng.uniform(-0.06, 0.06)), "stem")


def _draw_pot(
    rng: np.random.Generator, sheet: _Sheet, color: Color, foot: _Points, grown: float
) -> None:
    wide, tall, light = 0.115 * grown, 0.15 * grown, rng.uniform(-0.06, 0.06)
    body = [(-1.0, -1.0), (1.0, -1.0), (0.72, 0.0), (-0.72, 0.0)]
    shade = [(0.45, -0.82), (1.0, -0.82), (0.72, 0.0), (0.35, 0.0)]
    edge = [(-1.12, -1.12), (1.12, -1.12), (1.12, -0.82), (-1.12, -0.82)]
    for outline, change in ((body, 0.0), (shade, -0.12), (edge, 0.06)):
        points = foot + np.array(outline) * [wide, tall]
        sheet.polygon(points, _shaded(color, light + change), "pot")


def _draw_head(
    rng: np.random.Generator,
    sheet: _Sheet,
    colors: Mapping[str, Color],
    place: _Points,
    grown: float,
) -> None:
    """A ring of petals, tilted away from the viewer, around a dark centre."""
    count, start = int(rng.integers(6, 11)), rng.uniform(0, 2 * np.pi)
    radius = rng.uniform(0.085, 0.12) * grown
    long, short = radius * rng.uniform(0.62, 0.75), radius * rng.uniform(0.26, 0.40)
    spin, tilt = rng.uniform(-0.5, 0.5), rng.uniform(0.55, 1.0)
    turned = np.array([[np.cos(spin), np.sin(spin)], [-np.sin(spin), np.cos(spin)]])
    light = rng.uniform(-0.06, 0.06)
    for k in range(count):
        angle = start + 2 * np.pi * k / count
        middle = radius * np.array([np.cos(angle), np.sin(angle)])
        petal = _ellipse(middle, long, short, angle) * [1.0, tilt] @ turned
        change = light + 0.10 * np.sin(angle + 1) + rng.uniform(-0.03, 0.03)
        sheet.polygon(place + petal, _shaded(colors["petals"], change), "petals")
    core = _ellipse(np.zeros(2), 0.46 * radius, 0.46 * radius, 0.0) * [1.0, tilt] @ turned
    sheet.polygon(place + core, _shaded(colors["centre"], rng.uniform(-0.06, 0.06)), "centre")


def _ellipse(middle: _Points, long: float, short: float, angle: float) -> _Points:
    t = np.linspace(0.0, 2 * np.pi, _CURVE, endpoint=False)
    x, y = long * np.cos(t), short * np.sin(t)
    cosine, sine = np.cos(angle), np.sin(angle)
    return middle + np.column_stack([cosine * x - sine * y, sine * x + cosine * y])


def _shaded(color: Color, change: float) -> Color:
    return color[0], color[1], float(np.clip(color[2] + change, 0.05, 1.0))
