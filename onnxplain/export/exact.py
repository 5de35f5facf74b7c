"""The maps of a file without its rounding: the same nodes, computed in float64."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.convert.torch_threads import import_torch
from onnxplain.export.plan import INTEGRATED
from onnxplain.graph.prepare import prepare
from onnxplain.methods import find
from onnxplain.methods.gradients import input_gradient
from onnxplain.network.context import Context

if TYPE_CHECKING:
    import onnx

    from onnxplain.export.feeds import Feeds
    from onnxplain.export.plan import Plan
    from onnxplain.inputs.picture import Picture
    from onnxplain.model.model import Model


def maps_in_double(
    model: onnx.ModelProto,
    weights: Mapping[str, NDArray[Any]],
    feeds: Feeds,
    picture: Picture,
    names: Sequence[str],
) -> dict[str, NDArray[np.float64]]:
    """Compute named outputs of an exported file in float64, for one picture.

    Parameters
    ----------
    model : onnx.ModelProto
        The file. Its further inputs take their defaults.
    weights : mapping of str to array
        Initializers whose values it lacks, or that take another one.
    feeds : Feeds
        What its inputs are fed.
    picture : Picture
        The picture.
    names : sequence of str
        The outputs.

    Raises
    ------
    ConversionError
        If PyTorch cannot compute a node.
    """
    import_torch()
    from onnxplain.adapters.converted import Converted

    read = {t.name for t in model.graph.initializer}
    held = {n: a for n, a in weights.items() if n in read}
    # Inputs that have a default become constants here, and the branch with the maps is taken.
    graph = prepare(model, held)
    others = dict(feeds.others)
    engine = Converted(graph, feeds.image, device="cpu", bound=others, double=True)
    x = feeds.whole(picture.x)[feeds.image]
    found = engine.compute(engine.feeds(engine.tensor(x)), names)
    return {n: np.asarray(v, np.float64) for n, v in found.items()}


def integrated_in_double(
    model: Model, plan: Plan, picture: Picture, target: Any
) -> NDArray[np.float64]:
    """Integrated gradients of the engine at the points that a file holds, in float32.

    On the way from a plain baseline many rectifiers switch at once, so that even the rounding of
    a point is seen in the map.
    """
    (aim,) = model.resolve(picture, [target], **find(INTEGRATED).score(None))
    context = Context(model.network, model.preprocess)
    nodes, weights = np.polynomial.legendre.leggauss(plan.steps)
    points = ((nodes + 1) / 2).astype(np.float32).astype(np.float64)
    start = np.asarray(plan.baseline, np.float64)
    x = picture.x.astype(np.float64)
    way = x - start
    total = np.zeros(x.shape)
    for point, weight in zip(points, weights / 2, strict=True):
        slopes = input_gradient(context, start + point * way, aim).gradients
        total += weight * slopes[model.network.image.name]
    return (total * way)[0]
