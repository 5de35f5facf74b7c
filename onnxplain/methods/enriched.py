"""Features selected on a data set, where they were seen in a picture, as an ordinary method."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.adapters.base import Capability
from onnxplain.errors import MethodRefusedError, UsageError
from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.display import scale, upsample
from onnxplain.graph.quantised import real_values
from onnxplain.methods.registry import method
from onnxplain.network.context import Context
from onnxplain.network.filters import (
    FeatureLayer,
    channel_signal,
    filter_layers,
    responses,
)
from onnxplain.network.map_spread import map_spread
from onnxplain.network.projection import project_signals
from onnxplain.network.selection import Selection, load_selection
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target

_FORWARD = Capability.FORWARD | Capability.ACTIVATIONS
# What the parameter ``features`` of both methods is.
FEATURES = "the .npz file that `onnxplain features relevant` writes"


@dataclass(frozen=True)
class _Seen:
    """Layers of a selection with their values for some inputs."""

    selection: Selection
    layers: Mapping[str, FeatureLayer]
    values: Mapping[str, NDArray[Any]]

    def strongest(self, n: int, index: int, count: int) -> list[tuple[float, int, float]]:
        """See `Selection.evidence`, for input `n`."""
        own = {name: values[n : n + 1] for name, values in self.values.items()}
        answers = responses(own, [*self.layers.values()])[0].astype(np.float64)
        return self.selection.evidence(index, answers, count)

    def named(self, n: int, k: int) -> tuple[FeatureLayer, int, NDArray[Any]]:
        """Layer, channel and the layer's values for input `n` of feature `k`."""
        feature = self.selection.features[k]
        return (
            self.layers[feature.layer],
            feature.channel,
            self.values[feature.layer][n : n + 1],
        )


@method(
    name="enriched",
    family="cam",
    needs=Capability.GRADIENTS | Capability.SIGNALS,
    explains="logit",
    against_others=False,
    display="positive",
    shows="where the features were seen that tell the class: not what else decided",
    ends=("not seen", "seen"),
    summary="The features selected for a class, projected back to the pixels they were seen at.",
    reference="Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 3.3",
    meaning="0 to 1, no unit: each feature's projection from its smallest to its largest "
    "magnitude, and of several features the largest at each pixel",
    class_discriminative=True,
    promises="",
    failures="features tell the classes of the data set apart; whether the network relies on them "
    "is another question (`onnxplain features ablation`)",
    asks={"features": FEATURES},
)
def enriched(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    features: str | None = None,
    count: int = 3,
    projection: str = "guided",
    resample: bool = True,
) -> Attribution:
    """Max over features k of scale(|P_k|), P_k the projection of all activations of filter k.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; x has the model's input shape.
    features : str
        File of features that were selected for this model.
    count : int
        Largest number of features; only those that support the class are taken.
    projection : {"guided", "deconvnet", "gradient"}
        How signals pass activations.
    resample : bool
        Leave no grid after strided convolutions; ``False`` shows the grid of a deconvnet.

    Returns
    -------
    Attribution
        (N, H, W) in [0, 1]; zeros where no feature supports the class. Measure ``evidence``:
        response times weight of the features shown, as a share of the sum of weights. Note
        ``features``: for each input their names.

    Raises
    ------
    UsageError
        If no file is named, or it is of another model or lacks the class.
    MethodRefusedError
        If the target is not the score of a class.
    """
    index, seen = _read(context, x, target, "enriched", features, count)
    engine = context.engine(Capability.GRADIENTS | Capability.SIGNALS)
    maps, shares, names = [], [], []
    for n in range(len(x)):
        kept = seen.strongest(n, index, count)
        found = [np.zeros(context.network.image.size)]
        for _, k, _ in kept:
            layer, channel, values = seen.named(n, k)
            seed = channel_signal(values, layer, channel)
            signal = project_signals(
                context.network, engine, x[n : n + 1], layer.name, seed, projection,
                resample=resample,
            )[:, 0]  # fmt: skip
            found.append(scale(np.abs(signal).max(axis=context.channel_axis)[0], "minmax"))
        maps.append(np.max(found, axis=0))
        shares.append(sum(share for share, _, _ in kept))
        names.append([str(seen.selection.features[k]) for _, k, _ in kept])
    return Attribution(
        np.stack(maps),
        ("H", "W"),
        measures={"evidence": np.array(shares, np.float64)},
        notes={"features": names[0] if len(names) == 1 else names},
    )


@method(
    name="activation",
    family="cam",
    needs=_FORWARD,
    explains="logit",
    against_others=False,
    display="positive",
    shows="where a layer answers, whatever the class unless features of a class are named",
    ends=("nothing", "answers"),
    summary="Activations of a layer, enlarged: of all its filters, of one, or of selected ones.",
    reference="Oramas, Wang, Tuytelaars 2019, arXiv:1712.06302, section 4.2 (the baseline)",
    meaning="units of the activations; with `features` 0 to 1, no unit, as for enriched",
    class_discriminative=False,
    promises="",
    failures="does not depend on the class unless features of it are named; as coarse as the layer",
)
def activation(
    context: Context,
    x: NDArray[Any],
    target: Target,
    *,
    layer: str | None = None,
    channel: int | None = None,
    features: str | None = None,
    count: int = 3,
) -> Attribution:
    """Mean over k of |A_k|; or A_k of one channel; or the largest of scale(A_k) over features.

    Parameters
    ----------
    context, x, target
        See `Context` and `Target`; the target matters only with `features`.
    layer : str, optional
        The layer whose feature maps are used; chosen automatically if not given.
    channel : int, optional
        The only feature map to show.
    features : str, optional
        File of features that were selected for this model: their maps are enlarged, scaled and
        put together as enriched does with projections. Features of layers without height and
        width are nowhere, and left out.
    count : int
        Largest number of features.

    Returns
    -------
    Attribution
        (N, h, w) in units of the activations; with `features` (N, H, W) in [0, 1].

    Raises
    ------
    MethodRefusedError
        If there is no layer with places.
    UsageError
        If there is no such channel, the file is of another model, or `features` and a layer or
        channel are both given.
    """
    if features is not None:
        if layer is not None or channel is not None:
            raise UsageError("activation takes features, or a layer and a channel, not both")
        return _of_features(context, x, target, features, count)
    spatial = context.network.layer(layer)
    values = context.engine(_FORWARD).activations(x, [spatial.name])[spatial.name]
    maps = spatial.to_maps(real_values(context.network.graph, spatial.name, values))
    if channel is None:
        return Attribution(np.abs(maps).mean(axis=1), ("H", "W"), layer=spatial.name)
    if not 0 <= channel < spatial.channels:
        raise UsageError(
            f"channel {channel} is out of range: {spatial.name!r} has 0..{spatial.channels - 1}"
        )
    return Attribution(maps[:, channel], ("H", "W"), layer=spatial.name)


def _of_features(
    context: Context, x: NDArray[Any], target: Target, features: str, count: int
) -> Attribution:
    index, seen = _read(context, x, target, "activation", features, count)
    size = context.network.image.size
    maps, names = [], []
    for n in range(len(x)):
        found, shown = [np.zeros(size)], []
        for _, k, _ in seen.strongest(n, index, count):
            layer, channel, values = seen.named(n, k)
            if layer.spatial is None:
                continue
            spread = map_spread(context.network, layer.name)
            large = upsample(np.abs(layer.maps(values)[0, channel]), size, spread)
            found.append(scale(large, "minmax"))
            shown.append(str(seen.selection.features[k]))
        maps.append(np.max(found, axis=0))
        names.append(shown)
    notes = {"features": names[0] if len(names) == 1 else names}
    return Attribution(np.stack(maps), ("H", "W"), notes=notes)


def _read(
    context: Context, x: NDArray[Any], target: Target, name: str, features: str | None, count: int
) -> tuple[int, _Seen]:
    """The class, and the selection with the values of its layers."""
    if features is None:
        raise UsageError(f"{name} needs features: give -p features=FILE, {FEATURES}")
    if count < 1:
        raise UsageError(f"count must be 1 or more, not {count}")
    if not isinstance(target, ClassScore) or _is_more(target):
        raise MethodRefusedError(
            f"{name} shows the features of one class, and the target is {target.describe()}; use "
            "grad-cam or occlusion"
        )
    selection = load_selection(features)
    context.require_origin(selection.record, "these features")
    layers = filter_layers(context.network, selection.layers)
    selection.require_filters(layers)
    graph = context.network.graph
    values = context.engine(_FORWARD).activations(x, selection.layers)
    real = {n: real_values(graph, n, v) for n, v in values.items()}
    return target.index, _Seen(selection, {layer.name: layer for layer in layers}, real)


def _is_more(target: ClassScore) -> bool:
    """Whether it is a difference, a negative or a place: features were selected for classes."""
    compared = target.contrast is not None or target.margin or target.negative
    return compared or bool(target.position or target.region)
