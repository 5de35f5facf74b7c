"""From a checked file with plain maps to one of another form, checked as well."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from onnxplain.errors import ParityError, UsageError
from onnxplain.export.check import Arrays, open_model, same_scores
from onnxplain.export.check_view import ViewCheck, bytes_and_inputs, compare_view
from onnxplain.export.display import Form
from onnxplain.export.dress import dress
from onnxplain.export.plan import Plan
from onnxplain.export.preprocess import require_bytes
from onnxplain.export.view import View
from onnxplain.export.write import Written
from onnxplain.graph.carried import KEY
from onnxplain.methods import find
from onnxplain.network.map_spread import map_spread

if TYPE_CHECKING:
    from onnxplain.inputs.picture import Picture
    from onnxplain.model.model import Model

_RANK_WITH_CHANNELS = 4


def require_possible(model: Model, view: View) -> None:
    """Check that a view goes with a model.

    Raises
    ------
    UsageError
        If its input cannot be made of bytes.
    """
    if view.uint8:
        require_bytes(model.preprocess)
        if model.network.cut:
            raise UsageError("--uint8 goes with the model's own input; leave --at out")


def in_view(
    model: Model,
    plan: Plan,
    view: View,
    plain: tuple[Any, Written],
    original: tuple[Any, Sequence[str]],
    shown: Picture,
    weights: Arrays,
) -> tuple[Written, ViewCheck]:
    """Bring a file into another form and check it.

    Parameters
    ----------
    model : Model
        The opened model.
    plan : Plan
        What is written.
    view : View
        The form that is wanted.
    plain : (session, Written)
        The file with the methods' own maps.
    original : (session, list of str)
        The model's own, and its outputs.
    shown : Picture
        The picture on which it is checked.
    weights : mapping of str to array
        Initializers whose values the file lacks.

    Raises
    ------
    ParityError
        If scores, maps or overlays are not what they should be.
    """
    _, written = plain
    recipe, name = model.preprocess, model.network.image.name
    forms = _forms(model, plan, written)
    dressed = dress(written, forms, name, recipe, view)
    _describe(dressed, model, view)
    other = open_model(dressed.model, weights)
    first, outputs = original
    if view.uint8:
        pairs = bytes_and_inputs(recipe, shown.seen, model.network.image.batch)
        inputs = [{name: x} for _, x in pairs]
        others = [{dressed.picture: pixels} for pixels, _ in pairs]
    else:
        x = np.repeat(shown.x, model.network.image.batch or 1, axis=0)
        inputs = others = [{name: x}]
    if not same_scores(first, other, dressed, outputs, inputs, others):
        raise ParityError(
            "the scores of the exported file differ from the original's; nothing was written"
        )
    photos = recipe.decode(inputs[-1][name])
    feeds = (inputs[-1], others[-1])
    return dressed, compare_view(plain, (other, dressed), feeds, forms, view, photos)


def _forms(model: Model, plan: Plan, written: Written) -> Mapping[str, Form]:
    """What has to be known of each map to show it."""
    image = model.network.image
    ranks = {o.name: len(o.type.tensor_type.shape.dim) for o in written.model.graph.output}
    forms = {}
    for method, output in written.outputs.items():
        display = find(method).display
        if plan.at_layer(method):
            assert plan.layer is not None
            spread = map_spread(model.network, plan.layer.name)
            forms[method] = Form(display, plan.layer.grid, None, True, image.size, spread)
            continue
        channels = None
        if ranks[output] == _RANK_WITH_CHANNELS:
            channels = 1 if image.layout == "NCHW" else 3
        forms[method] = Form(display, image.size, channels, False, image.size)
    return forms


def _describe(dressed: Written, model: Model, view: View) -> None:
    """Add the form to what the file says of itself."""
    (entry,) = (p for p in dressed.model.metadata_props if p.key == KEY)
    said = json.loads(entry.value) | view.to_dict()
    if dressed.overlays:
        said["overlays"] = dict(dressed.overlays)
    if dressed.picture:
        said["inputs"] = dict(dressed.inputs)
        said["preprocess"] = model.preprocess.to_dict()
        said["preprocess_from"] = model.sources["preprocess"]
    entry.value = json.dumps(said)
