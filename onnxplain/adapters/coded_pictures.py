"""Pictures that tell all their places apart, and what a layer's cells say of them.

Each place of the picture is one of two textures, drawn anew from picture to picture. A cell of
a layer answers to a place if it follows the draws of that place: so a few pictures ask about
all places at once, where changing one place at a time would take a picture for each.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Array
from onnxplain.graph.image_input import ImageInput

Shares = NDArray[np.float64]

# Brightness of the two textures, as a share of the input's range, and how rough they are.
_LEVELS, _ROUGHNESS = (0.45, 0.55), 0.3


@dataclass(frozen=True)
class CodedPictures:
    """Pictures with the draws of each place.

    Attributes
    ----------
    codes : (T, places) array
        Plus or minus one: which texture stands at each place, row by row. As many of one as
        of the other at each place.
    textures : two arrays
        Inputs of the model that show one texture everywhere.
    number : (H, W) array
        Number of the place at which each pixel stands.
    channel : int
        Axis of the channels in one input.
    """

    codes: NDArray[np.float64]
    textures: tuple[Array, Array]
    number: NDArray[np.int64]
    channel: int

    @classmethod
    def draw(
        cls, example: Array, image: ImageInput, places: tuple[int, int], count: int, seed: int
    ) -> CodedPictures:
        """Draw pictures in the range of an example.

        Parameters
        ----------
        example : (1, ...) array
            An input like those that will be explained.
        image : ImageInput
            Its layout.
        places : (int, int)
            Rows and columns of places, of equal size.
        count : int
            How many pictures, an even number.
        seed : int
            Of the draws and the textures.
        """
        rng = np.random.default_rng(seed)
        half = np.repeat([-1.0, 1.0], count // 2)
        codes = np.stack([rng.permutation(half) for _ in range(places[0] * places[1])], axis=1)
        rows, columns = (np.arange(n) * p // n for n, p in zip(image.size, places, strict=True))
        number = rows[:, None] * places[1] + columns
        channel = 0 if image.layout == "NCHW" else 2
        shape = example.shape[1:]
        # Some colours are brighter in the first texture, others in the second.
        signs = np.where((np.arange(shape[channel]) + seed) % 3 == 1, -1.0, 1.0)
        signs = signs.reshape([-1 if k == channel else 1 for k in range(3)])
        low, high = float(example.min()), float(example.max())
        textures = []
        for level, sign in zip(_LEVELS, (1.0, -1.0), strict=True):
            middle = 0.5 + (level - 0.5) * signs
            noise = rng.uniform(-_ROUGHNESS, _ROUGHNESS, shape) * sign
            textures.append(low + (high - low) * np.clip(middle + noise, 0.0, 1.0))
        if example.dtype.kind in "iu":
            textures = [np.round(t) for t in textures]
        first, second = (t.astype(example.dtype) for t in textures)
        return cls(codes, (first, second), number, channel)

    def inputs(self, start: int, stop: int) -> Array:
        """Some of the pictures, (n, ...): all of them may be too many to hold."""
        chosen = (self.codes[start:stop] > 0)[:, self.number]
        return np.where(
            np.expand_dims(chosen, self.channel + 1), self.textures[1], self.textures[0]
        )

    def shares(self, maps: NDArray[np.float64]) -> Shares:
        """How much of what a cell does follows each place.

        Parameters
        ----------
        maps : (T, channels, cells) array
            Of the layer, for these pictures.

        Returns
        -------
        (cells, places) array
            Share of the cell's variance that the draws of a place explain, less what it is on
            average over all cells and over all places: a gate or an average of the whole
            picture, which all cells share, says nothing of where they are.
        """
        varying = maps - maps.mean(axis=0)
        scale = np.sqrt((varying**2).mean(axis=(0, 2), keepdims=True))
        varying = np.divide(varying, scale, out=np.zeros_like(varying), where=scale > 0)
        variance = (varying**2).mean(axis=0).sum(axis=0)
        # The sum over channels of squared slopes, from what pictures have in common in each cell:
        # there are few pictures, and slopes of each channel and place would be many numbers.
        cells = varying.transpose(2, 0, 1)
        common = cells @ cells.transpose(0, 2, 1)
        followed = (common @ self.codes) * self.codes
        explained = followed.sum(axis=1) / len(self.codes) ** 2
        shares = explained / np.maximum(variance, np.finfo(np.float64).tiny)[:, None]
        shares = shares - shares.mean(axis=0)
        result: Shares = shares - shares.mean(axis=1, keepdims=True)
        return result
