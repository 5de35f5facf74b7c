"""Relevance through the channels of a layer: which ones a prediction uses, and where.

Achtibat, Dreyer, Eisenbraun, Bosse, Wiegand, Samek, Lapuschkin 2023, "From attribution maps to
human-understandable explanations through Concept Relevance Propagation", Nature Machine
Intelligence 5, doi:10.1038/s42256-023-00711-8.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import UsageError
from onnxplain.explanations.display import reduce_channels
from onnxplain.explanations.explanation import Explanation
from onnxplain.features.archive import origin, write_archive
from onnxplain.features.maps import check_channels
from onnxplain.inputs.picture import Picture
from onnxplain.methods.channels import channel_axis, channel_mask, channel_sums, top_channels
from onnxplain.methods.lrp import chosen_composite
from onnxplain.methods.relevance_through import relevance_through
from onnxplain.model.model import Model
from onnxplain.network.chosen_layer import tensor_of
from onnxplain.relevance.composites import Composite
from onnxplain.targets.request import TargetLike
from onnxplain.targets.target import Target

if TYPE_CHECKING:
    from onnxplain.inputs.picture import ImageLike


@dataclass(frozen=True)
class ConceptRelevance:
    """What the channels of a layer contribute to one target of one picture.

    Attributes
    ----------
    picture : Picture
        What was looked at.
    explanation : Explanation
        Relevance without any condition, by the method ``lrp``.
    layer : str
        Tensor name.
    relevance : (C,) float64 array
        Relevance of every channel, in score units; negative values oppose the target.
    channels : list of int
        Those that are shown.
    maps : (k, H, W) float64 array
        Relevance of the pixels that flows through each of these channels alone, summed over
        colours; signed, in score units.
    """

    picture: Picture
    explanation: Explanation
    layer: str
    relevance: NDArray[np.float64]
    channels: list[int]
    maps: NDArray[np.float64]

    @property
    def whole(self) -> NDArray[np.float64]:
        """Relevance of the pixels without any condition, (H, W)."""
        return reduce_channels(self.explanation.attribution, self.explanation.axes)

    def save(self, path: str | Path, model: Model) -> None:
        """Write ``relevance`` of all channels, ``channels``, ``maps`` and the ``whole`` map.

        Raises
        ------
        OutputError
            If the file cannot be written.
        """
        record = {
            **origin(model),
            "input": self.picture.source,
            "input_sha256": self.picture.sha256,
            "layer": self.layer,
            "target": self.explanation.target.to_dict(),
            "score": self.explanation.score,
            "composite": self.explanation.parameters["composite"],
            "warnings": list(self.explanation.warnings),
        }
        arrays = {
            "relevance": self.relevance,
            "channels": np.array(self.channels, np.int64),
            "maps": self.maps,
            "whole": self.whole,
        }
        write_archive(path, "concept relevance", record, arrays)


def concept_relevance(
    model: Model,
    image: ImageLike | Picture,
    layer: str | None = None,
    *,
    target: TargetLike | Target = None,
    channels: Sequence[int] | None = None,
    count: int = 5,
    composite: Composite | str = "auto",
    allow_mismatch: bool = False,
) -> ConceptRelevance:
    """Share a score out among the channels of a layer, and show where each found its part.

    Parameters
    ----------
    model : Model
        The opened model; relevance is propagated in PyTorch.
    image : path, PIL.Image.Image, array or Picture
        The picture.
    layer : str, optional
        A tensor with channels; the layer of class activation maps if not given.
    target : str, int, TargetRequest or Target, optional
        What is explained; the most probable class if not given.
    channels : sequence of int, optional
        Channels to show; those of the largest relevance, of either sign, if not given.
    count : int
        How many, if they are not named.
    composite : Composite or str
        Rules of the propagation, as in the method ``lrp``.
    allow_mismatch : bool
        Go on although PyTorch and ONNX Runtime disagree on the picture.

    Returns
    -------
    ConceptRelevance

    Raises
    ------
    UsageError
        If there is no such channel, or no relevance reaches the layer.
    MethodRefusedError
        If the axis of the channels is not known, or an operator has no rule.
    ParityError
        If the engines disagree.
    """
    network = model.network
    tensor = tensor_of(network, layer)
    axis = channel_axis(network, tensor)
    if channels is not None:
        check_channels(channels, network.shapes[tensor][axis], tensor)
    picture = image if isinstance(image, Picture) else model.read(image)
    whole = model.explain(
        picture, "lrp", target, at=tensor, composite=composite, allow_mismatch=allow_mismatch
    )
    relevance = np.asarray(whole.maps["channels"], np.float64)
    if not relevance.any():
        raise UsageError(
            f"no relevance reaches layer {tensor!r}: the score does not depend on it here; "
            "choose another with --layer"
        )
    shown = [k for k, _, _ in top_channels(relevance, count)] if channels is None else channels
    maps = conditional_maps(model, picture.x, whole.target, tensor, shown, composite)
    return ConceptRelevance(picture, whole, tensor, relevance, list(shown), maps[:, 0])


def conditional_maps(
    model: Model,
    x: NDArray[Any],
    target: Target,
    tensor: str,
    channels: Sequence[int],
    composite: Composite | str = "auto",
) -> NDArray[np.float64]:
    """Relevance of the pixels that flows through single channels of a tensor.

    Parameters
    ----------
    model : Model
        The opened model.
    x : (N, ...) array
        Model inputs.
    target : Target
        What is explained of each.
    tensor : str
        Where the channels are.
    channels : sequence of int
        Each gives a map of its own.
    composite : Composite or str
        See `concept_relevance`.

    Returns
    -------
    (len(channels), N, H, W) float64 array
        Summed over colours; signed, in score units.
    """
    network = model.network
    rules = chosen_composite(network.graph, composite).within(model.preprocess.bounds())
    masks = [channel_mask(network, tensor, k) for k in channels]
    image = network.image.name
    engine = network.adapter(Capability.RELEVANCE)
    found = relevance_through(engine, x, target, rules, tensor, masks, image)
    colors = 1 if network.image.layout == "NCHW" else 3
    return np.array([np.asarray(f.relevance[image], np.float64).sum(axis=colors) for f in found])


def channel_shares(
    model: Model,
    x: NDArray[Any],
    target: Target,
    tensor: str,
    composite: Composite | str = "auto",
) -> NDArray[np.float64]:
    """Relevance of each channel of a tensor, as a share of the magnitude of all, (N, C).

    Parameters
    ----------
    model, x, target, tensor, composite
        See `conditional_maps`.
    """
    network = model.network
    rules = chosen_composite(network.graph, composite).within(model.preprocess.bounds())
    engine = network.adapter(Capability.RELEVANCE)
    (found,) = engine.relevance(x, [target], rules, [tensor])
    sums = channel_sums(network, tensor, found.relevance[tensor])
    sizes = np.abs(sums).sum(axis=1, keepdims=True)
    return np.divide(sums, sizes, out=np.zeros_like(sums), where=sizes > 0)
