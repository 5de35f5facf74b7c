"""From what a method found to an `Explanation` that says where it came from."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.explanation import Explanation
from onnxplain.explanations.spread import NOTE
from onnxplain.inputs.bound import describe_bound
from onnxplain.inputs.picture import Picture
from onnxplain.machine import versions
from onnxplain.methods import Method
from onnxplain.model.doubts import map_warnings
from onnxplain.model.opened import OpenedModel
from onnxplain.network.chosen_layer import layer_warnings
from onnxplain.network.map_spread import map_spread
from onnxplain.network.network import Network
from onnxplain.network.placed_layer import placement_warnings
from onnxplain.targets.classes import ClassScore
from onnxplain.targets.target import Target
from onnxplain.tasks.prediction import Prediction

# Classes whose names an explanation keeps, the most probable first.
_NAMED_CLASSES = 20


@dataclass(frozen=True)
class Run:
    """How a method was run: with which parameters and seed, and for how long."""

    method: Method
    parameters: Mapping[str, Any]
    seed: int
    seconds: float


def explanation_of(
    model: OpenedModel,
    run: Run,
    picture: Picture,
    target: Target,
    prediction: Prediction,
    score: float,
    found: Attribution,
    noise: Callable[[float], float] | None = None,
) -> Explanation:
    """Put an attribution of one picture and its provenance together.

    Parameters
    ----------
    model : OpenedModel
        What was explained.
    run : Run
        How.
    picture : Picture
        The input.
    target : Target
        The explained score.
    prediction : Prediction
        What the model says there, with the parity if it was measured.
    score : float
        Its value there.
    found : Attribution
        Of a batch of one.
    noise : callable, optional
        What rounding does to the score, see `map_warnings`.
    """
    network, method = model.network, run.method
    measures = {k: float(v[0]) for k, v in found.measures.items()}
    notes = dict(found.notes)
    if network.cut:
        notes["at"] = network.image.name
    known = network.known_independence
    said = known.warnings if known is not None else ()
    if known is not None and said:
        notes["independence"] = known.to_dict()
    if found.layer in network.placements:
        notes["placement"] = network.placements[found.layer].to_dict()
        spread = map_spread(network, found.layer)
        if spread is not None:
            notes[NOTE] = spread.to_dict()
    needs = method.capabilities(run.parameters)
    uses_torch = network.in_pytorch(needs)
    if network.slopes_in_onnx(needs):
        if network.slopes.check is not None:
            measures["slope_error"] = network.slopes.check.error
        if network.slopes.obstacle:
            notes["pytorch_because"] = network.slopes.obstacle
    if prediction.parity is not None and uses_torch:
        measures["parity_error"] = prediction.parity.error
        measures["parity_tolerance"] = prediction.parity.tolerance
        notes["parity_tolerance_from"] = prediction.parity.basis
    order = prediction.order(_NAMED_CLASSES)
    spoken_of = [*order, *_named(target)]
    dtype = np.float64 if network.precision == "double" else np.float32
    return Explanation(
        attribution=found.values[0].astype(dtype),
        axes=found.axes,
        method=method.name,
        display=method.display,
        parameters={**run.parameters, **found.parameters},
        target=target,
        score=score,
        scores=prediction.scores.astype(np.float32),
        unit=prediction.unit,
        labels={int(k): prediction.name(int(k)) for k in spoken_of if prediction.names},
        layer=found.layer,
        pixels=picture.pixels,
        measures=measures,
        maps={k: np.asarray(v[0]) for k, v in found.maps.items()},
        notes=notes,
        seconds=run.seconds,
        warnings=(
            *found.warnings,
            *placement_warnings(network, found.layer),
            *_of_layer(network, run, found, target),
            *network.batch_warnings(needs),
            *map_warnings(
                method,
                found.values[0],
                found.axes,
                target,
                noise,
                competing=network.answer.task == "classes",
                has_logits=network.has_logits,
            ),
        ),
        provenance={
            "model": model.name,
            "model_sha256": model.sha256,
            "model_files": model.identity.to_list(),
            "input": picture.source,
            "input_sha256": picture.sha256,
            "preprocess": model.preprocess.to_dict(),
            "preprocess_sha256": model.preprocess.sha256,
            "sources": model.sources,
            **({"bound": describe_bound(network.bound)} if network.bound else {}),
            "engine": network.adapter(needs).device,
            "precision": network.precision if uses_torch else "as the file",
            "seed": run.seed,
            "versions": versions(),
            "warnings": [*model.warnings, *said, *([picture.warning] if picture.warning else [])],
        },
    )


def _of_layer(network: Network, run: Run, found: Attribution, target: Target) -> tuple[str, ...]:
    """Warnings of a method that is read at a layer."""
    if not run.method.takes_layer or found.layer is None:
        return ()
    return layer_warnings(network, run.parameters.get("layer"), found.layer, target)


def _named(target: Target) -> list[int]:
    """Classes that a target speaks of."""
    if not isinstance(target, ClassScore):
        return []
    return [target.index, *([] if target.contrast is None else [target.contrast])]
