"""What the units of one layer answer to one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.spread import Spread
from onnxplain.features.activations import activations
from onnxplain.features.archive import origin, write_archive
from onnxplain.graph.layers import spatial_layer
from onnxplain.inputs.picture import Picture
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.network.filters import as_maps
from onnxplain.network.map_spread import map_spread
from onnxplain.network.placed_layer import placed

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


@dataclass(frozen=True)
class FeatureMaps:
    """Activations of one tensor for one picture.

    Attributes
    ----------
    layer : str
        Tensor name.
    values : (C, h, w) array
        Every channel, exactly as ONNX Runtime computes it; integers of a quantised file as the
        numbers that they stand for. A tensor without height and
        width (the output of a linear layer) has h = w = 1.
    channels : list of int
        The channels to show, the strongest first.
    is_spatial : bool
        Whether the maps have places in the picture.
    picture : Picture
        What was looked at.
    record : dict
        Model, preprocessing and versions.
    spread : Spread, optional
        Where the maps lie on the picture, if not evenly on all of it.
    """

    layer: str
    values: NDArray[Any]
    channels: list[int]
    is_spatial: bool
    picture: Picture
    record: dict[str, Any]
    spread: Spread | None = None

    def save(self, path: str | Path) -> None:
        """Write all channels (``maps``) and the indices of those shown (``channels``).

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **self.record,
            "layer": self.layer,
            "input": self.picture.source,
            "input_sha256": self.picture.sha256,
        }
        arrays = {"maps": self.values, "channels": np.array(self.channels, np.int64)}
        write_archive(path, "feature maps", record, arrays)


def feature_maps(
    model: Model,
    image: ImageLike | Picture,
    layer: str | None = None,
    *,
    channels: Sequence[int] | None = None,
    count: int | None = 64,
) -> FeatureMaps:
    """Read the activations of a tensor from ONNX Runtime.

    Parameters
    ----------
    model : Model
        The opened model.
    image : path, PIL.Image.Image, array or Picture
        The picture.
    layer : str, optional
        Any tensor; the layer of class activation maps if not given.
    channels : sequence of int, optional
        Which channels to show; the strongest if not given.
    count : int, optional
        How many of the strongest (largest mean magnitude) to show; all if ``None``.

    Returns
    -------
    FeatureMaps

    Raises
    ------
    UnknownNameError
        If there is no such tensor.
    MethodRefusedError
        If its values cannot be laid out as maps, or are integers of unknown scale.
    UsageError
        If there is no such channel.
    """
    network = model.network
    name = tensor_of(network, layer)
    picture = image if isinstance(image, Picture) else model.read(image)
    values = activations(model, picture.x, [name])
    if name not in values:
        raise MethodRefusedError(f"{name!r} holds a sequence and no tensor; choose another layer")
    spatial = spatial_layer(network.graph, network.shapes, network.axes, name)
    maps = as_maps(values[name], spatial and placed(network, spatial), name)[0]
    if channels is None:
        strength = np.abs(maps.astype(np.float64)).mean(axis=(1, 2))
        shown = [int(k) for k in np.argsort(-strength, kind="stable")[:count]]
    else:
        shown = check_channels(channels, len(maps), name)
    lies = map_spread(network, name)
    return FeatureMaps(name, maps, shown, spatial is not None, picture, origin(model), lies)


def check_channels(channels: Sequence[int], count: int, layer: str) -> list[int]:
    """Refuse channels that a layer does not have.

    Raises
    ------
    UsageError
        If one is out of range.
    """
    wrong = [k for k in channels if not 0 <= k < count]
    if wrong:
        raise UsageError(f"channel {wrong[0]} is out of range: {layer!r} has 0..{count - 1}")
    return list(dict.fromkeys(channels))
