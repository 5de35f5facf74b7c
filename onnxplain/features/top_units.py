"""The pictures and places that excite each channel most, collected in one pass."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass
class TopUnits:
    """For each channel, the images of the largest responses; one unit of each image.

    Attributes
    ----------
    scores : (C, k) float array
        Responses in descending order; minus infinity where there were fewer images. Of
        equal responses, the image that came first stands first.
    images : (C, k) int array
        Positions in the data set; -1 where there is none.
    places : (C, k, 2) int array
        Row and column of the unit.
    """

    scores: NDArray[np.float64]
    images: NDArray[np.int64]
    places: NDArray[np.int64]

    @classmethod
    def empty(cls, channels: int, count: int) -> TopUnits:
        """Start with nothing."""
        shape = (channels, count)
        return cls(np.full(shape, -np.inf), np.full(shape, -1), np.full((*shape, 2), -1, np.int64))

    def add(self, images: NDArray[np.int64], maps: NDArray[Any]) -> None:
        """Count in the maps, (n, C, h, w), of further images.

        Memory stays that of C times k entries, whatever the number of images.
        """
        count, channels, _, width = maps.shape
        flat = maps.reshape(count, channels, -1)
        where = flat.argmax(axis=2)
        best = np.take_along_axis(flat, where[..., None], axis=2)[..., 0].T.astype(np.float64)
        # Few channels gain anything once some images were seen; only these are sorted.
        rows = np.flatnonzero(best.max(axis=1) > self.scores[:, -1])
        scores = np.concatenate([self.scores[rows], best[rows]], axis=1)
        order = np.argsort(-scores, axis=1, kind="stable")[:, : self.scores.shape[1]]
        known = np.concatenate(
            [self.images[rows], np.broadcast_to(images, (len(rows), count))], axis=1
        )
        places = np.stack(np.divmod(where.T[rows], width), axis=-1)
        every = np.concatenate([self.places[rows], places], axis=1)
        self.scores[rows] = np.take_along_axis(scores, order, axis=1)
        self.images[rows] = np.take_along_axis(known, order, axis=1)
        self.places[rows] = np.take_along_axis(every, order[..., None], axis=1)

    def replace(self, channels: slice, part: TopUnits) -> None:
        """Put those of some channels in place."""
        for name, values in part.arrays().items():
            getattr(self, name)[channels] = values

    def chosen(self, channels: list[int]) -> TopUnits:
        """Those of some channels."""
        return TopUnits(self.scores[channels], self.images[channels], self.places[channels])

    def arrays(self, prefix: str = "") -> dict[str, NDArray[Any]]:
        """As named arrays, for a file."""
        names = ("scores", "images", "places")
        return {f"{prefix}{name}": getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, NDArray[Any]], prefix: str = "") -> TopUnits:
        """Read what `arrays` gave."""
        return cls(*(arrays[f"{prefix}{name}"] for name in ("scores", "images", "places")))
