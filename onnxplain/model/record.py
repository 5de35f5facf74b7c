"""From what a method found to an `Explanation` that says where it came from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from onnxplain.explanations.attribution import Attribution
from onnxplain.explanations.explanation import Explanation
from onnxplain.inputs.picture import Picture
from onnxplain.methods import Method
from onnxplain.provenance import versions
from onnxplain.targets.classes import Target
from onnxplain.tasks.classification import Classifier
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
    model: Classifier,
    run: Run,
    picture: Picture,
    target: Target,
    prediction: Prediction,
    found: Attribution,
) -> Explanation:
    """Put an attribution of one picture and its provenance together.

    Parameters
    ----------
    model : Classifier
        What was explained.
    run : Run
        How.
    picture : Picture
        The input.
    target : Target
        The explained score.
    prediction : Prediction
        What the model says there, with the parity if it was measured.
    found : Attribution
        Of a batch of one.
    """
    network, method = model.network, run.method
    measures = {k: float(v[0]) for k, v in found.measures.items()}
    notes = dict(found.notes)
    if network.cut:
        notes["at"] = network.image.name
    uses_torch = method.runs_on == "PyTorch"
    if prediction.parity is not None and uses_torch:
        measures["parity_error"] = prediction.parity.error
        measures["parity_tolerance"] = prediction.parity.tolerance
        notes["parity_tolerance_from"] = prediction.parity.basis
    order = np.argsort(-prediction.probabilities, kind="stable")[:_NAMED_CLASSES]
    spoken_of = [*order, target.index, *([] if target.contrast is None else [target.contrast])]
    dtype = np.float64 if network.precision == "double" else np.float32
    return Explanation(
        attribution=found.values[0].astype(dtype),
        axes=found.axes,
        method=method.name,
        display=method.display,
        parameters={**run.parameters, **found.parameters},
        target=target,
        score=float(target.select(prediction.of_kind(target.kind)[None])[0]),
        probabilities=prediction.probabilities.astype(np.float32),
        labels={int(k): model.labels[int(k)] for k in spoken_of if model.labels},
        layer=found.layer,
        pixels=picture.pixels,
        measures=measures,
        maps={k: np.asarray(v[0]) for k, v in found.maps.items()},
        notes=notes,
        seconds=run.seconds,
        provenance={
            "model": model.name,
            "model_sha256": model.sha256,
            "input": picture.source,
            "input_sha256": picture.sha256,
            "preprocess": model.preprocess.to_dict(),
            "preprocess_sha256": model.preprocess.sha256,
            "sources": model.sources,
            "engine": network.adapter(method.needs).device,
            "precision": network.precision if uses_torch else "as the file",
            "seed": run.seed,
            "versions": versions(),
            "warnings": [*model.warnings, *([picture.warning] if picture.warning else [])],
        },
    )
