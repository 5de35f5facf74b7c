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
from onnxplain.errors import ImageError, InternalError, OnnxplainError, UsageError
from onnxplain.evaluate.question import classes_of, require_question
from onnxplain.evaluate.similarity import cosine, spearman
from onnxplain.inputs.bound import describe_bound
from onnxplain.inputs.dataset import Sample, noting
from onnxplain.inputs.source import open_picture, size_of
from onnxplain.machine import versions
from onnxplain.methods import find
from onnxplain.methods.parameters import check_parameters
from onnxplain.model.model import Model
from onnxplain.process.journal import in_hand
from onnxplain.targets.request import TargetLike

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Seen:
    """What one model says about one picture.

    Attributes
    ----------
    predicted : int or None
        Class index; ``None`` where there are no classes.
    label : str
        Its name, or what is explained where there are no classes; empty if unknown.
    score : float
        Of that class, or what is explained.
    unit : str
        What that is: ``probability``, ``score``, ``area``, ``value``, ...
    scores : (K,) array
        Of all classes, or all values, or the embedding.
    maps : mapping of str to (rows, columns) array
        By method, on the grid of the photo that all models share.
    """

    predicted: int | None
    label: str
    score: float
    unit: str
    scores: NDArray[np.float64]
    maps: Mapping[str, NDArray[np.float64]]


def compare(
    models: Sequence[Model],
    samples: Sequence[Sample],
    methods: Mapping[str, Mapping[str, Any]],
    *,
    seed: int = 0,
    target: TargetLike = None,
    keep: Callable[[str, Mapping[str, Seen]], None] | None = None,
    progress: Progress | None = None,
) -> Comparison:
    """Ask several files the same question about the same photos.

    Each model explains the class that the first model predicts, or the same target, so that
    a difference of maps is one of reasons and not of questions. Maps are compared at the same
    places of the photo, in the part that all models see; layouts, sizes and preprocessing may
    differ.

    Parameters
    ----------
    models : sequence of Model
        At least two, of the same classes or values in the same order, or of embeddings.
    samples : sequence of Sample
        The photos.
    methods : mapping of str to mapping
        Parameters by method name.
    seed : int
        Of random draws.
    target : str, int, TargetRequest, optional
        What every model explains in every picture; models of several values, and of
        embeddings, need one.
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
        If there are fewer than two models, their classes differ, or what is to be explained
        cannot be.
    ImageError
        If no picture could be compared.
    """
    _require_alike(models)
    for model in models:
        require_question(model, target)
    names = _told_apart([m.name for m in models])
    for name, parameters in methods.items():
        check_parameters(find(name), parameters)
    embedding = models[0].task.name == "embedding"
    pairs: list[PairOfFiles] = []
    predictions: list[Mapping[str, Any]] = []
    failures: dict[str, OnnxplainError] = {}
    before: Mapping[str, Seen] | None = None
    for number, sample in enumerate(samples, 1):
        seen: dict[str, Seen] = {}
        with noting(sample, failures), in_hand(sample.name):
            seen.update(zip(names, _look(models, sample, methods, seed, target), strict=True))
        if seen:
            for first, second in itertools.combinations(names, 2):
                pairs.append(_pair(sample.name, first, second, seen, before, embedding=embedding))
            before = seen
            for name, said in seen.items():
                predictions.append({"sample": sample.name, "model": name, **_plain(said)})
            if keep is not None:
                keep(sample.name, seen)
        if progress is not None:
            progress(number, len(samples))
    if not pairs:
        problem, error = next(iter(failures.items()))
        kind = InternalError if isinstance(error, InternalError) else ImageError
        raise kind(f"no picture could be compared: {problem}")
    asked = _provenance(names, models, samples, methods, seed)
    asked |= {"target": None if target is None else str(target), "task": models[0].task.name}
    return Comparison(names, pairs, predictions, list(failures), asked)


def _look(
    models: Sequence[Model],
    sample: Sample,
    methods: Mapping[str, Mapping[str, Any]],
    seed: int,
    target: TargetLike,
) -> list[Seen]:
    size = size_of(open_picture(sample.path, models[0].preprocess))
    region = shared_region([m.preprocess for m in models], size)
    question = target
    found = []
    for model in models:
        picture = model.read(sample.path)
        asked = require_question(model, question)
        said = model.predict(picture, position=asked.position)
        if question is None and classes_of(model):
            question = said.winner
            asked = require_question(model, question)
        maps = {
            name: on_photo(
                model.explain(
                    picture, name, asked, seed=seed, prediction=said, if_still=False, **parameters
                ).heatmap(),
                model.preprocess,
                size,
                region,
            )
            for name, parameters in methods.items()
        }
        if classes_of(model):
            first = said.winner
            found.append(
                Seen(
                    first, said.name(first), float(said.scores[first]), said.unit, said.scores, maps
                )
            )
        else:
            aim = model.target(asked, said, picture=picture)
            score = float(aim.score(model.network.ort.activations(picture.x, aim.tensors))[0])
            found.append(Seen(None, aim.describe(), score, aim.unit, said.scores, maps))
    return found


def _plain(said: Seen) -> dict[str, Any]:
    entry: dict[str, Any] = {"predicted": said.predicted, "label": said.label}
    if said.unit == "probability":
        return {**entry, "probability": said.score}
    return {**entry, "probability": None, "score": said.score, "unit": said.unit}


def _pair(
    sample: str,
    first: str,
    second: str,
    seen: Mapping[str, Seen],
    before: Mapping[str, Seen] | None,
    *,
    embedding: bool,
) -> PairOfFiles:
    a, b = seen[first], seen[second]
    # Numbers of different units, and embeddings of different lengths, have no difference.
    alike = a.unit == b.unit and a.scores.shape == b.scores.shape
    return PairOfFiles(
        sample,
        first,
        second,
        None if a.predicted is None else a.predicted == b.predicted,
        float(np.abs(a.scores - b.scores).max()) if alike else None,
        {
            method: {
                name: measure(a.maps[method], b.maps[method]) for name, measure in LIKENESS.items()
            }
            for method in a.maps
        },
        {} if before is None else {m: spearman(a.maps[m], before[second].maps[m]) for m in a.maps},
        cosine(a.scores, b.scores) if alike and embedding else None,
    )


def _require_alike(models: Sequence[Model]) -> None:
    if len(models) < 2:
        raise UsageError("comparing needs at least two models")
    first = models[0]
    for other in models[1:]:
        if type(other.task) is not type(first.task):
            raise UsageError(
                f"{first.name!r} answers {first.task.name}, {other.name!r} {other.task.name}; only "
                "models of the same answers can be compared (--task declares them)"
            )
        if first.task.name == "embedding":
            continue
        if classes_of(first) is None and other.task.count != first.task.count:
            raise UsageError(
                f"{first.name!r} answers {first.task.count} values, {other.name!r} "
                f"{other.task.count}; only models of the same values can be compared"
            )
        if other.task.count != first.task.count:
            raise UsageError(
                f"{first.name!r} has {first.task.count} classes, {other.name!r} "
                f"{other.task.count}; only models of the same classes can be compared"
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
                "files": model.identity.to_list(),
                "preprocess": model.preprocess.to_dict(),
                "preprocess_sha256": model.preprocess.sha256,
                "sources": dict(model.sources),
                "warnings": list(model.warnings),
                **({"bound": describe_bound(model.network.bound)} if model.network.bound else {}),
            }
            for name, model in zip(names, models, strict=True)
        ],
        "pictures": len(samples),
        "methods": {name: check_parameters(find(name), given) for name, given in methods.items()},
        "seed": seed,
        "versions": versions(),
    }
