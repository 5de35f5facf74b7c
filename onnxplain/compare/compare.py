"""Do several files predict the same, and for the same reasons?"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from onnxplain.compare.comparison import LIKENESS, Comparison, PairOfFiles
from onnxplain.compare.shared_frame import on_photo, shared_region
from onnxplain.errors import ImageError, NumericalError, UsageError
from onnxplain.evaluate.similarity import spearman
from onnxplain.inputs.dataset import Sample
from onnxplain.inputs.image import open_image
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.provenance import versions

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Seen:
    """What one model says about one picture.

    Attributes
    ----------
    predicted : int
        Class index.
    label : str
        Its name; empty if unknown.
    probability : float
        Of that class.
    probabilities : (K,) array
        Of all classes.
    maps : mapping of str to (rows, columns) array
        By method, on the grid of the photo that all models share.
    """

    predicted: int
    label: str
    probability: float
    probabilities: NDArray[np.float64]
    maps: Mapping[str, NDArray[np.float64]]


def compare(
    models: Sequence[Model],
    samples: Sequence[Sample],
    methods: Mapping[str, Mapping[str, Any]],
    *,
    seed: int = 0,
    keep: Callable[[str, Mapping[str, Seen]], None] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Ask several files the same question about the same photos.

    Each model explains the class that the first model predicts, so that a difference of
    maps is one of reasons and not of questions. Maps are compared at the same places of
    the photo, in the part that all models see; layouts, sizes and preprocessing may differ.

    Parameters
    ----------
    models : sequence of Model
        At least two, of the same classes in the same order.
    samples : sequence of Sample
        The photos.
    methods : mapping of str to mapping
        Parameters by method name.
    seed : int
        Of random draws.
    keep : callable, optional
        Called with each picture's name and what each model said, for drawing.
    progress : callable, optional
        Called with (pictures done, pictures in all).

    Returns
    -------
    Comparison

    Raises
    ------
    UsageError
        If there are fewer than two models, or their classes differ.
    ImageError
        If no picture could be compared.
    """
    _require_alike(models)
    names = _told_apart([m.name for m in models])
    for name, parameters in methods.items():
        check_parameters(find(name), parameters)
    pairs: list[PairOfFiles] = []
    predictions: list[Mapping[str, Any]] = []
    problems: list[str] = []
    before: Mapping[str, Seen] | None = None
    for number, sample in enumerate(samples, 1):
        try:
            seen = dict(zip(names, _look(models, sample, methods, seed), strict=True))
        except (ImageError, NumericalError) as error:
            problems.append(f"{sample.name}: {error}")
        else:
            for first, second in itertools.combinations(names, 2):
                pairs.append(_pair(sample.name, first, second, seen, before))
            before = seen
            for name, said in seen.items():
                entry = {"predicted": said.predicted, "label": said.label}
                entry["probability"] = said.probability
                predictions.append({"sample": sample.name, "model": name, **entry})
            if keep is not None:
                keep(sample.name, seen)
        if progress is not None:
            progress(number, len(samples))
    if not pairs:
        raise ImageError(f"no picture could be compared: {problems[0]}")
    return Comparison(
        names, pairs, predictions, problems, _provenance(names, models, samples, methods, seed)
    )


def _look(
    models: Sequence[Model],
    sample: Sample,
    methods: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> list[Seen]:
    photo = open_image(sample.path)
    region = shared_region([m.preprocess for m in models], photo.size)
    question: int | None = None
    found = []
    for model in models:
        picture = model.read(photo)
        prediction = model.predict(picture)
        predicted = int(prediction.probabilities.argmax())
        question = predicted if question is None else question
        maps = {
            name: on_photo(
                model.explain(
                    picture, name, question, seed=seed, prediction=prediction, **parameters
                ).heatmap(),
                model.preprocess,
                photo.size,
                region,
            )
            for name, parameters in methods.items()
        }
        label = model.labels[predicted] if model.labels else ""
        probability = float(prediction.probabilities[predicted])
        found.append(Seen(predicted, label, probability, prediction.probabilities, maps))
    return found


def _pair(
    sample: str,
    first: str,
    second: str,
    seen: Mapping[str, Seen],
    before: Mapping[str, Seen] | None,
) -> PairOfFiles:
    a, b = seen[first], seen[second]
    return PairOfFiles(
        sample,
        first,
        second,
        a.predicted == b.predicted,
        float(np.abs(a.probabilities - b.probabilities).max()),
        {
            method: {
                name: measure(a.maps[method], b.maps[method]) for name, measure in LIKENESS.items()
            }
            for method in a.maps
        },
        {} if before is None else {m: spearman(a.maps[m], before[second].maps[m]) for m in a.maps},
    )


def _require_alike(models: Sequence[Model]) -> None:
    if len(models) < 2:
        raise UsageError("comparing needs at least two models")
    first = models[0]
    for other in models[1:]:
        if other.network.classes != first.network.classes:
            raise UsageError(
                f"{first.name!r} has {first.network.classes} classes, {other.name!r} "
                f"{other.network.classes}; only models of the same classes can be compared"
            )
        if first.labels and other.labels and first.labels != other.labels:
            k = next(
                i for i, (a, b) in enumerate(zip(first.labels, other.labels, strict=True)) if a != b
            )
            raise UsageError(
                f"class {k} is {first.labels[k]!r} in {first.name!r} and {other.labels[k]!r} in "
                f"{other.name!r}; they are compared class by class; give both the same labels"
            )


def _told_apart(names: Sequence[str]) -> list[str]:
    return [n if names.count(n) == 1 else f"{n} ({k})" for k, n in enumerate(names, 1)]


def _provenance(
    names: Sequence[str],
    models: Sequence[Model],
    samples: Sequence[Sample],
    methods: Mapping[str, Mapping[str, Any]],
    seed: int,
) -> dict[str, Any]:
    return {
        "models": [
            {
                "name": name,
                "sha256": model.sha256,
                "preprocess": model.preprocess.to_dict(),
                "preprocess_sha256": model.preprocess.sha256,
            }
            for name, model in zip(names, models, strict=True)
        ],
        "pictures": len(samples),
        "methods": {name: check_parameters(find(name), given) for name, given in methods.items()},
        "seed": seed,
        "versions": versions(),
    }
