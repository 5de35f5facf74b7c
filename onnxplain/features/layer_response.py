"""The response of one layer to one picture, carried back to the pixels, as a whole and by kernel.

Kumar, Wong, Taylor 2017, arXiv:1704.04133, equations 1 and 2:
``R_l = G_1 U_1 ... G_{l-1} U_{l-1} G_l z_l`` with the layer's response z_l.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.errors import MethodRefusedError, UnknownNameError
from onnxplain.explanations.sparsity import gini
from onnxplain.features.activations import activations, back_project
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.maps import check_channels
from onnxplain.features.passes import require_finite
from onnxplain.features.patches import require_same_engines
from onnxplain.inputs.picture import Picture
from onnxplain.methods.clear import WAYS
from onnxplain.model.model import Model
from onnxplain.network.filters import FeatureLayer, channel_signal, filter_layers

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


@dataclass(frozen=True)
class LayerResponse:
    """What a layer answers to a picture, in the picture's pixels.

    Attributes
    ----------
    layer : str
        Tensor name.
    picture : Picture
        What was looked at.
    whole : (H, W) array
        R_l, colours summed; signed.
    kernels : list of int
        Kernels that are shown alone, those with the largest response first.
    parts : (S, H, W) array
        The same for the response of each of these kernels alone. With ``relu`` of ``none`` or
        ``gradient``, those of all kernels add up to `whole`.
    sparsity : float
        Mean Gini index of `parts`: 0 for flat maps, near 1 for maps of few pixels; kernels whose
        map is zero do not count. NaN if there are none.
    silent : float
        Share of the layer's kernels that do not answer to the picture at all.
    record : dict
        Model, preprocessing and versions.
    """

    layer: str
    picture: Picture
    whole: NDArray[np.float64]
    kernels: list[int]
    parts: NDArray[np.float64]
    sparsity: float
    silent: float
    record: dict[str, Any]

    def save(self, path: str | Path) -> None:
        """Write ``response`` (R_l), ``kernels`` and ``kernel_responses``.

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
            "sparsity": self.sparsity if np.isfinite(self.sparsity) else None,
            "silent": self.silent,
        }
        arrays = {"response": self.whole, "kernels": np.array(self.kernels, np.int64),
                  "kernel_responses": self.parts}  # fmt: skip
        write_archive(path, "layer response", record, arrays)


def layer_response(
    model: Model,
    image: ImageLike | Picture,
    layer: str | None = None,
    *,
    relu: str = "gradient",
    channels: Sequence[int] | None = None,
    count: int | None = 16,
    allow_mismatch: bool = False,
) -> LayerResponse:
    """Carry the response of a layer back to the pixels, as a whole and kernel by kernel.

    Parameters
    ----------
    model : Model
        The opened model; signals are carried back in PyTorch.
    image : path, PIL.Image.Image, array or Picture
        The picture.
    layer : str, optional
        A layer with height and width or a vector; that of class activation maps if not given.
    relu : {"none", "gradient", "deconvnet", "guided"}
        How responses pass ReLU-like activations on the way back, as for the method clear.
    channels : sequence of int, optional
        Kernels to show alone; those of the largest responses if not given.
    count : int, optional
        How many of these; all if ``None``.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on the picture.

    Returns
    -------
    LayerResponse

    Raises
    ------
    UnknownNameError
        If there is no such layer, or way through activations.
    MethodRefusedError
        If its values cannot be laid out as maps, or responses are to be filtered and there is no
        ReLU-like activation on the way.
    UsageError
        If there is no such channel.
    ParityError
        If the engines disagree.
    """
    if relu not in WAYS:
        raise UnknownNameError("relu", relu, WAYS, f"ways: {', '.join(WAYS)}")
    name = model.network.layer(layer).name if layer is None else layer
    (found,) = filter_layers(model.network, [name])
    picture = image if isinstance(image, Picture) else model.read(image)
    require_same_engines(model, picture, allow_mismatch)
    values = activations(model, picture.x, [found.name])[found.name]
    require_finite(values, found.name)
    strength = (found.maps(values)[0].astype(np.float64) ** 2).sum(axis=(1, 2))
    if channels is None:
        chosen = [int(k) for k in np.argsort(-strength, kind="stable")[:count]]
    else:
        chosen = check_channels(channels, found.channels, found.name)
    whole = _projected(model, picture, found, values.astype(np.float32)[:, None], relu)
    parts = [
        _projected(model, picture, found, channel_signal(values, found, k), relu) for k in chosen
    ]
    ginis = [gini(part) for part in parts if part.any()]
    return LayerResponse(
        found.name,
        picture,
        whole,
        chosen,
        np.stack(parts) if parts else np.zeros((0, *whole.shape)),
        float(np.mean(ginis)) if ginis else float("nan"),
        float((strength == 0).mean()),
        origin(model),
    )


def _projected(
    model: Model, picture: Picture, layer: FeatureLayer, seed: NDArray[Any], relu: str
) -> NDArray[np.float64]:
    try:
        found = back_project(model, picture.x, layer.name, seed, rectify=WAYS[relu])
    except MethodRefusedError:
        if relu in ("deconvnet", "guided"):
            raise
        # Without an activation to leave out, the plain way is the same.
        found = back_project(model, picture.x, layer.name, seed)
    axis = 0 if model.network.image.layout == "NCHW" else 2
    return found[0, 0].astype(np.float64).sum(axis=axis)
