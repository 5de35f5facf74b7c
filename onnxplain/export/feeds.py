"""What the inputs of a whole file are fed while it is checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.graph.view import Graph, TensorInfo

if TYPE_CHECKING:
    from onnxplain.model.model import Model


@dataclass(frozen=True, eq=False)
class Feeds:
    """The inputs of a file.

    Attributes
    ----------
    image : str
        Name of the explained input.
    others : mapping of str to array
        Values of the other ones.
    batch : int, optional
        Length of the batch, if the file fixes it.
    unbatched : bool
        Whether the file has no batch at all.
    """

    image: str
    others: Mapping[str, NDArray[Any]]
    batch: int | None
    unbatched: bool

    @classmethod
    def of(cls, model: Model, base: Graph, batch: int | None) -> Feeds:
        """Return the feeds of a model's file.

        What other outputs than the explained one are computed from may be anything: zeros.
        """
        network = model.network
        image = next(i for i in base.inputs if i.name == network.image.name)
        others = {
            i.name: network.bound[i.name] if i.name in network.bound else _zeros(i)
            for i in base.inputs
            if i.name != image.name
        }
        unbatched = len(image.shape or ()) < len(network.image.shape)
        return cls(image.name, others, batch, unbatched)

    def whole(self, x: NDArray[Any]) -> dict[str, NDArray[Any]]:
        """Return all inputs for pictures (N, ...); a single one fills a fixed batch."""
        if self.batch and len(x) == 1:
            x = np.repeat(x, self.batch, axis=0)
        return {self.image: x[0] if self.unbatched else x, **self.others}


def _zeros(info: TensorInfo) -> NDArray[Any]:
    return np.zeros([n or 1 for n in info.lengths], info.dtype)
